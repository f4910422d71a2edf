/* What Swift cannot say about Linux: variadic calls, macros, errno and thread-local variables.
 * Header-only. Everything below also serves the client library, which is Embedded Swift and has
 * no Glibc module. Names of our own start with ferry_. */
#ifndef FERRY_CLINUX_H
#define FERRY_CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* errno is a macro over a function call. */
static inline int ferry_errno(void) { return errno; }
static inline void ferry_set_errno(int value) { errno = value; }

/* syscall() is variadic. `operation`: FUTEX_WAIT_PRIVATE 128, FUTEX_WAKE_PRIVATE 129. */
static inline long ferry_futex(void *word, int operation, uint32_t value,
                               const struct timespec *timeout) {
  return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}
static inline int ferry_memfd(const char *name, unsigned flags) {
  return (int)syscall(SYS_memfd_create, name, flags);
}
/* prctl() is variadic. */
static inline void ferry_sleep_exactly(void) { prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }
static inline int ferry_thread_id(void) { return (int)syscall(SYS_gettid); }

/* open() and fcntl() are variadic. */
static inline int ferry_open(const char *path, int flags, unsigned mode) {
  return open(path, flags, mode);
}
static inline int ferry_openat(int folder, const char *name, int flags, unsigned mode) {
  return openat(folder, name, flags, mode);
}
static inline int ferry_set_flags(int descriptor, int flags) {
  return fcntl(descriptor, F_SETFL, flags);
}
static inline int ferry_get_flags(int descriptor) { return fcntl(descriptor, F_GETFL); }
static inline int ferry_duplicate_above(int descriptor, int minimum) {
  return fcntl(descriptor, F_DUPFD_CLOEXEC, minimum);
}

/* The address argument is a transparent union. */
static inline int ferry_connect(int descriptor, const void *address, socklen_t length) {
  return connect(descriptor, (const struct sockaddr *)address, length);
}

/* Arrays are imported as tuples. */
static inline const char *ferry_entry_name(const struct dirent *entry) { return entry->d_name; }

/* Notes that a file was read just now; its other times stay. */
static inline int ferry_touch(int file) {
  struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
  return futimens(file, times);
}

/* MAP_FAILED is a cast. */
static inline int ferry_map_failed(void *address) { return address == MAP_FAILED; }

/* A ring: `size` bytes, a multiple of the page size, that are mapped twice in a row, so that any
 * `size` bytes from any place of the first half are contiguous. Not inherited by children. NULL when
 * there is no memory. */
__attribute__((visibility("hidden"))) void *ferry_map_ring(size_t size);
static inline void ferry_unmap_ring(void *ring, size_t size) { munmap(ring, 2 * size); }

static inline uint64_t ferry_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* wait status macros */
static inline int ferry_exited(int status) { return WIFEXITED(status); }
static inline int ferry_exit_status(int status) { return WEXITSTATUS(status); }
static inline int ferry_signaled(int status) { return WIFSIGNALED(status); }
static inline int ferry_term_signal(int status) { return WTERMSIG(status); }

/* Counters in memory that other processes read; Swift's atomics are values of their own. */
static inline void ferry_count(void *counter, uint64_t value) {
  __atomic_fetch_add((uint64_t *)counter, value, __ATOMIC_RELAXED);
}
static inline uint64_t ferry_take(void *counter) {
  return __atomic_fetch_add((uint64_t *)counter, 1, __ATOMIC_RELAXED);
}

/* stdout and stderr are macros. */
static inline size_t ferry_write_stdout(const void *bytes, size_t count) {
  size_t written = fwrite(bytes, 1, count, stdout);
  fflush(stdout);
  return written;
}
/* Writes out what the C library has kept of standard output and error, without a lock if that is nothing. */
static inline void ferry_flush_output(void) {
  if (__fpending(stdout) > 0 || __fpending(stderr) > 0) fflush(NULL);
}

static inline uint64_t ferry_pthread_self(void) { return (uint64_t)pthread_self(); }

static inline void ferry_pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/* pthread_create wants a function that returns a pointer; attributes differ by platform. */
struct ferry_thread_start {
  void (*main)(void *);
  void *argument;
};
__attribute__((visibility("hidden"))) int ferry_start_thread(void (*main)(void *), void *argument);

/* printf and scanf are variadic. */
static inline void ferry_format_pci(char *text, long size, int domain, int bus, int device) {
  snprintf(text, (size_t)size, "%04x:%02x:%02x.0", (unsigned)domain, (unsigned)bus,
           (unsigned)device);
}
/* `folder/process.suffix`; 0 when it does not fit. */
static inline int ferry_format_path(void *path, long size, const void *folder, int process,
                                    const void *suffix) {
  int count = snprintf((char *)path, (size_t)size, "%s/%d.%s", (const char *)folder, process,
                       (const char *)suffix);
  return count > 0 && count < size;
}
/* The file with the command line of a process; 0 when it does not fit. */
static inline int ferry_format_command_path(char *path, long size, int process) {
  int count = snprintf(path, (size_t)size, "/proc/%d/cmdline", process);
  return count > 0 && count < size;
}
static inline int ferry_parse_pci(const char *text, unsigned *domain, unsigned *bus,
                                  unsigned *device) {
  if (sscanf(text, "%x:%x:%x", domain, bus, device) == 3) return 1;
  *domain = 0;
  return sscanf(text, "%x:%x", bus, device) == 2;
}

/* Name of the program, at most 31 bytes, NUL-terminated. */
static inline int ferry_program_name(void *buffer) {
  const char *name = program_invocation_short_name;
  if (!name) return -1;
  strncpy((char *)buffer, name, 31);
  ((char *)buffer)[31] = 0;
  return 0;
}

/* Calls a function whose type Swift does not know. */
typedef void (*ferry_destructor)(void *, void *, void *);
static inline void ferry_call3(void *function, void *a, void *b, void *c) {
  ((ferry_destructor)function)(a, b, c);
}

/* The state that a driver library keeps for each thread. One variable a library: the definition
 * is hidden and shared by all objects of one shared object. */
struct ferry_thread_state {
  uint64_t current;         /* the innermost context, 0 = none: what the hot paths read */
  int32_t depth;            /* entries of the context stack */
  int32_t is_counted;       /* in ferry_threads_with_context */
  uint64_t contexts[32];    /* context stack, innermost last */
  uint64_t streams[8];      /* the thread's own default stream of each device, 0 = none yet */
  int32_t capture_mode;     /* cuThreadExchangeStreamCaptureMode */
  int32_t is_called_back;   /* runs the program's functions, which may not make calls */
  int32_t call;             /* entry point that the thread is in, from 1; kept while calls are counted */
  uint64_t waited;          /* nanoseconds that this call has waited */
};
extern __attribute__((visibility("hidden"))) __thread struct ferry_thread_state
    ferry_thread_state_storage;
static inline struct ferry_thread_state *ferry_thread(void) { return &ferry_thread_state_storage; }
static inline int ferry_called_back(void) { return ferry_thread_state_storage.is_called_back; }
static inline void ferry_set_called_back(void) { ferry_thread_state_storage.is_called_back = 1; }
/* How many threads have had a context so far, those that ended included. */
extern __attribute__((visibility("hidden"))) int ferry_threads_with_context;
static inline void ferry_count_thread(void) {
  if (ferry_thread_state_storage.is_counted) return;
  ferry_thread_state_storage.is_counted = 1;
  __atomic_fetch_add(&ferry_threads_with_context, 1, __ATOMIC_RELAXED);
}
static inline int ferry_counted_threads(void) {
  return __atomic_load_n(&ferry_threads_with_context, __ATOMIC_RELAXED);
}
/* Arrays are imported as tuples; these give them as pointers. */
static inline uint64_t *ferry_thread_contexts(void) { return ferry_thread_state_storage.contexts; }
static inline uint64_t *ferry_thread_streams(void) { return ferry_thread_state_storage.streams; }

/* Fork detection; see thread_state.c. */
extern __attribute__((visibility("hidden"))) volatile int ferry_is_forked_child;
__attribute__((visibility("hidden"))) void ferry_watch_forks(void);
/* Undoes ferry_watch_forks(), for a library that could not start. */
__attribute__((visibility("hidden"))) void ferry_ignore_forks(void);
/* Calls `body` in children, in place of what ferry_watch_forks() does; once that was called, no more. */
__attribute__((visibility("hidden"))) void ferry_renew_in_child(void (*body)(void));
__attribute__((visibility("hidden"))) void ferry_close_in_child(int descriptor);
static inline int ferry_forked(void) { return ferry_is_forked_child; }
/* Lets `resolve` see accesses that fault between two addresses, which are added to those of earlier calls, with 0 for a
 * read, 1 for a write, 2 when the system does not say; it returns 0 when the fault is not one of its own. All other
 * faults go where they went before. To be called again when somebody else may have caught SIGSEGV meanwhile. -1 when
 * it cannot be caught. */
__attribute__((visibility("hidden"))) int ferry_catch_faults(uintptr_t from, uintptr_t to,
                                                             int (*resolve)(uintptr_t address, int access));
/* What stands in for buffers of system calls: `lend` returns where the same bytes are to be read (or written, for
 * input) by the kernel, or the address itself; `filled` is told how many were written. */
struct ferry_lender {
  uintptr_t (*lend)(uintptr_t address, size_t size, int is_input);
  void (*filled)(uintptr_t address, size_t count);
};
/* Lets `lender` see the buffers of read(), write(), pread(), pwrite(), send() and recv() and their like between two
 * addresses, in units of 4 GiB, in all threads and for good, and those of writev() by what is loaded now. Each call
 * adds a filter, so there should be few. -1 when the system does not allow it. */
__attribute__((visibility("hidden"))) int ferry_catch_calls(uintptr_t low, uintptr_t high,
                                                            const struct ferry_lender *lender);
/* Gives the memory of a range of a memfd back; its size stays. 0, or -1 with errno. */
static inline int ferry_punch_hole(int file, long offset, long size) {
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}
/* lseek(): the next byte that has memory, or that has none. */
static inline int ferry_seek_data(void) { return SEEK_DATA; }
static inline int ferry_seek_hole(void) { return SEEK_HOLE; }
/* MAP_FIXED_NOREPLACE: NULL when something else is there, or where the kernel does not know it. */
static inline void *ferry_map_at(uintptr_t address, size_t size, int protection, int flags, int file, long offset) {
  void *map = mmap((void *)address, size, protection, flags | 0x100000, file, offset);
  if (map == (void *)address) return map;
  if (map != MAP_FAILED) munmap(map, size);
  return NULL;
}
/* The session while calls can be made in it: NULL before it begins, after its connection was lost, and
 * in a forked child. One question for the hot paths in place of three. */
extern __attribute__((visibility("hidden"))) void *ferry_live_session_storage;
static inline void *ferry_live_session(void) {
  return __atomic_load_n(&ferry_live_session_storage, __ATOMIC_RELAXED);
}
static inline void ferry_set_live_session(void *session) {
  __atomic_store_n(&ferry_live_session_storage, session, __ATOMIC_RELAXED);
}

#endif
