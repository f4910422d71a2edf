/* Makes one call N times, to be counted by a tool: count CALL N [--marks|--allocations].
 *
 * CALL: launch, anew (launches of two sizes in turns), event_record, stream_query, h2d_64. With
 * --marks the loop stands between two writes to /dev/null, which a trace of system calls shows; with
 * --allocations it prints what the thread has allocated in the loop, if allocations.c is loaded.
 * 2,000 calls come before the loop. */
#include <fcntl.h>
#include <unistd.h>

#include "gpu.h"

extern long bench_allocations(void) __attribute__((weak));

static struct arguments arguments;
static CUfunction function;
static CUstream stream;
static CUevent event;
static CUdeviceptr memory;
static char source[64];
static unsigned grid = 128;

static void call(char kind) {
  switch (kind) {
    case 'l': launch(function, stream, &arguments); break;
    case 'a':
      CHECK(cuLaunchKernel(function, grid ^= 1, 1, 1, 256, 1, 1, 0, stream, arguments.addresses, NULL));
      break;
    case 'e': CHECK(cuEventRecord(event, stream)); break;
    case 's': cuStreamQuery(stream); break;
    case 'h': CHECK(cuMemcpyHtoDAsync_v2(memory, source, sizeof source, stream)); break;
    default: fprintf(stderr, "no such call\n"); exit(2);
  }
}

int main(int count, char **values) {
  if (count < 3) return fprintf(stderr, "usage: count CALL N [--marks|--allocations]\n"), 2;
  char kind = values[1][0];
  long calls = strtol(values[2], NULL, 10);
  int marks = count > 3 && !strcmp(values[3], "--marks") ? open("/dev/null", O_WRONLY) : -1;
  start();
  set_arguments(&arguments);
  function = kernel();
  CHECK(cuStreamCreate(&stream, 0));
  CHECK(cuEventCreate(&event, 0));
  CHECK(cuMemAlloc_v2(&memory, 4096));
  for (int i = 0; i < 2000; i++) call(kind);
  if (marks >= 0 && write(marks, "begin", 5) != 5) fail("write");
  long before = bench_allocations ? bench_allocations() : 0;
  for (long i = 0; i < calls; i++) call(kind);
  long after = bench_allocations ? bench_allocations() : 0;
  if (marks >= 0 && write(marks, "end", 3) != 3) fail("write");
  CHECK(cuCtxSynchronize());
  if (count > 3 && !strcmp(values[3], "--allocations")) printf("%ld\n", after - before);
  return 0;
}
