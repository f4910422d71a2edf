/* Bytes in one direction between two processes, without Ferry:
 * stream tcp|unix|tls|shm [--size BYTES] [--stripes K] [--chunk BYTES] [--manner ferry|spin|block] [--repeats R]
 *
 * A sample is GB/s (10^9 bytes a second) from the first byte sent until an answer says that all have
 * come. Each send and each receive has --chunk bytes, or all that are left. --chunk 16384 --size N is a stream of small records that were gathered; --per-record B makes
 * the sample million records of B bytes a second. */
#include <pthread.h>

#include "connection.h"
#include "ring.h"

enum { most_stripes = 16, ring_size = 1 << 20 };

struct stripe {
  struct end end;
  struct ring *ring;
  pthread_t thread;
  char *bytes;
  size_t size, chunk;
};

static struct stripe stripes[most_stripes];

static void *send_stripe(void *argument) {
  struct stripe *stripe = argument;
  for (size_t done = 0; done < stripe->size;) {
    size_t part = stripe->size - done < stripe->chunk ? stripe->size - done : stripe->chunk;
    if (stripe->ring) ring_put(stripe->ring, stripe->bytes + done, part, &stripe->end.waiting);
    else send_all(&stripe->end, stripe->bytes + done, part);
    done += part;
  }
  char answer;
  receive_all(&stripe->end, &answer, 1);
  return NULL;
}

static void *take_stripe(void *argument) {
  struct stripe *stripe = argument;
  for (;;) {
    char begin;
    if (stripe->ring) {
      receive_all(&stripe->end, &begin, 1);
      ring_take(stripe->ring, stripe->bytes, stripe->size, &stripe->end.waiting);
    } else {
      for (size_t done = 0; done < stripe->size;) {
        size_t part = stripe->size - done < stripe->chunk ? stripe->size - done : stripe->chunk;
        receive_all(&stripe->end, stripe->bytes + done, part);
        done += part;
      }
    }
    send_all(&stripe->end, "!", 1);
  }
  return NULL;
}

static void prepare(const char *transport, const char *manner, int count, size_t size, size_t chunk) {
  int is_memory = !strcmp(transport, "shm");
  int pairs[most_stripes][2];
  for (int i = 0; i < count; i++) {
    socket_pair(is_memory ? "unix" : transport, pairs[i]);
    if (is_memory) stripes[i].ring = ring_new(ring_size);
  }
  pid_t child = fork_end();
  for (int i = 0; i < count; i++) {
    struct waiting waiting = waiting_of(manner);
    stripes[i].end = end_of(is_memory ? "unix" : transport, pairs[i][child == 0], child == 0, waiting);
    close(pairs[i][child != 0]);
    stripes[i].size = size / count;
    stripes[i].chunk = chunk;
    stripes[i].bytes = malloc(stripes[i].size);
    fill_random(stripes[i].bytes, stripes[i].size, i + 1);
  }
  if (child) return;
  for (int i = 1; i < count; i++) pthread_create(&stripes[i].thread, NULL, take_stripe, &stripes[i]);
  take_stripe(&stripes[0]);
}

static double sample(int count, size_t size) {
  uint64_t begin = now_ns();
  for (int i = 0; i < count; i++)
    if (stripes[i].ring) send_all(&stripes[i].end, "!", 1);
  for (int i = 1; i < count; i++) pthread_create(&stripes[i].thread, NULL, send_stripe, &stripes[i]);
  send_stripe(&stripes[0]);
  for (int i = 1; i < count; i++) pthread_join(stripes[i].thread, NULL);
  return size / (double)(now_ns() - begin);
}

int main(int count, char **values) {
  if (count < 2) return fprintf(stderr, "usage: stream tcp|unix|tls|shm [--size B] [--stripes K] [--chunk B]\n"), 2;
  size_t size = number(count, values, "size", 256 << 20), chunk = number(count, values, "chunk", size);
  int streams = (int)number(count, values, "stripes", 1);
  long record = number(count, values, "per-record", 0);
  if (streams < 1 || streams > most_stripes) return fprintf(stderr, "1 to 16 stripes\n"), 2;
  prepare(values[1], option(count, values, "manner", "ferry"), streams, size, chunk);
  sample(streams, size); /* the kernel finds its window sizes */
  while (wanted(count, values)) {
    double rate = sample(streams, size);
    tell(record ? rate * 1e3 / record : rate);
  }
  return 0;
}
