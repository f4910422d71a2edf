/* What the kernels of kernels.cu compute, in plain C, and the data that both work on. */
#ifndef BENCH_COMPUTE_H
#define BENCH_COMPUTE_H

#include <math.h>

#include "bench.h"

enum { STREAMED = 16 << 20, ORDER = 512, EDGE = 1024, MOST = 256 };

enum what { ADD, SAXPY, NAIVE, TILED, MANDEL, UNKNOWN };

static const char *const kernel_names[] = {"add", "saxpy", "naive", "tiled", "mandel"};

static inline enum what which(const char *name) {
  for (int i = 0; i < UNKNOWN; i++)
    if (!strcmp(name, kernel_names[i])) return (enum what)i;
  fprintf(stderr, "no kernel is called %s\n", name);
  exit(2);
}

/* Elements of each array. */
static inline size_t elements(enum what what) {
  return what == MANDEL ? EDGE * EDGE : what >= NAIVE ? ORDER * ORDER : STREAMED;
}

static inline float *filled(size_t count, unsigned seed) {
  float *values = malloc(count * sizeof *values);
  if (!values) fail("malloc");
  for (size_t i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    values[i] = (float)(seed >> 8) / (1 << 24);
  }
  return values;
}

static void add(const float *a, const float *b, float *c) {
  for (size_t i = 0; i < STREAMED; i++) c[i] = a[i] + b[i];
}

static void saxpy(const float *x, float *y) {
  for (size_t i = 0; i < STREAMED; i++) y[i] = 0.5f * x[i] + y[i];
}

static void multiply(const float *a, const float *b, float *c) {
  for (int i = 0; i < ORDER; i++)
    for (int j = 0; j < ORDER; j++) {
      float sum = 0;
      for (int k = 0; k < ORDER; k++) sum += a[i * ORDER + k] * b[k * ORDER + j];
      c[i * ORDER + j] = sum;
    }
}

/* How many steps a point stays near. Written as floats, like the other results. */
static void mandel(float *steps) {
  for (int row = 0; row < EDGE; row++)
    for (int column = 0; column < EDGE; column++) {
      float cx = -2.0f + 3.0f * column / EDGE, cy = -1.5f + 3.0f * row / EDGE, x = 0, y = 0;
      int n = 0;
      while (n < MOST && x * x + y * y <= 4.0f) {
        float next = x * x - y * y + cx;
        y = 2.0f * x * y + cy;
        x = next;
        n++;
      }
      steps[row * EDGE + column] = (float)n;
    }
}

static inline void compute(enum what what, const float *a, const float *b, float *c) {
  switch (what) {
    case ADD: add(a, b, c); break;
    case SAXPY: saxpy(a, c); break;
    case NAIVE:
    case TILED: multiply(a, b, c); break;
    default: mandel(c);
  }
}

/* A file of text, with a NUL behind it; the caller frees it. */
static inline char *contents(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) fail(path);
  long size = ftell(file);
  rewind(file);
  char *text = size < 0 ? NULL : malloc((size_t)size + 1);
  if (!text || fread(text, 1, (size_t)size, file) != (size_t)size) fail(path);
  fclose(file);
  text[size] = 0;
  return text;
}

/* Processor time of all threads of this process, in milliseconds. */
static inline double cpu_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

#endif
