/* A program takes the newest version of each function that the building machine's glibc has, and
 * then does not start where glibc is older. The hidden definitions here stand in for the functions
 * whose newest version is too new (docs/adr/0008): each jumps to an older version, which glibc keeps
 * for ever on x86-64, or asks the system itself.
 *
 * dev/check-glibc fails when something else comes to need a newer glibc. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* Defines `name` as a jump to `name@version`, whatever its parameters are. */
#define OLD(name, version)                                  \
  __asm__(".symver old_" #name "," #name "@GLIBC_" version "\n" \
          ".section .text." #name ",\"ax\",@progbits\n"     \
          ".globl " #name "\n"                              \
          ".hidden " #name "\n"                             \
          ".type " #name ",@function\n" #name ":\n"         \
          "  jmp *old_" #name "@GOTPCREL(%rip)\n"           \
          ".size " #name ", .-" #name "\n"                  \
          ".text\n");

/* 2.34 moved threads and the dynamic linker's functions from libraries of their own to libc. */
OLD(dladdr, "2.2.5")
OLD(dlclose, "2.2.5")
OLD(dlerror, "2.2.5")
OLD(dlopen, "2.2.5")
OLD(dlsym, "2.2.5")
OLD(__pthread_key_create, "2.2.5")
OLD(pthread_attr_getstack, "2.2.5")
OLD(pthread_attr_getstacksize, "2.2.5")
OLD(pthread_attr_setstacksize, "2.2.5")
OLD(pthread_create, "2.2.5")
OLD(pthread_detach, "2.2.5")
OLD(pthread_getaffinity_np, "2.3.4")
OLD(pthread_getattr_np, "2.2.5")
OLD(pthread_getname_np, "2.12")
OLD(pthread_getspecific, "2.2.5")
OLD(pthread_join, "2.2.5")
OLD(pthread_key_create, "2.2.5")
OLD(pthread_key_delete, "2.2.5")
OLD(pthread_kill, "2.2.5")
OLD(pthread_mutex_timedlock, "2.2.5")
OLD(pthread_mutex_trylock, "2.2.5")
OLD(pthread_mutexattr_destroy, "2.2.5")
OLD(pthread_mutexattr_init, "2.2.5")
OLD(pthread_mutexattr_settype, "2.2.5")
OLD(pthread_once, "2.2.5")
OLD(pthread_rwlock_destroy, "2.2.5")
OLD(pthread_rwlock_init, "2.2.5")
OLD(pthread_rwlock_rdlock, "2.2.5")
OLD(pthread_rwlock_unlock, "2.2.5")
OLD(pthread_rwlock_wrlock, "2.2.5")
OLD(pthread_setaffinity_np, "2.3.4")
OLD(pthread_setname_np, "2.12")
OLD(pthread_setspecific, "2.2.5")
OLD(pthread_sigmask, "2.2.5")
OLD(sem_destroy, "2.2.5")
OLD(sem_init, "2.2.5")
OLD(sem_open, "2.2.5")
OLD(sem_post, "2.2.5")
OLD(sem_timedwait, "2.2.5")
OLD(sem_wait, "2.2.5")

/* 2.35 no longer sets errno in these; nobody here looks. */
OLD(hypot, "2.2.5")
OLD(hypotf, "2.2.5")

/* Before 2.33 these were macros over functions that are told which `struct stat` is meant. */
__asm__(".symver old___fxstat,__fxstat@GLIBC_2.2.5");
__asm__(".symver old___xstat,__xstat@GLIBC_2.2.5");
__asm__(".symver old___lxstat,__lxstat@GLIBC_2.2.5");
__asm__(".symver old___fxstatat,__fxstatat@GLIBC_2.4");
extern int old___fxstat(int version, int file, void *status);
extern int old___xstat(int version, const char *path, void *status);
extern int old___lxstat(int version, const char *path, void *status);
extern int old___fxstatat(int version, int folder, const char *path, void *status, int flags);
HIDDEN int fstat(int file, void *status) { return old___fxstat(1, file, status); }
HIDDEN int stat(const char *path, void *status) { return old___xstat(1, path, status); }
HIDDEN int lstat(const char *path, void *status) { return old___lxstat(1, path, status); }
HIDDEN int fstatat(int folder, const char *path, void *status, int flags) {
  return old___fxstatat(1, folder, path, status, flags);
}
/* The same on a 64-bit machine. */
HIDDEN int fstat64(int file, void *status) { return old___fxstat(1, file, status); }
HIDDEN int stat64(const char *path, void *status) { return old___xstat(1, path, status); }
HIDDEN int lstat64(const char *path, void *status) { return old___lxstat(1, path, status); }

/* Since 2.32: lets reference counts skip atomics. Always "several threads" is never wrong. */
HIDDEN char __libc_single_threaded = 0;

/* Since 2.36; Swift's hashing and the C++ library ask for them. */
HIDDEN void arc4random_buf(void *buffer, size_t size) {
  unsigned char *next = buffer;
  while (size > 0) {
    size_t part = size < 256 ? size : 256;
    long count = syscall(SYS_getrandom, next, part, 0);
    if (count < 0 && errno != EINTR) abort();
    if (count <= 0) continue;
    next += count;
    size -= (size_t)count;
  }
}

HIDDEN uint32_t arc4random(void) {
  uint32_t value;
  arc4random_buf(&value, sizeof value);
  return value;
}
