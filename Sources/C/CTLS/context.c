/* What all connections have in common: protocol, cipher, and how the key gets in. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "internal.h"

/* The one key has a name only because the protocol wants one. */
static const unsigned char identity[] = "ferry 1";
enum { identity_size = sizeof identity - 1 };

/* TLS_AES_128_GCM_SHA256. A session that stands for a key needs a cipher for its hash. */
static const unsigned char session_cipher[] = {0x13, 0x01};

static int has_aes(void) {
#if defined(__x86_64__)
  unsigned a, b, c = 0, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_AES) != 0;
#else
  return 1;
#endif
}

static SSL_SESSION *session_of(SSL *ssl) {
  const struct ferry_tls *tls = SSL_get_app_data(ssl);
  const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, session_cipher);
  SSL_SESSION *session = SSL_SESSION_new();
  if (!tls || !cipher || !session || !SSL_SESSION_set1_master_key(session, tls->key, key_size) ||
      !SSL_SESSION_set_cipher(session, cipher) ||
      !SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION)) {
    SSL_SESSION_free(session);
    return NULL;
  }
  return session;
}

static int offer_key(SSL *ssl, const EVP_MD *hash, const unsigned char **name, size_t *size,
                     SSL_SESSION **session) {
  *name = identity;
  *size = identity_size;
  *session = NULL;
  if (hash && !EVP_MD_is_a(hash, "SHA256")) return 1;
  *session = session_of(ssl);
  return *session != NULL;
}

static int find_key(SSL *ssl, const unsigned char *name, size_t size, SSL_SESSION **session) {
  *session = NULL;
  if (size != identity_size || memcmp(name, identity, size) != 0) return 1;
  *session = session_of(ssl);
  return *session != NULL;
}

static int set_up(SSL_CTX *context, int is_server) {
  /* All of these use SHA-256, as the key's session does. The client's order counts. */
  const char *ciphers = has_aes() ? "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
                                  : "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
  if (!SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
      !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) ||
      !SSL_CTX_set_ciphersuites(context, ciphers) ||
      !SSL_CTX_set1_groups_list(context, "X25519") || !SSL_CTX_set_num_tickets(context, 0))
    return 0;
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  /* No imitation of TLS 1.2: nothing on the way knows this protocol anyway. */
  SSL_CTX_clear_options(context, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, input_size);
  if (is_server) {
    /* It has no certificate, so without the key there is no handshake. */
    SSL_CTX_set_psk_find_session_callback(context, find_key);
  } else {
    SSL_CTX_set_psk_use_session_callback(context, offer_key);
    /* A certificate instead of the key would be checked against no authority at all. */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  }
  return 1;
}

static SSL_CTX *make_context(int is_server) {
  uint64_t quiet = OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG |
                   OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_LOAD_SSL_STRINGS;
  if (!OPENSSL_init_ssl(quiet, NULL)) return NULL;
  OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
  if (!library) return NULL;
  SSL_CTX *context =
      SSL_CTX_new_ex(library, NULL, is_server ? TLS_server_method() : TLS_client_method());
  if (context && set_up(context, is_server)) return context;
  SSL_CTX_free(context);
  OSSL_LIB_CTX_free(library);
  return NULL;
}

SSL_CTX *ferry_tls_context(int is_server) {
  /* For the life of the process. */
  static struct ferry_lock lock;
  static SSL_CTX *contexts[2];
  ferry_take_lock(&lock);
  SSL_CTX **context = &contexts[is_server != 0];
  if (!*context) *context = make_context(is_server);
  SSL_CTX *result = *context;
  ferry_give_lock(&lock);
  return result;
}
