// Streams with asynchronous copies from and to pinned memory, events with times, and the order that
// streams and events promise.
#include "check.h"

constexpr int streams = 4, chunk = 20000;

__global__ void square(float *data, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] = data[i] * data[i];
}

__global__ void append(int *list, int *count, int value) {
    list[*count] = value;
    *count += 1;
}

/// Some milliseconds of work for one thread, so that what follows has something to wait for.
__global__ void slow(int *out, int rounds) {
    unsigned x = 1;
    for (int i = 0; i < rounds; i++) x = x * 1664525u + 1013904223u;
    *out = static_cast<int>(x);
}

void overlapped_copies() {
    const int n = streams * chunk;
    float *in, *out, *device;
    CHECK(cudaMallocHost(&in, n * sizeof(float)));
    CHECK(cudaHostAlloc(&out, n * sizeof(float), cudaHostAllocDefault));
    CHECK(cudaMalloc(&device, n * sizeof(float)));
    Random random(1);
    for (int i = 0; i < n; i++) in[i] = random.unit(), out[i] = -1;
    cudaStream_t stream[streams];
    for (int s = 0; s < streams; s++)
        CHECK(s % 2 ? cudaStreamCreateWithFlags(&stream[s], cudaStreamNonBlocking) : cudaStreamCreate(&stream[s]));
    for (int s = 0; s < streams; s++) {
        size_t bytes = chunk * sizeof(float);
        float *part = device + s * chunk;
        CHECK(cudaMemcpyAsync(part, in + s * chunk, bytes, cudaMemcpyHostToDevice, stream[s]));
        square<<<blocks(chunk, 128), 128, 0, stream[s]>>>(part, chunk);
        CHECK(cudaMemcpyAsync(out + s * chunk, part, bytes, cudaMemcpyDeviceToHost, stream[s]));
    }
    for (int s = 0; s < streams; s++) CHECK(cudaStreamSynchronize(stream[s]));
    bool equal = true;
    for (int i = 0; i < n; i++) equal = equal && out[i] == in[i] * in[i];
    expect(equal, "copies and kernels in four streams");
    for (int s = 0; s < streams; s++) {
        CHECK(cudaStreamQuery(stream[s]));
        CHECK(cudaStreamDestroy(stream[s]));
    }
    CHECK(cudaFreeHost(in));
    CHECK(cudaFreeHost(out));
    CHECK(cudaFree(device));
}

void event_times() {
    cudaEvent_t begin, middle, end, untimed;
    CHECK(cudaEventCreate(&begin));
    CHECK(cudaEventCreateWithFlags(&middle, cudaEventBlockingSync));
    CHECK(cudaEventCreate(&end));
    CHECK(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming));
    Device<int> out(1);
    CHECK(cudaEventRecord(begin));
    slow<<<1, 1>>>(out, 20000);
    CHECK(cudaEventRecord(middle));
    slow<<<1, 1>>>(out, 20000);
    CHECK(cudaEventRecord(end));
    CHECK(cudaEventRecord(untimed));
    CHECK(cudaEventSynchronize(end));
    CHECK(cudaEventQuery(begin));
    float first = -1, second = -1, both = -1;
    CHECK(cudaEventElapsedTime(&first, begin, middle));
    CHECK(cudaEventElapsedTime(&second, middle, end));
    CHECK(cudaEventElapsedTime(&both, begin, end));
    expect(first > 0 && second > 0 && both < 60000, "times are positive");
    expect(std::fabs(first + second - both) <= 0.01f * both + 0.01f, "times add up");
    float backwards = 0;
    CHECK(cudaEventElapsedTime(&backwards, end, begin));
    expect(backwards < 0, "time from the end to the beginning is negative");
    cudaError_t error = cudaEventElapsedTime(&both, begin, untimed);
    printf("time of an event without timing: %s\n", cudaGetErrorName(error));
    cudaGetLastError();
    for (cudaEvent_t event : {begin, middle, end, untimed}) CHECK(cudaEventDestroy(event));
}

void order_between_streams() {
    cudaStream_t a, b;
    cudaEvent_t event;
    CHECK(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
    CHECK(cudaStreamCreateWithPriority(&b, cudaStreamNonBlocking, 0));
    CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    Device<int> list(std::vector<int>(8, 0)), count(std::vector<int>{0}), scratch(1);
    slow<<<1, 1, 0, a>>>(scratch, 50000);
    append<<<1, 1, 0, a>>>(list, count, 1);
    CHECK(cudaEventRecord(event, a));
    CHECK(cudaStreamWaitEvent(b, event, 0));
    append<<<1, 1, 0, b>>>(list, count, 2);
    CHECK(cudaEventRecord(event, b));
    CHECK(cudaStreamWaitEvent(a, event, 0));
    append<<<1, 1, 0, a>>>(list, count, 3);
    CHECK(cudaStreamSynchronize(a));
    std::vector<int> got = list.download();
    expect(count.download()[0] == 3 && got[0] == 1 && got[1] == 2 && got[2] == 3, "order by events");
    CHECK(cudaStreamDestroy(a));
    CHECK(cudaStreamDestroy(b));
    CHECK(cudaEventDestroy(event));
}

/// The legacy default stream waits for all blocking streams, and they for it.
void legacy_default_stream() {
    cudaStream_t a;
    CHECK(cudaStreamCreate(&a));
    Device<int> list(std::vector<int>(8, 0)), count(std::vector<int>{0}), scratch(1);
    slow<<<1, 1, 0, a>>>(scratch, 50000);
    append<<<1, 1, 0, a>>>(list, count, 1);
    append<<<1, 1>>>(list, count, 2);
    append<<<1, 1, 0, a>>>(list, count, 3);
    std::vector<int> got = list.download();
    CHECK(cudaStreamSynchronize(a));
    got = list.download();
    expect(got[0] == 1 && got[1] == 2 && got[2] == 3, "order by the default stream");
    CHECK(cudaStreamDestroy(a));
}

/// A stream that is destroyed while it works finishes its work.
void destroyed_while_busy() {
    cudaStream_t a;
    CHECK(cudaStreamCreate(&a));
    Device<int> list(std::vector<int>(8, 0)), count(std::vector<int>{0}), scratch(1);
    slow<<<1, 1, 0, a>>>(scratch, 50000);
    append<<<1, 1, 0, a>>>(list, count, 7);
    CHECK(cudaStreamDestroy(a));
    CHECK(cudaDeviceSynchronize());
    expect(list.download()[0] == 7, "a stream destroyed while busy");
}

int main() {
    overlapped_copies();
    event_times();
    order_between_streams();
    legacy_default_stream();
    destroyed_while_busy();
    return finish();
}
