/* Copies of random bytes: copy h2d|d2h [--size BYTES] [--count N] [--regular 1] [--locked 1] [--repeats R].
 *
 * From 1 MiB on a sample is GB/s (10^9 bytes a second) of N copies until all bytes have arrived;
 * below it is microseconds until the call returns: to the host the median of N, to the device the
 * mean, because there a few calls pay for what many leave behind. With --regular the bytes are integers
 * that grow slowly, which compress well. With --locked the copies are asynchronous ones of page-locked memory. */
#include "gpu.h"

static char *host;
static CUdeviceptr device;
static size_t size;
static int is_locked;

static void once(int is_up) {
  if (is_locked && is_up) CHECK(cuMemcpyHtoDAsync_v2(device, host, size, NULL));
  else if (is_locked) CHECK(cuMemcpyDtoHAsync_v2(host, device, size, NULL));
  else if (is_up) CHECK(cuMemcpyHtoD_v2(device, host, size));
  else CHECK(cuMemcpyDtoH_v2(host, device, size));
}

static double rate(int is_up, long times) {
  uint64_t begin = now_ns();
  for (long i = 0; i < times; i++) once(is_up);
  CHECK(cuCtxSynchronize());
  return (double)size * times / (now_ns() - begin);
}

static double latency(int is_up, long times) {
  double *values = malloc(times * sizeof *values), sum = 0;
  for (long i = -times / 10; i < times; i++) {
    uint64_t begin = now_ns();
    once(is_up);
    if (i >= 0) sum += values[i] = (now_ns() - begin) / 1e3;
  }
  CHECK(cuCtxSynchronize());
  double middle = median(values, times);
  free(values);
  return is_up ? sum / times : middle;
}

int main(int count, char **values) {
  if (count < 2) return fprintf(stderr, "usage: copy h2d|d2h [--size BYTES] [--count N] [--repeats R]\n"), 2;
  int is_up = !strcmp(values[1], "h2d");
  size = number(count, values, "size", 256 << 20);
  long times = number(count, values, "count", 1);
  start();
  is_locked = number(count, values, "locked", 0);
  if (is_locked) CHECK(cuMemAllocHost_v2((void **)&host, size));
  else host = malloc(size);
  if (number(count, values, "regular", 0))
    for (size_t i = 0; i < size / sizeof(int); i++) ((int *)host)[i] = (int)(i / 7) % 1000;
  else fill_random(host, size, 1);
  CHECK(cuMemAlloc_v2(&device, size));
  /* Both ends have the pages that they need. */
  CHECK(cuMemcpyHtoD_v2(device, host, size));
  while (wanted(count, values)) tell(size >= 1 << 20 ? rate(is_up, times) : latency(is_up, times));
  /* What came back is what went there. */
  char *again = malloc(size);
  CHECK(cuMemcpyDtoH_v2(again, device, size));
  if (memcmp(again, host, size)) return fprintf(stderr, "copy: the bytes differ\n"), 1;
  return 0;
}
