/* Two ends of a connection in two processes: TCP, Unix, TLS 1.3 with a pre-shared key over TCP, or a
 * ring in shared memory. And the three manners of waiting for what comes.
 *
 * Sends and receives are the system calls that Ferry makes: send and recv with MSG_DONTWAIT, poll. */
#ifndef BENCH_CONNECTION_H
#define BENCH_CONNECTION_H

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "waiting.h"

#ifdef BENCH_TLS
#include "tls.h"
#else
typedef void SSL;
#endif

struct end {
  int socket;
  SSL *tls;
  struct waiting waiting;
};

static inline void tcp_pair(int pair[2]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  if (bind(listener, (void *)&address, size) || listen(listener, 1)) fail("listen");
  if (getsockname(listener, (void *)&address, &size)) fail("getsockname");
  pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(pair[0], (void *)&address, size)) fail("connect");
  pair[1] = accept(listener, NULL, NULL);
  if (pair[1] < 0) fail("accept");
  close(listener);
  for (int i = 0; i < 2; i++) setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline void socket_pair(const char *transport, int pair[2]) {
  if (!strcmp(transport, "unix")) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) fail("socketpair");
  } else if (!strcmp(transport, "tcp") || !strcmp(transport, "tls")) {
    tcp_pair(pair);
  } else {
    fprintf(stderr, "no such transport: %s\n", transport), exit(2);
  }
}

/* Takes one end over; with TLS both ends must do it at the same time, in different processes. */
static inline struct end end_of(const char *transport, int socket, int is_server, struct waiting waiting) {
  struct end end = {socket, NULL, waiting};
  if (!strcmp(transport, "tls")) {
#ifdef BENCH_TLS
    end.tls = tls_start(socket, is_server);
#else
    fprintf(stderr, "built without OpenSSL\n"), exit(2);
#endif
  }
  (void)is_server;
  return end;
}

/* What is there, at most `count` bytes; 0 when there is nothing. */
static inline size_t receive_some(struct end *end, void *bytes, size_t count) {
#ifdef BENCH_TLS
  if (end->tls) return tls_receive(end->tls, bytes, count);
#endif
  ssize_t got = recv(end->socket, bytes, count, MSG_DONTWAIT);
  if (got > 0) return got;
  if (got == 0) exit(0); /* the other end is done */
  if (errno != EAGAIN && errno != EINTR) fail("recv");
  return 0;
}

static inline void receive_all(struct end *end, void *bytes, size_t count) {
  size_t done = 0;
  struct spinner spinner = {0, 0};
  while (done < count) {
    size_t got = receive_some(end, (char *)bytes + done, count - done);
    done += got;
    if (got) spinner = (struct spinner){0, 0};
    else if (!spin_again(&spinner, &end->waiting)) wait_for(end->socket, POLLIN);
  }
}

static inline void send_all(struct end *end, const void *bytes, size_t count) {
  size_t done = 0;
  while (done < count) {
#ifdef BENCH_TLS
    if (end->tls) {
      size_t sent = tls_send(end->tls, (const char *)bytes + done, count - done);
      if (!sent) wait_for(end->socket, POLLOUT);
      done += sent;
      continue;
    }
#endif
    ssize_t sent = send(end->socket, (const char *)bytes + done, count - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) done += sent;
    else if (errno == EAGAIN) wait_for(end->socket, POLLOUT);
    else if (errno != EINTR) exit(0);
  }
}

/* A child that ends when this process does. */
static inline pid_t fork_end(void) {
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return child;
}

#endif
