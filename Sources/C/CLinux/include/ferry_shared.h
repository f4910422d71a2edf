/* Memory that two processes share, and how its descriptor gets from one to the other. */
#ifndef FERRY_SHARED_H
#define FERRY_SHARED_H

#include "clinux.h"
#include <sched.h>

/* Indices that another process reads and writes; Swift's atomics are values of their own. */
static inline uint64_t ferry_shared_load(const void *place) {
  return __atomic_load_n((const uint64_t *)place, __ATOMIC_ACQUIRE);
}
static inline void ferry_shared_store(void *place, uint64_t value) {
  __atomic_store_n((uint64_t *)place, value, __ATOMIC_RELEASE);
}
static inline uint32_t ferry_shared_load32(const void *place) {
  return __atomic_load_n((const uint32_t *)place, __ATOMIC_SEQ_CST);
}
static inline void ferry_shared_add32(void *place, uint32_t value) {
  __atomic_fetch_add((uint32_t *)place, value, __ATOMIC_SEQ_CST);
}
/* What was stored before it is seen by those whose stores are loaded after it. */
static inline void ferry_full_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* Sleeps while the word, which other processes share, has this value; nanoseconds below 1 s. */
static inline void ferry_shared_sleep(void *word, uint32_t value, long nanoseconds) {
  struct timespec time = {0, nanoseconds};
  syscall(SYS_futex, word, 0 /* FUTEX_WAIT */, value, &time, NULL, 0);
}
static inline void ferry_shared_wake(void *word) {
  syscall(SYS_futex, word, 1 /* FUTEX_WAKE */, 0x7fffffff, NULL, NULL, 0);
}

/* A file in memory that nobody can make shorter or longer; -1 with errno. */
static inline int ferry_sealed_memory(size_t size) {
  int file = ferry_memfd("ferry", 3 /* MFD_CLOEXEC | MFD_ALLOW_SEALING */);
  if (file < 0) return -1;
  if (ftruncate(file, (off_t)size) != 0 ||
      fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    int number = errno;
    close(file);
    errno = number;
    return -1;
  }
  return file;
}
/* Whether a descriptor of unknown origin is such a file of exactly this size: touching a page
 * behind the end of a file that was cut would kill the process. */
static inline int ferry_is_sealed_memory(int file, size_t size) {
  int seals = fcntl(file, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SHRINK) && lseek(file, 0, SEEK_END) == (off_t)size;
}

/* Sends bytes, and with the first of them a descriptor unless it is -1. */
static inline long ferry_send_descriptor(int socket, const void *bytes, size_t count, int file) {
  char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
  struct iovec part = {(void *)bytes, count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (file >= 0) {
    message.msg_control = room;
    message.msg_controllen = sizeof room;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &file, sizeof file);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* Receives what is there of `count` bytes, and one descriptor into `file` (-1: none came); more of
 * them are closed. */
static inline long ferry_receive_descriptor(int socket, void *bytes, size_t count, int *file) {
  char room[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8)));
  struct iovec part = {bytes, count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room,
                           .msg_controllen = sizeof room};
  *file = -1;
  long received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0) return received;
  for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    size_t descriptors = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < descriptors; index++) {
      int found;
      memcpy(&found, CMSG_DATA(head) + index * sizeof found, sizeof found);
      if (*file < 0) *file = found;
      else close(found);
    }
  }
  return received;
}

/* The address of the Unix socket at `path`; -1 with ENAMETOOLONG when no address can hold it. */
static inline int ferry_unix_address(struct sockaddr_un *address, const char *path) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return 0;
}
/* Starts to connect to the Unix socket at `path`. */
static inline int ferry_connect_path(int descriptor, const char *path) {
  struct sockaddr_un address;
  if (ferry_unix_address(&address, path) != 0) return -1;
  return ferry_connect(descriptor, &address, sizeof address);
}
/* Makes a Unix socket for bytes in order; -1 with errno. */
static inline int ferry_unix_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }
/* Binds a socket to `path`, where nothing may be yet, and listens. */
static inline int ferry_listen_path(int descriptor, const char *path) {
  struct sockaddr_un address;
  if (ferry_unix_address(&address, path) != 0) return -1;
  if (bind(descriptor, (const struct sockaddr *)&address, sizeof address) != 0) return -1;
  return listen(descriptor, 64);
}
/* The next connection of a socket that listens; -1 with errno. */
static inline int ferry_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC); }
/* Asks for, or about, the lock on one byte of a file that belongs to this opening of it; where there is no such lock
   (gVisor), for that of this process. */
static inline int ferry_byte_lock(int file, struct flock *lock, long offset, int of_opening, int of_process) {
  *lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
  int result = fcntl(file, of_opening, lock);
  return result != 0 && errno == EINVAL ? fcntl(file, of_process, lock) : result;
}
/* Takes the lock on one byte of a file for this opening of it, or fails at once: 0, or -1 with errno. A process must not
   have the file open twice: a lock of the process ends when either is closed. */
static inline int ferry_lock_byte(int file, long offset) {
  struct flock lock;
  return ferry_byte_lock(file, &lock, offset, F_OFD_SETLK, F_SETLK);
}
/* Whether another opening of the file has that lock; -1 when the system does not say. */
static inline int ferry_is_byte_locked(int file, long offset) {
  struct flock lock;
  if (ferry_byte_lock(file, &lock, offset, F_OFD_GETLK, F_GETLK) != 0) return -1;
  return lock.l_type != F_UNLCK;
}
/* Whether both ends of a connected socket are on one host. */
static inline int ferry_is_local(int descriptor) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/* Processors that this process may use. */
static inline int ferry_processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

#endif
