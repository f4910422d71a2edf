/* A step of a training or decoding loop: step [--launches N] [--host NS] [--count STEPS] [--repeats R].
 *
 * N launches with so many nanoseconds of the program's own work before each, then a
 * synchronisation. A sample is the median of COUNT steps, in microseconds. */
#include "gpu.h"

int main(int count, char **values) {
  long launches = number(count, values, "launches", 139), steps = number(count, values, "count", 50);
  uint64_t host = number(count, values, "host", 6500);
  double *times = malloc(steps * sizeof *times);
  struct arguments arguments;
  CUstream stream;
  start();
  set_arguments(&arguments);
  CUfunction function = kernel();
  CHECK(cuStreamCreate(&stream, 1));
  while (wanted(count, values)) {
    for (long step = -steps / 10 - 1; step < steps; step++) {
      uint64_t begin = now_ns();
      for (long i = 0; i < launches; i++) {
        work(host);
        launch(function, stream, &arguments);
      }
      CHECK(cuStreamSynchronize(stream));
      if (step >= 0) times[step] = (now_ns() - begin) / 1e3;
    }
    tell(median(times, steps));
  }
  return 0;
}
