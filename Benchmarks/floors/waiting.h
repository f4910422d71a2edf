/* How an end waits until something comes.
 *
 * `block` sleeps at once, `spin` never sleeps, `ferry` spins for a moment and then sleeps, both ends
 * as Sources/Transport/SpinPolicy.swift does while answers come soon. Whoever changes the numbers
 * there changes them here. */
#ifndef BENCH_WAITING_H
#define BENCH_WAITING_H

#include <poll.h>
#include <sched.h>
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

static inline struct waiting waiting_of(const char *manner) {
  if (!strcmp(manner, "block")) return (struct waiting){0, 0};
  if (!strcmp(manner, "spin")) return (struct waiting){-1, 0};
  if (strcmp(manner, "ferry")) fprintf(stderr, "no such manner: %s\n", manner), exit(2);
  
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (processors < 2) return (struct waiting){0, 0};
  return (struct waiting){-1, processors >= 4 ? 100000 : 50000};
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
  if (waiting->nanoseconds) sched_yield();
  else __builtin_ia32_pause();
  return 1;
}

static inline void wait_for(int socket, short events) {
  struct pollfd entry = {socket, events, 0};
  poll(&entry, 1, -1);
}

#endif
