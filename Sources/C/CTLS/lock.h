#ifndef FERRY_CTLS_LOCK_H
#define FERRY_CTLS_LOCK_H

/* The lock of Sources/DriverFrontend/ForkSafeLock.swift for C: 0 free, 1 held, 2 held and somebody
 * waits. It spins first, because here it is never held for longer than a record takes. */

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ferry_lock {
  uint32_t word;
};

static inline int ferry_try_lock(struct ferry_lock *lock) {
  uint32_t is_free = 0;
  return __atomic_compare_exchange_n(&lock->word, &is_free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void ferry_take_lock(struct ferry_lock *lock) {
  for (int tries = 0; tries < 200; tries++) {
    if (ferry_try_lock(lock)) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
    syscall(SYS_futex, &lock->word, 128 /* FUTEX_WAIT_PRIVATE */, 2, NULL, NULL, 0);
}

static inline void ferry_give_lock(struct ferry_lock *lock) {
  if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
    syscall(SYS_futex, &lock->word, 129 /* FUTEX_WAKE_PRIVATE */, 1, NULL, NULL, 0);
}

#endif
