/* The record of a launch of eight arguments, written by plain C into a buffer: encode N.
 *
 * What no client library can do without: look the function up, check the dimensions, take a lock,
 * write the header and the fixed part, copy each argument to its place. Nothing is sent. */
#include <stdatomic.h>

#include "bench.h"

struct function {
  uint32_t identifier, parameters, bytes, most_threads;
  struct { uint16_t offset, size; } layout[8];
};

static struct function functions[4] = {[3] = {7, 8, 52, 1024,
  {{0, 8}, {8, 8}, {16, 8}, {24, 4}, {28, 4}, {32, 4}, {36, 4}, {40, 8}}}};
static atomic_flag lock = ATOMIC_FLAG_INIT;
static char buffer[128 << 10];
static size_t used;
static uint32_t sequence;

__attribute__((noinline)) int encode_launch(uint64_t handle, const uint32_t grid[3], const uint32_t block[3],
                                            uint32_t shared, uint64_t stream, void **parameters) {
  const struct function *function = &functions[handle & 3];
  uint64_t threads = (uint64_t)block[0] * block[1] * block[2];
  if (!grid[0] || !grid[1] || !grid[2] || !threads || threads > function->most_threads) return 1;
  while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire)) {}
  size_t total = 16 + 48 + ((function->bytes + 7) & ~7u);
  if (used + total > sizeof buffer) used = 0;
  uint32_t *record = (uint32_t *)(buffer + used);
  used += total;
  record[0] = (uint32_t)total, record[1] = 0x123, record[2] = ++sequence, record[3] = 1;
  record[4] = function->identifier, record[5] = 0;
  memcpy(record + 6, grid, 12), memcpy(record + 9, block, 12);
  record[12] = shared, record[13] = function->bytes;
  memcpy(record + 14, &stream, 8);
  char *body = (char *)(record + 16);
  for (uint32_t i = 0; i < function->parameters; i++) {
    if (!parameters[i]) return 1;
    char *target = body + function->layout[i].offset;
    if (function->layout[i].size == 8) memcpy(target, parameters[i], 8);
    else if (function->layout[i].size == 4) memcpy(target, parameters[i], 4);
    else memcpy(target, parameters[i], function->layout[i].size);
  }
  atomic_flag_clear_explicit(&lock, memory_order_release);
  return 0;
}

int main(int count, char **values) {
  long calls = count > 1 ? strtol(values[1], NULL, 10) : 1000;
  uint64_t wide[4] = {1, 2, 3, 4};
  uint32_t narrow[4] = {1, 2, 3, 4}, grid[3] = {128, 1, 1}, block[3] = {256, 1, 1};
  void *parameters[8] = {&wide[0], &wide[1], &wide[2], &narrow[0], &narrow[1], &narrow[2], &narrow[3], &wide[3]};
  int status = 0;
  for (long i = 0; i < calls; i++) status |= encode_launch(3, grid, block, 0, 5, parameters);
  return status;
}
