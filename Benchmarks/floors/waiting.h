/* How an end waits until something comes.
 *
 * `block` sleeps at once, `spin` never sleeps, `ferry` spins for a moment and then sleeps, each end
 * as Ferry's does: the client as Sources/Client/Session/Replies.swift, the server as the Spinner of
 * Sources/Worker/Start/Server.swift. Whoever changes those changes the numbers here. */
#ifndef BENCH_WAITING_H
#define BENCH_WAITING_H

#include <poll.h>
#include <unistd.h>

#include "bench.h"

struct waiting {
  long spins;           /* tries before sleeping; -1: no limit by number */
  uint64_t nanoseconds; /* time before sleeping; 0: no limit by time */
};

struct spinner {
  long spins;
  uint64_t started;
};

static inline struct waiting waiting_of(const char *manner, int is_server) {
  if (!strcmp(manner, "block")) return (struct waiting){0, 0};
  if (!strcmp(manner, "spin")) return (struct waiting){-1, 0};
  if (strcmp(manner, "ferry")) fprintf(stderr, "no such manner: %s\n", manner), exit(2);
  if (!is_server) return (struct waiting){39, 0};
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (processors < 2) return (struct waiting){0, 0};
  return (struct waiting){-1, processors >= 4 ? 40000 : 5000};
}

/* Whether to look again at once; counts the tries. */
static inline int spin_again(struct spinner *spinner, const struct waiting *waiting) {
  if (waiting->spins >= 0 && spinner->spins >= waiting->spins) return spinner->spins = 0;
  if (waiting->nanoseconds) {
    uint64_t now = now_ns();
    if (!spinner->started) spinner->started = now;
    if (now - spinner->started > waiting->nanoseconds) return (int)(spinner->started = 0);
  }
  spinner->spins++;
  __builtin_ia32_pause();
  return 1;
}

static inline void wait_for(int socket, short events) {
  struct pollfd entry = {socket, events, 0};
  poll(&entry, 1, -1);
}

#endif
