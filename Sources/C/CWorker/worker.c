#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "cworker.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

int ferry_drop_privileges(void) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void ferry_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

int ferry_close_on_exec(int descriptor) { return fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

static int text_descriptor, log_descriptor;

static void say_last_words(int signal) {
  char words[2048];
  off_t end = lseek(text_descriptor, 0, SEEK_CUR); /* The file goes on, empty. */
  if (end >= 0) {
    off_t start = end > (off_t)sizeof words ? end - (off_t)sizeof words : 0;
    ssize_t count = pread(text_descriptor, words, (size_t)(end - start), start);
    ssize_t blank = 0;  /* What was sent to the client is a hole by now. */
    while (blank < count && words[blank] == 0) blank++;
    if (count > blank && write(log_descriptor, words + blank, count - blank) < 0) _exit(128 + signal);
  }
  raise(signal);
}

void ferry_keep_last_words(int text, int log) {
  static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE};
  struct sigaction action = {.sa_handler = say_last_words, .sa_flags = SA_RESETHAND | SA_NODEFER};
  text_descriptor = text;
  log_descriptor = log;
  for (unsigned index = 0; index < sizeof crashes / sizeof *crashes; index++)
    sigaction(crashes[index], &action, NULL);
}

int ferry_wait_for_end(int socket) {
  struct pollfd entry = {.fd = socket, .events = POLLRDHUP, .revents = 0};
  for (;;) {
    int count = poll(&entry, 1, -1);
    if (count > 0) return 1;
    if (count < 0 && errno != EINTR) return -1;
  }
}

static int termination = -1;

static void on_termination(int signal) {
  (void)signal;
  int saved = errno;
  uint64_t one = 1;
  if (write(termination, &one, sizeof one) < 0) _exit(128 + SIGTERM);
  errno = saved;
}

int ferry_catch_termination(void) {
  termination = eventfd(0, EFD_CLOEXEC);
  if (termination < 0) return 0;
  struct sigaction action = {.sa_handler = on_termination, .sa_flags = SA_RESTART};
  return sigaction(SIGTERM, &action, NULL) == 0;
}

void ferry_leave_termination(void) { signal(SIGTERM, SIG_DFL); }

void ferry_await_termination(void) {
  uint64_t count;
  while (read(termination, &count, sizeof count) < 0 && errno == EINTR) continue;
}

void ferry_terminate(void) {
  ferry_leave_termination();
  kill(getpid(), SIGTERM);
}
