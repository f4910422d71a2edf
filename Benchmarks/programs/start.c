/* What the CUDA runtime does when a program starts, in milliseconds: start [--hold 1].
 *
 * With --hold 1 it then uses a little of everything, prints {"ready": true}, and waits for the end of
 * its input, so that its memory and that of what serves it can be looked at. */
#include <unistd.h>

#include "gpu.h"

static void begin_runtime(void) {
  int version, devices, value;
  char name[256];
  size_t bytes;
  CUdevice device;
  CHECK(cuInit(0));
  CHECK(cuDriverGetVersion(&version));
  CHECK(cuDeviceGetCount(&devices));
  for (int i = 0; i < devices; i++) {
    CHECK(cuDeviceGet(&device, i));
    CHECK(cuDeviceGetName(name, sizeof name, device));
    CHECK(cuDeviceTotalMem_v2(&bytes, device));
    for (int attribute = 1; attribute <= 120; attribute++) cuDeviceGetAttribute(&value, attribute, device);
  }
  start();
}

static void use(void) {
  struct arguments arguments;
  CUstream stream;
  CUdeviceptr memory;
  char bytes[4096] = {0};
  set_arguments(&arguments);
  CUfunction function = kernel();
  CHECK(cuStreamCreate(&stream, 1));
  CHECK(cuMemAlloc_v2(&memory, 1 << 20));
  for (int i = 0; i < 1000; i++) launch(function, stream, &arguments);
  CHECK(cuMemcpyHtoD_v2(memory, bytes, sizeof bytes));
  CHECK(cuMemcpyDtoH_v2(bytes, memory, sizeof bytes));
  CHECK(cuStreamSynchronize(stream));
}

int main(int count, char **values) {
  uint64_t begin = now_ns();
  begin_runtime();
  double took = (now_ns() - begin) / 1e6;
  if (number(count, values, "hold", 0)) {
    use();
    printf("{\"ready\": true, \"pid\": %d}\n", getpid());
    fflush(stdout);
    while (getchar() != EOF) {}
  } else {
    tell(took);
  }
  return 0;
}
