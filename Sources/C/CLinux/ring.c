#include "clinux.h"

/* Maps the second half: the same pages again. */
static int map_twice(char *first, size_t size) {
  int file = ferry_memfd("ferry-ring", 1 /* MFD_CLOEXEC */);
  if (file >= 0) {
    int flags = MAP_SHARED | MAP_FIXED;
    int done = ftruncate(file, (off_t)size) == 0 &&
               mmap(first, size, PROT_READ | PROT_WRITE, flags, file, 0) != MAP_FAILED &&
               mmap(first + size, size, PROT_READ | PROT_WRITE, flags, file, 0) != MAP_FAILED;
    close(file);
    return done;
  }
  /* A sandbox may refuse memfd_create. Moving zero bytes of a shared mapping maps it once more. */
  int flags = MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS;
  return mmap(first, size, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED &&
         mremap(first, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, first + size) != MAP_FAILED;
}

void *ferry_map_ring(size_t size) {
  char *first = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (first == MAP_FAILED) return NULL;
  if (!map_twice(first, size)) {
    munmap(first, 2 * size);
    return NULL;
  }
  madvise(first, 2 * size, MADV_DONTFORK);
  return first;
}
