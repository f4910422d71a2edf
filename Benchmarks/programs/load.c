/* Loading of code that was not seen before: load PTX [again] [--copies N] [--repeats R].
 *
 * The kernels of a PTX text N times, under names of their own, as one module that the driver checks
 * and compiles. A sample is megabytes of text for each second of processor time; `again`: of the
 * same text once more. */
#include <ctype.h>

#include "compute.h"
#include "gpu.h"

/* The length of a kernel's name at `at` that stands for the kernel or begins a parameter's; else 0. */
static size_t named(const char *text, const char *at) {
  if (at > text && (isalnum((unsigned char)at[-1]) || strchr("_$.%", at[-1]))) return 0;
  for (int i = 0; i < UNKNOWN; i++) {
    size_t length = strlen(kernel_names[i]);
    if (!strncmp(at, kernel_names[i], length) && (at[length] == '(' || at[length] == '_')) return length;
  }
  return 0;
}

static char *copy(char *to, const char *body, long index) {
  for (const char *at = body; *at;) {
    size_t length = named(body, at);
    if (length == 0) {
      *to++ = *at++;
      continue;
    }
    to += sprintf(to, "%.*s_%ld", (int)length, at, index);
    at += length;
  }
  return to;
}

int main(int count, char **values) {
  if (count < 2) return fprintf(stderr, "usage: load PTX [again] [--copies N] [--repeats R]\n"), 2;
  int again = count > 2 && !strcmp(values[2], "again");
  long copies = number(count, values, "copies", 200);
  char *text = contents(values[1]);
  size_t size = strlen(text);
  char *body = strstr(text, ".visible");
  if (!body) return fprintf(stderr, "no kernels in %s\n", values[1]), 2;
  char *made = malloc((size_t)copies * size * 2 + size + 64);
  if (!made) fail("malloc");
  memcpy(made, text, (size_t)(body - text));
  char *end = made + (body - text);
  for (long i = 0; i < copies; i++) end = copy(end, body, i);
  start();
  uint64_t version = now_ns();
  for (int known = 0; !known || wanted(count, values); known = 1) {
    if (!again) version++;
    size_t length = (size_t)(end - made) + (size_t)sprintf(end, "\n// %llu\n", (unsigned long long)version);
    CUmodule module;
    double begin = cpu_ms();
    CHECK(cuModuleLoadData(&module, made));
    double taken = cpu_ms() - begin;
    CHECK(cuModuleUnload(module));
    if (known) tell((double)length / 1e3 / taken);
  }
  return 0;
}
