/* A context, a kernel of eight arguments, and what a call answers that fails. */
#ifndef BENCH_GPU_H
#define BENCH_GPU_H

#include "bench.h"
#include "driver.h"

static inline void check(CUresult status, const char *what) {
  if (status == CUDA_SUCCESS) return;
  const char *name = "?";
  cuGetErrorName(status, &name);
  fprintf(stderr, "%s: %s (%d)\n", what, name, status);
  exit(1);
}
#define CHECK(call) check((call), #call)

static const char eight_ptx[] =
    ".version 8.0\n.target sm_75\n.address_size 64\n"
    ".visible .entry eight(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 d,\n"
    "                      .param .u32 e, .param .f32 f, .param .u32 g, .param .u64 h)\n"
    "{ ret; }\n";

/* Arguments as a framework passes them: three tensors, sizes, a factor. */
struct arguments {
  CUdeviceptr a, b, c;
  unsigned d, e;
  float f;
  unsigned g;
  CUdeviceptr h;
  void *addresses[8];
};

static inline void set_arguments(struct arguments *x) {
  x->a = x->b = x->c = x->h = 0x7f0000000000;
  x->d = x->e = x->g = 1024;
  x->f = 0.5f;
  void *addresses[8] = {&x->a, &x->b, &x->c, &x->d, &x->e, &x->f, &x->g, &x->h};
  memcpy(x->addresses, addresses, sizeof addresses);
}

static inline CUcontext start(void) {
  CUdevice device;
  CUcontext context;
  CHECK(cuInit(0));
  CHECK(cuDeviceGet(&device, 0));
  CHECK(cuDevicePrimaryCtxRetain(&context, device));
  CHECK(cuCtxSetCurrent(context));
  return context;
}

static inline CUfunction kernel(void) {
  CUmodule module;
  CUfunction function;
  CHECK(cuModuleLoadData(&module, eight_ptx));
  CHECK(cuModuleGetFunction(&function, module, "eight"));
  return function;
}

static inline void launch(CUfunction function, CUstream stream, struct arguments *arguments) {
  CUresult status = cuLaunchKernel(function, 128, 1, 1, 256, 1, 1, 0, stream, arguments->addresses, NULL);
  if (__builtin_expect(status != CUDA_SUCCESS, 0)) check(status, "cuLaunchKernel");
}

#endif
