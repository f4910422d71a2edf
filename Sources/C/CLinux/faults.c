#include "clinux.h"
#include <ucontext.h>

/* All set under a lock of the caller's, and only ever widened. */
static volatile uintptr_t lowest = UINTPTR_MAX, end;
static int (*volatile resolve)(uintptr_t address, int access);

static struct sigaction before;
static volatile int is_installed;

/* Does what would have been done with the signal without us. */
static void pass_on(int number, siginfo_t *info, void *raw) {
  static volatile int was_passed_on;
  struct sigaction next = before;
  if (next.sa_flags & SA_SIGINFO) {
    next.sa_sigaction(number, info, raw);
    return;
  }
  int is_sent = info->si_code <= 0;
  /* A handler of the old kind that has reported a fault sends the signal again, for what comes after it; to us, if
   * it was there first. */
  int is_again = is_sent && was_passed_on;
  if (next.sa_handler == SIG_DFL || next.sa_handler == SIG_IGN || is_again) {
    signal(number, SIG_DFL);
    /* Otherwise the instruction runs again, and this time nobody is asked. */
    if (is_sent) raise(number);
    return;
  }
  if (!is_sent) was_passed_on = 1;
  next.sa_handler(number);
}

enum { was_read = 0, was_written = 1, is_unknown = 2 };

/* What the program did. */
static int access_of(const void *raw) {
#if defined(__x86_64__)
  const greg_t *registers = ((const ucontext_t *)raw)->uc_mcontext.gregs;
  /* gVisor says of no fault what it was; 14 is the processor's number of page faults. */
  if (registers[REG_TRAPNO] != 14) return is_unknown;
  return registers[REG_ERR] >> 1 & 1 ? was_written : was_read;
#else
  (void)raw;
  return is_unknown;
#endif
}

static void on_fault(int number, siginfo_t *info, void *raw) {
  int error = errno;
  uintptr_t address = (uintptr_t)info->si_addr;
  /* A signal that somebody sent has no address. */
  int is_ours = info->si_code > 0 && address >= lowest && address < end && !ferry_forked();
  if (is_ours && resolve(address, access_of(raw))) {
    errno = error;
    return;
  }
  errno = error;
  pass_on(number, info, raw);
}

int ferry_catch_faults(uintptr_t from, uintptr_t to, int (*body)(uintptr_t, int)) {
  resolve = body;
  if (from < lowest) lowest = from;
  if (to > end) end = to;
  struct sigaction now;
  if (sigaction(SIGSEGV, NULL, &now)) return -1;
  if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_fault) return 0;
  /* One that calls us in turn would be called for ever. */
  if (!is_installed || !(now.sa_flags & SA_SIGINFO)) before = now;
  struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_RESTART};
  /* The program's other handlers wait: this thread may hold locks of the session. */
  sigfillset(&ours.sa_mask);
  if (sigaction(SIGSEGV, &ours, NULL)) return -1;
  is_installed = 1;
  return 0;
}
