#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "cworker.h"

#include <errno.h>
#include <signal.h>

int ferry_drop_privileges(void) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void ferry_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

int ferry_close_on_exec(int descriptor) { return fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

int ferry_punch_hole(int descriptor, off_t offset, off_t length) {
  return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

int ferry_wait_for_end(int socket) {
  struct pollfd entry = {.fd = socket, .events = POLLRDHUP, .revents = 0};
  for (;;) {
    int count = poll(&entry, 1, -1);
    if (count > 0) return 1;
    if (count < 0 && errno != EINTR) return -1;
  }
}
