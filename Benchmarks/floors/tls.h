/* TLS 1.3 with an external pre-shared key, by OpenSSL, on a socket that never blocks. */
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>

static const unsigned char tls_key[32] = "a key that both ends have.......";

static inline unsigned tls_client_key(SSL *tls, const char *hint, char *identity, unsigned identity_size,
                                      unsigned char *key, unsigned key_size) {
  (void)tls, (void)hint, (void)key_size;
  snprintf(identity, identity_size, "bench");
  memcpy(key, tls_key, sizeof tls_key);
  return sizeof tls_key;
}

static inline unsigned tls_server_key(SSL *tls, const char *identity, unsigned char *key, unsigned key_size) {
  (void)tls, (void)identity, (void)key_size;
  memcpy(key, tls_key, sizeof tls_key);
  return sizeof tls_key;
}

static inline SSL *tls_start(int socket, int is_server) {
  SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_psk_client_callback(context, tls_client_key);
  SSL_CTX_set_psk_server_callback(context, tls_server_key);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_num_tickets(context, 0);
  SSL *tls = SSL_new(context);
  SSL_set_fd(tls, socket);
  if ((is_server ? SSL_accept(tls) : SSL_connect(tls)) != 1) fail("TLS handshake");
  fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
  return tls;
}

static inline size_t tls_receive(SSL *tls, void *bytes, size_t count) {
  int got = SSL_read(tls, bytes, count > 1 << 30 ? 1 << 30 : (int)count);
  if (got > 0) return got;
  if (SSL_get_error(tls, got) != SSL_ERROR_WANT_READ) exit(0);
  return 0;
}

static inline size_t tls_send(SSL *tls, const void *bytes, size_t count) {
  int sent = SSL_write(tls, bytes, count > 1 << 20 ? 1 << 20 : (int)count);
  if (sent > 0) return sent;
  if (SSL_get_error(tls, sent) != SSL_ERROR_WANT_WRITE) exit(0);
  return 0;
}

#endif
