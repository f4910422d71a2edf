/* The monotonic clock at main, in nanoseconds. */
#include "bench.h"

int main(void) {
  printf("{\"value\": %llu}\n", (unsigned long long)now_ns());
  return 0;
}
