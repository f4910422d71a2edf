/* Small calls: calls WHAT [--count N] [--threads T] [--repeats R].
 *
 * WHAT        a sample is
 * launch      million launches a second while they are given; what they lead to is waited for after;
 *             median of 10 bursts of N
 * launch_done million launches a second until all are done
 * sync        microseconds of cuStreamSynchronize on an idle stream; median of N
 * launch_sync microseconds of one launch and cuStreamSynchronize; median of N
 * burst20     microseconds of 20 launches and cuStreamSynchronize; median of N
 * event       microseconds of cuEventRecord and cuEventQuery until it is reached; median of N
 * alloc_free  microseconds of cuMemAlloc and cuMemFree of 1 MiB; median of N */
#include <pthread.h>

#include "gpu.h"

static CUcontext context;
static CUfunction function;
static CUstream stream;
static CUevent event;
static long calls;
static pthread_barrier_t barrier;

static void once(const char *what, struct arguments *arguments) {
  if (!strcmp(what, "event")) {
    CHECK(cuEventRecord(event, stream));
    CUresult status;
    while ((status = cuEventQuery(event)) == CUDA_ERROR_NOT_READY) {}
    check(status, "cuEventQuery");
    return;
  }
  if (!strcmp(what, "alloc_free")) {
    CUdeviceptr address;
    CHECK(cuMemAlloc_v2(&address, 1 << 20));
    CHECK(cuMemFree_v2(address));
    return;
  }
  int launches = !strcmp(what, "burst20") ? 20 : !strcmp(what, "launch_sync") ? 1 : 0;
  for (int i = 0; i < launches; i++) launch(function, stream, arguments);
  CHECK(cuStreamSynchronize(stream));
}

static double latency(const char *what) {
  static double *times;
  struct arguments arguments;
  set_arguments(&arguments);
  if (!times) times = malloc(calls * sizeof *times);
  for (long i = 0; i < calls / 10 + 1; i++) once(what, &arguments);
  for (long i = 0; i < calls; i++) {
    uint64_t begin = now_ns();
    once(what, &arguments);
    times[i] = (now_ns() - begin) / 1e3;
  }
  return median(times, calls);
}

struct giver {
  pthread_t thread;
  CUstream stream;
  uint64_t begin, end;
};

/* Looks at the clock itself: on a busy machine the main thread may wake when all is over. */
static void *give(void *own) {
  struct giver *giver = own;
  struct arguments arguments;
  set_arguments(&arguments);
  CHECK(cuCtxSetCurrent(context));
  for (int i = 0; i < 100; i++) launch(function, giver->stream, &arguments);
  pthread_barrier_wait(&barrier);
  giver->begin = now_ns();
  for (long i = 0; i < calls; i++) launch(function, giver->stream, &arguments);
  giver->end = now_ns();
  return NULL;
}

static double rate(int threads, int until_done) {
  static struct giver givers[64];
  pthread_barrier_init(&barrier, NULL, threads);
  for (int i = 0; i < threads; i++) {
    if (!givers[i].stream) CHECK(cuStreamCreate(&givers[i].stream, 1));
    pthread_create(&givers[i].thread, NULL, give, &givers[i]);
  }
  uint64_t begin = UINT64_MAX, end = 0;
  for (int i = 0; i < threads; i++) {
    pthread_join(givers[i].thread, NULL);
    if (givers[i].begin < begin) begin = givers[i].begin;
    if (givers[i].end > end) end = givers[i].end;
  }
  CHECK(cuCtxSynchronize());
  if (until_done) end = now_ns();
  return calls * threads / ((end - begin) / 1e9) / 1e6;
}

static double bursts(int threads) {
  double rates[10];
  for (int i = 0; i < 10; i++) rates[i] = rate(threads, 0);
  return median(rates, 10);
}

static double sample(const char *what, int threads) {
  if (!strcmp(what, "launch")) return bursts(threads);
  return !strcmp(what, "launch_done") ? rate(threads, 1) : latency(what);
}

int main(int count, char **values) {
  if (count < 2) return fprintf(stderr, "usage: calls WHAT [--count N] [--threads T] [--repeats R]\n"), 2;
  const char *what = values[1];
  calls = number(count, values, "count", 1000);
  int threads = (int)number(count, values, "threads", 1);
  if (threads < 1 || threads > 64 || calls < 1) return fprintf(stderr, "1 to 64 threads, 1 call or more\n"), 2;
  context = start();
  function = kernel();
  CHECK(cuStreamCreate(&stream, 1));
  CHECK(cuEventCreate(&event, 2));
  while (wanted(count, values)) tell(sample(what, threads));
  return 0;
}
