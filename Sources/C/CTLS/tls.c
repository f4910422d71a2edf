#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "ctls.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "internal.h"

void ferry_wipe(void *bytes, long count) { OPENSSL_cleanse(bytes, (size_t)count); }

struct ferry_tls *ferry_tls_create(int socket, const void *key, int is_server) {
  SSL_CTX *context = ferry_tls_context(is_server);
  struct ferry_tls *tls = context ? calloc(1, sizeof *tls) : NULL;
  if (!tls) return NULL;
  tls->socket = socket;
  tls->is_server = is_server;
  /* A margin of two for what is counted a little differently here than there. */
  tls->most_records = 1u << 23;
  for (int index = 0; index < key_size; index++) tls->key[index] = ((const uint8_t *)key)[index];
  tls->output = malloc(output_size);
  tls->ssl = SSL_new(context);
  BIO *bio = tls->output && tls->ssl ? ferry_tls_bio(tls) : NULL;
  if (!bio) {
    ferry_tls_free(tls);
    return NULL;
  }
  SSL_set_app_data(tls->ssl, tls);
  SSL_set_bio(tls->ssl, bio, bio);
  if (is_server)
    SSL_set_accept_state(tls->ssl);
  else
    SSL_set_connect_state(tls->ssl);
  return tls;
}

void ferry_tls_free(struct ferry_tls *tls) {
  if (!tls) return;
  SSL_free(tls->ssl);
  if (tls->output) OPENSSL_cleanse(tls->output, output_size);
  free(tls->output);
  OPENSSL_cleanse(tls, sizeof *tls);
  free(tls);
}

void ferry_tls_renew_keys_after(struct ferry_tls *tls, uint64_t records) {
  tls->most_records = records;
}

/* Why SSL could not go on; it is not for want of bytes. Called with the lock held. */
static int reason(struct ferry_tls *tls) {
  if (tls->input_error != 0) return -tls->input_error;
  unsigned long error = ERR_peek_last_error();
  int why = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  ERR_clear_error();
  switch (why) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return -ECONNRESET;
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: return -EBADMSG;
    case SSL_R_BINDER_DOES_NOT_VERIFY:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER: return -EKEYREJECTED;
    case SSL_R_SSLV3_ALERT_BAD_RECORD_MAC: return -EBADMSG;
    default: return tls->is_ended ? -ECONNRESET : -EPROTO;
  }
}

/* Notes that the connection has failed. */
static int fail(struct ferry_tls *tls, int failure) {
  __atomic_store_n(&tls->failure, failure, __ATOMIC_RELAXED);
  return failure;
}

/* The same by another thread than the sender; the peer is told if that one does not use the socket. */
static int fail_and_tell(struct ferry_tls *tls, int failure) {
  if (ferry_try_lock(&tls->send_lock)) {
    ferry_tls_flush(tls);
    ferry_give_lock(&tls->send_lock);
  }
  return fail(tls, failure);
}

static int failure(struct ferry_tls *tls) {
  return __atomic_load_n(&tls->failure, __ATOMIC_RELAXED);
}

int ferry_tls_shake_hands(struct ferry_tls *tls, int may_receive) {
  if (failure(tls) != 0) return failure(tls);
  ferry_take_lock(&tls->ssl_lock);
  tls->is_held = !may_receive;
  tls->is_blocked = 0;
  int status = SSL_do_handshake(tls->ssl);
  int why = status == 1 || tls->is_blocked ? 0 : reason(tls);
  /* With the key or not at all: a certificate must not do instead. */
  if (status == 1 && !SSL_session_reused(tls->ssl)) why = -EKEYREJECTED;
  ferry_give_lock(&tls->ssl_lock);
  if (why != 0) return fail_and_tell(tls, why);
  int sent = ferry_tls_flush(tls);
  if (sent == -EAGAIN) return POLLOUT;
  if (sent != 0) return fail(tls, sent);
  if (status != 1) return POLLIN;
  OPENSSL_cleanse(tls->key, key_size);
  tls->has_input = SSL_has_pending(tls->ssl) || tls->stage_end > 0;
  return 0;
}

/* Encrypts a batch into the output; 0 or a negative error number. */
static int encrypt(struct ferry_tls *tls, const uint8_t *bytes, size_t count) {
  const size_t record = SSL3_RT_MAX_PLAIN_LENGTH;
  for (size_t done = 0; done < count;) {
    size_t part = count - done < record ? count - done : record;
    ferry_take_lock(&tls->ssl_lock);
    int is_renewed = ++tls->records < tls->most_records ||
                     SSL_key_update(tls->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1;
    if (tls->records >= tls->most_records) tls->records = 0;
    int written = is_renewed ? SSL_write(tls->ssl, bytes + done, (int)part) : -1;
    int why = written > 0 ? 0 : reason(tls);
    ferry_give_lock(&tls->ssl_lock);
    if (why != 0) return why;
    done += (size_t)written;
  }
  return 0;
}

/* Reports what has left of the bytes that were encrypted. */
static long report(struct ferry_tls *tls, size_t count) {
  size_t left = tls->unreported < count ? tls->unreported : count;
  tls->unreported -= left;
  return (long)left;
}

static long send_locked(struct ferry_tls *tls, const void *bytes, size_t count) {
  int status = ferry_tls_flush(tls);
  if (status == 0 && tls->unreported == 0) {
    size_t batch = count < batch_size ? count : batch_size;
    status = encrypt(tls, bytes, batch);
    if (status != 0) return fail(tls, status);
    tls->unreported = batch;
    status = ferry_tls_flush(tls);
  }
  if (status == -EAGAIN) return status;
  if (status != 0) return fail(tls, status);
  return report(tls, count);
}

long ferry_tls_send(struct ferry_tls *tls, const void *bytes, long count) {
  if (failure(tls) != 0) return failure(tls);
  if (count <= 0) return 0;
  ferry_take_lock(&tls->send_lock);
  long result = send_locked(tls, bytes, (size_t)count);
  ferry_give_lock(&tls->send_lock);
  return result;
}

/* Reads a little without the lock, which a thread that looks again and again would keep from the
 * sender: 0 when there is something for SSL to do, else -EAGAIN. */
static int stage(struct ferry_tls *tls) {
  if (tls->has_input || tls->stage_end > 0) return 0;
  ssize_t received;
  do received = recv(tls->socket, tls->stage, stage_size, MSG_DONTWAIT);
  while (received < 0 && errno == EINTR);
  if (received < 0 && errno == EAGAIN) return -EAGAIN;
  /* An end or an error goes to SSL, which knows what it is to the protocol. */
  if (received < 0) tls->input_error = errno;
  if (received == 0) tls->is_ended = 1;
  if (received > 0) tls->stage_end = (size_t)received;
  return 0;
}

static long receive_locked(struct ferry_tls *tls, uint8_t *bytes, size_t count) {
  if (stage(tls) != 0) return -EAGAIN;
  if (count > most_input) count = most_input;
  size_t done = 0;
  int why = 0, is_over = 0, has_more = 1;
  while (done < count && has_more && why == 0 && !is_over) {
    ferry_take_lock(&tls->ssl_lock);
    tls->is_blocked = 0;
    int got = SSL_read(tls->ssl, bytes + done, (int)(count - done));
    if (got > 0) {
      done += (size_t)got;
      has_more = SSL_has_pending(tls->ssl) || tls->stage_end > 0;
    } else if (tls->is_blocked) {
      has_more = 0;
    } else if (SSL_get_error(tls->ssl, got) == SSL_ERROR_ZERO_RETURN) {
      is_over = 1;
    } else {
      why = reason(tls);
    }
    ferry_give_lock(&tls->ssl_lock);
  }
  if (why != 0) fail_and_tell(tls, why);
  /* The bytes before an end or an error come first; nobody may sleep until the next call. */
  int comes_again = done > 0 && (is_over || why != 0);
  __atomic_store_n(&tls->has_input, has_more || comes_again, __ATOMIC_RELAXED);
  if (done > 0) return (long)done;
  return is_over ? 0 : why != 0 ? why : -EAGAIN;
}

long ferry_tls_receive(struct ferry_tls *tls, void *bytes, long count) {
  if (failure(tls) != 0) return failure(tls);
  if (count <= 0) return 0;
  ferry_take_lock(&tls->receive_lock);
  long result = receive_locked(tls, bytes, (size_t)count);
  ferry_give_lock(&tls->receive_lock);
  return result;
}

int ferry_tls_has_input(const struct ferry_tls *tls) {
  return __atomic_load_n(&tls->has_input, __ATOMIC_RELAXED);
}

void ferry_tls_end(struct ferry_tls *tls) {
  if (failure(tls) != 0) return;
  ferry_take_lock(&tls->send_lock);
  ferry_take_lock(&tls->ssl_lock);
  if (SSL_is_init_finished(tls->ssl)) SSL_shutdown(tls->ssl);
  ERR_clear_error();
  ferry_give_lock(&tls->ssl_lock);
  ferry_tls_flush(tls);
  ferry_give_lock(&tls->send_lock);
}
