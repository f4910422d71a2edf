/* A library to be loaded before others: counts what each thread allocates and frees. */
#define _GNU_SOURCE
#include <stddef.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t), __libc_free(void *);

static __thread long counted __attribute__((tls_model("initial-exec")));

long bench_allocations(void) { return counted; }

void *malloc(size_t size) { return counted++, __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return counted++, __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return counted++, __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { return counted++, __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return counted++, __libc_memalign(alignment, size); }
int posix_memalign(void **target, size_t alignment, size_t size) {
  counted++;
  *target = __libc_memalign(alignment, size);
  return *target ? 0 : 12;
}
void free(void *old) { counted++, __libc_free(old); }
