/* What all programs of the benchmarks share: clock, checks, and the way in which samples are asked
 * for and told.
 *
 * A program prepares itself, prints {"ready": true}, and then takes one sample for each line that
 * it reads, so that whoever compares several programs can let them take turns. With --repeats N it
 * takes N samples without being asked. Each sample is one line of JSON. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Work of the program itself, between two calls. */
static inline void work(uint64_t nanoseconds) {
  if (!nanoseconds) return;
  uint64_t end = now_ns() + nanoseconds;
  while (now_ns() < end) {}
}

static inline void fail(const char *what) {
  perror(what);
  exit(1);
}

/* The value of --NAME, or what it is without. */
static inline const char *option(int count, char **arguments, const char *name, const char *otherwise) {
  for (int i = 1; i + 1 < count; i++)
    if (!strncmp(arguments[i], "--", 2) && !strcmp(arguments[i] + 2, name)) return arguments[i + 1];
  return otherwise;
}

static inline long number(int count, char **arguments, const char *name, long otherwise) {
  const char *text = option(count, arguments, name, NULL);
  return text ? strtol(text, NULL, 10) : otherwise;
}

/* Whether another sample is wanted. */
static inline int wanted(int count, char **arguments) {
  static long taken = -1;
  long repeats = number(count, arguments, "repeats", 0);
  if (taken++ < 0) {
    printf("{\"ready\": true}\n");
    fflush(stdout);
  }
  if (repeats) return taken < repeats;
  char line[64];
  return fgets(line, sizeof line, stdin) != NULL;
}

static inline void tell(double value) {
  printf("{\"value\": %.9g}\n", value);
  fflush(stdout);
}

static inline int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static inline double median(double *values, long count) {
  qsort(values, count, sizeof *values, by_size);
  return values[count / 2];
}

/* Bytes that cannot be compressed and of which no two runs of 64 bits are the same. */
static inline void fill_random(void *bytes, size_t count, uint64_t seed) {
  uint64_t x = seed * 2 + 1;
  for (size_t i = 0; i + 8 <= count; i += 8) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    memcpy((char *)bytes + i, &x, 8);
  }
}

#endif
