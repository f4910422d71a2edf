/* Loading of modules: module [--mib N] [--parts K] [--seed S].
 *
 * Milliseconds from the first load until K modules of N MiB in all are loaded and their kernels are
 * found. The images are PTX, most of it a comment of random text; the same seed makes the same ones. */
#include "gpu.h"

static char *image(size_t size, uint64_t seed) {
  char *text = malloc(size + sizeof eight_ptx + 16);
  size_t head = sizeof eight_ptx - 1;
  memcpy(text, eight_ptx, head);
  memcpy(text + head, "/*", 2);
  fill_random(text + head + 2, size & ~7ul, seed);
  for (char *at = text + head + 2, *end = at + size; at < end; at++) *at = 'A' + (*at & 63) % 50;
  for (size_t at = 80; at < size; at += 80) text[head + 2 + at] = '\n';
  strcpy(text + head + 2 + size, "*/\n");
  return text;
}

int main(int count, char **values) {
  long parts = number(count, values, "parts", 4), seed = number(count, values, "seed", 1);
  size_t size = (size_t)number(count, values, "mib", 100) * (1 << 20) / parts;
  char *images[64];
  CUmodule module;
  CUfunction function;
  if (parts < 1 || parts > 64) return fprintf(stderr, "1 to 64 parts\n"), 2;
  for (long i = 0; i < parts; i++) images[i] = image(size, seed * 64 + i);
  start();
  uint64_t begin = now_ns();
  for (long i = 0; i < parts; i++) {
    CHECK(cuModuleLoadData(&module, images[i]));
    CHECK(cuModuleGetFunction(&function, module, "eight"));
  }
  tell((now_ns() - begin) / 1e6);
  return 0;
}
