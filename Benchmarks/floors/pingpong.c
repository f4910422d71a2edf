/* A request and a reply between two processes, without Ferry:
 * pingpong tcp|unix|tls|shm [--manner ferry|spin|block] [--send B] [--reply B] [--count N] [--repeats R]
 *
 * A sample is the median of N, in microseconds. The other process lives as long as a sample, so that
 * one that spins is not in the way of others. */
#include "connection.h"
#include "ring.h"

static double *times;
static long rounds;

static double over_socket(const char *transport, const char *manner, size_t send, size_t reply) {
  int pair[2];
  char *bytes = calloc(1, send + reply);
  socket_pair(transport, pair);
  pid_t child = fork_end();
  struct end end = end_of(transport, pair[child == 0], child == 0, waiting_of(manner));
  close(pair[child != 0]);
  if (child == 0) {
    for (;;) {
      receive_all(&end, bytes, send);
      send_all(&end, bytes, reply);
    }
  }
  for (long i = -rounds / 10; i < rounds; i++) {
    uint64_t begin = now_ns();
    send_all(&end, bytes, send);
    receive_all(&end, bytes, reply);
    if (i >= 0) times[i] = (now_ns() - begin) / 1e3;
  }
  close(end.socket);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  free(bytes);
  return median(times, rounds);
}

/* At most 4 KiB each way, in two halves of shared memory. */
static double over_memory(const char *manner, size_t send, size_t reply) {
  struct ring *there = ring_new(4096), *back = ring_new(4096);
  char bytes[4096] = {0};
  pid_t child = fork_end();
  struct waiting waiting = waiting_of(manner);
  if (send > sizeof bytes || reply > sizeof bytes) fprintf(stderr, "at most 4 KiB\n"), exit(2);
  if (child == 0) {
    for (;;) {
      ring_take(there, bytes, send, &waiting);
      ring_put(back, bytes, reply, &waiting);
    }
  }
  for (long i = -rounds / 10; i < rounds; i++) {
    uint64_t begin = now_ns();
    ring_put(there, bytes, send, &waiting);
    ring_take(back, bytes, reply, &waiting);
    if (i >= 0) times[i] = (now_ns() - begin) / 1e3;
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  ring_free(there), ring_free(back);
  return median(times, rounds);
}

int main(int count, char **values) {
  if (count < 2) return fprintf(stderr, "usage: pingpong tcp|unix|tls|shm [--manner M] [--send B] [--reply B]\n"), 2;
  const char *transport = values[1], *manner = option(count, values, "manner", "ferry");
  size_t send = number(count, values, "send", 64), reply = number(count, values, "reply", 64);
  rounds = number(count, values, "count", 2000);
  times = malloc(rounds * sizeof *times);
  while (wanted(count, values))
    tell(!strcmp(transport, "shm") ? over_memory(manner, send, reply)
                                   : over_socket(transport, manner, send, reply));
  return 0;
}
