/* A ring in shared memory from one process to another. Whoever waits spins in its manner and then
 * sleeps on a futex. */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "waiting.h"

struct ring {
  _Alignas(64) _Atomic uint32_t head; /* bytes put, modulo 2^32 */
  _Alignas(64) _Atomic uint32_t tail; /* bytes taken */
  _Alignas(64) _Atomic uint32_t sleepers;
  uint32_t size; /* a power of two */
  _Alignas(64) char bytes[];
};

static inline struct ring *ring_new(uint32_t size) {
  struct ring *ring = mmap(NULL, sizeof *ring + size, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (ring == MAP_FAILED) fail("mmap");
  ring->size = size;
  return ring;
}

static inline void ring_free(struct ring *ring) { munmap(ring, sizeof *ring + ring->size); }

/* Waits until `word` is no longer `value`. */
static inline void ring_wait(struct ring *ring, _Atomic uint32_t *word, uint32_t value,
                             const struct waiting *waiting) {
  struct spinner spinner = {0, 0};
  while (atomic_load_explicit(word, memory_order_acquire) == value) {
    if (spin_again(&spinner, waiting)) continue;
    atomic_fetch_add(&ring->sleepers, 1);
    syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
    atomic_fetch_sub(&ring->sleepers, 1);
  }
}

static inline void ring_move(struct ring *ring, _Atomic uint32_t *word, uint32_t value) {
  atomic_store(word, value);
  if (atomic_load(&ring->sleepers)) syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline void ring_put(struct ring *ring, const char *bytes, size_t count, const struct waiting *waiting) {
  uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  while (count) {
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint32_t place = head & (ring->size - 1), space = ring->size - (head - tail);
    if (!space) { ring_wait(ring, &ring->tail, tail, waiting); continue; }
    /* A quarter at a time, so that both ends are busy. */
    uint32_t part = ring->size - place, most = ring->size >= 65536 ? ring->size / 4 : ring->size;
    if (part > space) part = space;
    if (part > most) part = most;
    if (part > count) part = (uint32_t)count;
    memcpy(ring->bytes + place, bytes, part);
    ring_move(ring, &ring->head, head += part);
    bytes += part, count -= part;
  }
}

static inline void ring_take(struct ring *ring, char *bytes, size_t count, const struct waiting *waiting) {
  uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
  while (count) {
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint32_t place = tail & (ring->size - 1), part = head - tail;
    if (!part) { ring_wait(ring, &ring->head, head, waiting); continue; }
    if (part > ring->size - place) part = ring->size - place;
    if (part > count) part = (uint32_t)count;
    memcpy(bytes, ring->bytes + place, part);
    ring_move(ring, &ring->tail, tail += part);
    bytes += part, count -= part;
  }
}

#endif
