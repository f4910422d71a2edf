#ifndef FERRY_CTLS_H
#define FERRY_CTLS_H

/* TLS 1.3 over a connected socket, keyed by 32 bytes that both sides know (docs/adr/0010).
 *
 * OpenSSL is linked statically and seen by nobody else: no symbol of it leaves the object that
 * this is linked into, it reads no configuration, registers nothing with atexit(), and has a library
 * context of its own. One thread may send while another receives; nothing here ever waits for the
 * network, and no lock is held longer than one record (16 KiB) takes. A child of fork() must not
 * call any of this.
 *
 * Where a count is returned, a negative value is an error number:
 *   -EAGAIN        nothing can be transferred right now
 *   -EBADMSG       what came was changed on the way
 *   -ECONNRESET    the connection ended without a farewell
 *   -EKEYREJECTED  the peer has another key
 *   -EPROTO        what came is no TLS 1.3, or not what both sides agreed on
 *   others         of the socket; a connection that has failed once stays so */

#include <stdint.h>

struct ferry_tls;

/* A connection over `socket`, which stays the caller's, with the 32 bytes of `key`; NULL when there
 * is no memory. */
struct ferry_tls *ferry_tls_create(int socket, const void *key, int is_server);

/* Goes on with the handshake: 0 when it is done, else what to poll() for (POLLIN or POLLOUT) before
 * the next call, or a negative error number. Unless `may_receive`, nothing is read from the socket,
 * where something else may come before the peer's part. */
int ferry_tls_shake_hands(struct ferry_tls *tls, int may_receive);

/* Encrypts and sends: how many of the bytes have left, at least one, or a negative error number.
 * What did not leave must be offered again, first of all: some of it may be encrypted already. */
long ferry_tls_send(struct ferry_tls *tls, const void *bytes, long count);

/* Receives and decrypts: how many bytes came, 0 after the peer's farewell, or a negative error
 * number. */
long ferry_tls_receive(struct ferry_tls *tls, void *bytes, long count);

/* Whether bytes that came may already be waiting here, where poll() does not see them. */
int ferry_tls_has_input(const struct ferry_tls *tls);

/* Says farewell, as far as the socket takes it without waiting. */
void ferry_tls_end(struct ferry_tls *tls);

/* Forgets everything, keys first. */
void ferry_tls_free(struct ferry_tls *tls);

/* After how many records in one direction that direction gets a new key; the limit of AES-GCM is
 * some 2^24.5 (RFC 8446, 5.5). For tests. */
void ferry_tls_renew_keys_after(struct ferry_tls *tls, uint64_t records);

/* Overwrites a secret; no compiler may leave it out. */
void ferry_wipe(void *bytes, long count);

#endif
