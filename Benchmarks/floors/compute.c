/* One thread of plain C computes what the software GPU computes.
 *
 * compute KERNEL        milliseconds of processor time */
#include "compute.h"

int main(int count, char **values) {
  if (count < 2) return fprintf(stderr, "usage: compute KERNEL [--repeats R]\n"), 2;
  enum what what = which(values[1]);
  float *a = filled(elements(what), 1), *b = filled(elements(what), 2), *c = filled(elements(what), 3);
  compute(what, a, b, c);
  while (wanted(count, values)) {
    double begin = cpu_ms();
    compute(what, a, b, c);
    tell(cpu_ms() - begin);
  }
  return 0;
}
