#ifndef FERRY_CTLS_INTERNAL_H
#define FERRY_CTLS_INTERNAL_H

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "ctls.h"
#include "lock.h"

enum {
  key_size = 32,
  /* Bytes that are encrypted before they go to the socket together. */
  batch_size = 128 << 10,
  /* What SSL reads from the socket at once: several records. */
  input_size = 128 << 10,
  /* A batch, what each of its records adds, and room for an alert or a key update. */
  output_size = batch_size + 4096,
  /* What is read before the lock is taken: most messages whole. */
  stage_size = 4096,
  /* One call brings no more than this, so that a peer that never pauses cannot hold it up. */
  most_input = 256 << 10,
};

struct ferry_tls {
  SSL *ssl;
  int socket;
  int is_server;
  uint8_t key[key_size];

  /* `ssl_lock` guards `ssl` and `output`; the other two keep second senders and receivers out. */
  struct ferry_lock ssl_lock, send_lock, receive_lock;

  /* Sending. Encrypted bytes that have not left yet, and how many bytes of the caller they are. */
  uint8_t *output;
  size_t output_start, output_end;
  size_t unreported;
  uint64_t records, most_records;

  /* Receiving. What was read before the lock was taken. */
  size_t stage_start, stage_end;
  int has_input;
  int is_held, is_blocked, is_ended, input_error;
  uint8_t stage[stage_size];

  /* A negative error number once the connection has failed. */
  int failure;
};

/* The settings that all connections of one role share, made at the first need; NULL when that
 * failed. */
SSL_CTX *ferry_tls_context(int is_server);

/* A BIO whose other end is `tls`. */
BIO *ferry_tls_bio(struct ferry_tls *tls);

/* Sends encrypted bytes; 0 when none is left, else -EAGAIN or another negative error number. */
int ferry_tls_flush(struct ferry_tls *tls);

#endif
