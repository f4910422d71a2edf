/* How SSL gets at the socket: it reads several records at once, and writes into a buffer, so that
 * many records leave in one system call. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"

static int write_bytes(BIO *bio, const char *bytes, size_t count, size_t *written) {
  struct ferry_tls *tls = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (count > output_size - tls->output_end) {
    BIO_set_retry_write(bio);
    return 0;
  }
  memcpy(tls->output + tls->output_end, bytes, count);
  tls->output_end += count;
  *written = count;
  return 1;
}

static int read_bytes(BIO *bio, char *bytes, size_t count, size_t *read) {
  struct ferry_tls *tls = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  *read = 0;
  if (tls->is_held) {
    tls->is_blocked = 1;
    BIO_set_retry_read(bio);
    return 0;
  }
  size_t staged = tls->stage_end - tls->stage_start;
  int has_more = staged == 0 || tls->stage_end == stage_size;
  if (staged > count) staged = count;
  if (staged > 0) {
    memcpy(bytes, tls->stage + tls->stage_start, staged);
    tls->stage_start += staged;
    if (tls->stage_start == tls->stage_end) tls->stage_start = tls->stage_end = 0;
  }
  *read = staged;
  if (!has_more || staged == count) return 1;
  if (tls->is_ended || tls->input_error != 0) return staged > 0;
  ssize_t received;
  do received = recv(tls->socket, bytes + staged, count - staged, MSG_DONTWAIT);
  while (received < 0 && errno == EINTR);
  if (received > 0) {
    *read += (size_t)received;
    return 1;
  }
  if (received == 0) tls->is_ended = 1;
  if (received < 0 && errno != EAGAIN) tls->input_error = errno;
  if (staged > 0) return 1;
  if (received < 0 && errno == EAGAIN) {
    tls->is_blocked = 1;
    BIO_set_retry_read(bio);
  }
  return 0;
}

static long control(BIO *bio, int command, long number, void *pointer) {
  (void)number;
  (void)pointer;
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return ((struct ferry_tls *)BIO_get_data(bio))->is_ended;
  return 0;
}

BIO *ferry_tls_bio(struct ferry_tls *tls) {
  static struct ferry_lock lock;
  static BIO_METHOD *method;
  ferry_take_lock(&lock);
  if (!method) {
    BIO_METHOD *made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "ferry");
    if (made && BIO_meth_set_write_ex(made, write_bytes) && BIO_meth_set_read_ex(made, read_bytes) &&
        BIO_meth_set_ctrl(made, control))
      method = made;
    else
      BIO_meth_free(made);
  }
  ferry_give_lock(&lock);
  BIO *bio = method ? BIO_new(method) : NULL;
  if (!bio) return NULL;
  BIO_set_data(bio, tls);
  BIO_set_init(bio, 1);
  return bio;
}

int ferry_tls_flush(struct ferry_tls *tls) {
  while (1) {
    ferry_take_lock(&tls->ssl_lock);
    if (tls->output_start == tls->output_end) tls->output_start = tls->output_end = 0;
    const uint8_t *next = tls->output + tls->output_start;
    size_t count = tls->output_end - tls->output_start;
    ferry_give_lock(&tls->ssl_lock);
    if (count == 0) return 0;
    ssize_t sent = send(tls->socket, next, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    ferry_take_lock(&tls->ssl_lock);
    tls->output_start += (size_t)sent;
    ferry_give_lock(&tls->ssl_lock);
  }
}
