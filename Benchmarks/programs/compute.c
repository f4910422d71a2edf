/* Runs one kernel of kernels.cu, and compares its first result with plain C.
 *
 * compute KERNEL PTX [cpu|wall]    milliseconds until it is done: of the processors, or of the clock */
#include "compute.h"

#include "gpu.h"

static CUfunction load(const char *path, const char *name) {
  char *text = contents(path);
  CUmodule module;
  CUfunction function;
  CHECK(cuModuleLoadData(&module, text));
  free(text);
  CHECK(cuModuleGetFunction(&function, module, name));
  return function;
}

static CUdeviceptr copied(const float *values, size_t count) {
  CUdeviceptr address;
  CHECK(cuMemAlloc_v2(&address, count * sizeof *values));
  CHECK(cuMemcpyHtoD_v2(address, values, count * sizeof *values));
  return address;
}

static void run(CUfunction function, enum what what, CUdeviceptr *arrays) {
  int count = what == MANDEL ? EDGE : what >= NAIVE ? ORDER : STREAMED;
  unsigned x = 256, y = 1, wide = STREAMED / 256, high = 1;
  if (what == SAXPY) wide = 1024;
  if (what >= NAIVE) x = y = 16, wide = high = count / 16;
  void *parameters[] = {&arrays[0], &arrays[1], &arrays[2], &count};
  CHECK(cuLaunchKernel(function, wide, high, 1, x, y, 1, 0, NULL, parameters, NULL));
  CHECK(cuCtxSynchronize());
}

/* Sums may be rounded differently, and with them the step at which a point is found to leave. */
static void compare(enum what what, const float *right, const float *found) {
  size_t wrong = 0, count = elements(what);
  for (size_t i = 0; i < count; i++) wrong += !(fabsf(right[i] - found[i]) <= 1e-4f * fabsf(right[i]));
  if (wrong <= (what == MANDEL ? count / 200 : 0)) return;
  fprintf(stderr, "%s: %zu of %zu elements are wrong\n", kernel_names[what], wrong, count);
  exit(1);
}

int main(int count, char **values) {
  if (count < 3) return fprintf(stderr, "usage: compute KERNEL PTX [cpu|wall] [--repeats R]\n"), 2;
  enum what what = which(values[1]);
  int by_clock = count > 3 && !strcmp(values[3], "wall");
  size_t size = elements(what);
  float *host[3] = {filled(size, 1), filled(size, 2), filled(size, 3)};
  start();
  CUfunction function = load(values[2], values[1]);
  CUdeviceptr arrays[3];
  for (int i = 0; i < 3; i++) arrays[i] = copied(host[i], size);
  run(function, what, arrays);
  float *found = malloc(size * sizeof *found);
  if (!found) fail("malloc");
  CHECK(cuMemcpyDtoH_v2(found, arrays[2], size * sizeof *found));
  compute(what, host[0], host[1], host[2]);
  compare(what, host[2], found);
  while (wanted(count, values)) {
    double begin = by_clock ? now_ns() / 1e6 : cpu_ms();
    run(function, what, arrays);
    tell((by_clock ? now_ns() / 1e6 : cpu_ms()) - begin);
  }
  return 0;
}
