// GPUs that use each other's memory: asked for, enabled, by kernels and copies, and what is refused.
#include "check.h"

__global__ void add(const int *from, int *to, int n, int value) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) to[i] = from[i] + value;
}

__global__ void count(int *cell) { atomicAdd_system(cell, 1); }

// The kernels of two GPUs take turns while both run, as those of NCCL do: each waits for its number in its own
// memory and writes the next one into the other's, behind what it has to say.
__global__ void take_turns(volatile int *mine, volatile int *others, int first, int rounds) {
    for (int i = first; i < rounds; i += 2) {
        while (mine[0] < i) {
        }
        __threadfence_system();
        others[1] = mine[1] + 1;
        __threadfence_system();
        others[0] = i + 1;
    }
}

const int n = 5000;

static bool holds(const int *data, int first) {
    std::vector<int> host(n);
    CHECK(cudaMemcpy(host.data(), data, n * sizeof(int), cudaMemcpyDefault));
    for (int i = 0; i < n; i++)
        if (host[i] != first + i) return printf("at %d: %d\n", i, host[i]), false;
    return true;
}

static void questions() {
    int answer = -1;
    for (int d = 0; d < 2; d++)
        for (int e = 0; e < 2; e++) {
            CHECK(cudaDeviceCanAccessPeer(&answer, d, e));
            printf("%d can access %d: %d\n", d, e, answer);
        }
    SHOW(cudaDeviceCanAccessPeer(&answer, 0, 2));
    SHOW(cudaDeviceCanAccessPeer(&answer, -1, 1));
    const cudaDeviceP2PAttr attributes[] = {
        cudaDevP2PAttrPerformanceRank, cudaDevP2PAttrAccessSupported, cudaDevP2PAttrNativeAtomicSupported,
        cudaDevP2PAttrCudaArrayAccessSupported};
    for (cudaDeviceP2PAttr attribute : attributes) {
        CHECK(cudaDeviceGetP2PAttribute(&answer, attribute, 0, 1));
        expect(answer >= 0 && (attribute != cudaDevP2PAttrAccessSupported || answer == 1), "an attribute of the pair");
    }
    SHOW(cudaDeviceGetP2PAttribute(&answer, cudaDevP2PAttrAccessSupported, 1, 1));
    SHOW(cudaDeviceGetP2PAttribute(&answer, cudaDevP2PAttrAccessSupported, 1, 2));
    SHOW(cudaDeviceGetP2PAttribute(&answer, static_cast<cudaDeviceP2PAttr>(99), 0, 1));
}

static void refusals() {
    CHECK(cudaSetDevice(0));
    SHOW(cudaDeviceDisablePeerAccess(1));
    SHOW(cudaDeviceEnablePeerAccess(0, 0));
    SHOW(cudaDeviceEnablePeerAccess(2, 0));
    SHOW(cudaDeviceEnablePeerAccess(1, 1));
    cudaGetLastError();
}

int main() {
    int devices = 0;
    CHECK(cudaGetDeviceCount(&devices));
    printf("devices: %d\n", devices);
    if (devices != 2) return 1;
    questions();
    refusals();

    // Device 1 has had no work yet: its context is made by what names it.
    CHECK(cudaSetDevice(0));
    CHECK(cudaDeviceEnablePeerAccess(1, 0));
    SHOW(cudaDeviceEnablePeerAccess(1, 0));
    cudaGetLastError();

    int *data[2];
    std::vector<int> host(n);
    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        CHECK(cudaMalloc(&data[d], n * sizeof(int)));
        for (int i = 0; i < n; i++) host[i] = 1000 * (d + 1) + i;
        CHECK(cudaMemcpy(data[d], host.data(), n * sizeof(int), cudaMemcpyHostToDevice));
    }
    CHECK(cudaSetDevice(0));
    add<<<blocks(n, 128), 128>>>(data[1], data[0], n, 5);
    CHECK(cudaDeviceSynchronize());
    expect(holds(data[0], 2005), "a kernel of device 0 reads memory of device 1");
    add<<<blocks(n, 128), 128>>>(data[0], data[1], n, 7);
    CHECK(cudaDeviceSynchronize());
    expect(holds(data[1], 2012), "and writes it");

    CHECK(cudaSetDevice(1));
    CHECK(cudaDeviceEnablePeerAccess(0, 0));
    add<<<blocks(n, 128), 128>>>(data[0], data[1], n, 1);
    CHECK(cudaDeviceSynchronize());
    expect(holds(data[1], 2006), "a kernel of device 1 reads memory of device 0");

    // Events order the streams of the two devices.
    cudaStream_t stream[2];
    cudaEvent_t done[2];
    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        CHECK(cudaStreamCreate(&stream[d]));
        CHECK(cudaEventCreateWithFlags(&done[d], cudaEventDisableTiming));
    }
    for (int round = 0; round < 20; round++)
        for (int d = 0; d < 2; d++) {
            CHECK(cudaSetDevice(d));
            CHECK(cudaStreamWaitEvent(stream[d], done[1 - d], 0));
            add<<<blocks(n, 128), 128, 0, stream[d]>>>(data[d], data[1 - d], n, 1);
            CHECK(cudaEventRecord(done[d], stream[d]));
        }
    for (int d = 0; d < 2; d++) CHECK(cudaStreamSynchronize(stream[d]));
    expect(holds(data[0], 2005 + 40), "twenty turns, in their order");

    int *cell;
    CHECK(cudaSetDevice(0));
    CHECK(cudaMalloc(&cell, sizeof(int)));
    CHECK(cudaMemset(cell, 0, sizeof(int)));
    CHECK(cudaDeviceSynchronize());
    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        count<<<10, 64, 0, stream[d]>>>(cell);
    }
    for (int d = 0; d < 2; d++) CHECK(cudaStreamSynchronize(stream[d]));
    int counted = 0;
    CHECK(cudaMemcpy(&counted, cell, sizeof counted, cudaMemcpyDefault));
    printf("both have counted to %d\n", counted);

    int *cells[2];
    const int rounds = 40;
    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        CHECK(cudaMalloc(&cells[d], 2 * sizeof(int)));
        CHECK(cudaMemset(cells[d], 0, 2 * sizeof(int)));
        CHECK(cudaDeviceSynchronize());
    }
    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        take_turns<<<1, 1, 0, stream[d]>>>(cells[d], cells[1 - d], d, rounds);
    }
    for (int d = 0; d < 2; d++) CHECK(cudaStreamSynchronize(stream[d]));
    int last[2];
    CHECK(cudaMemcpy(last, cells[0], sizeof last, cudaMemcpyDefault));
    expect(last[0] == rounds && last[1] == rounds, "kernels of both that take turns");

    for (int d = 0; d < 2; d++) {
        CHECK(cudaSetDevice(d));
        CHECK(cudaDeviceDisablePeerAccess(1 - d));
        SHOW(cudaDeviceDisablePeerAccess(1 - d));
        cudaGetLastError();
        CHECK(cudaStreamDestroy(stream[d]));
        CHECK(cudaEventDestroy(done[d]));
    }
    CHECK(cudaMemcpyPeer(data[1], 1, data[0], 0, n * sizeof(int)));
    expect(holds(data[1], 2045), "copies need no access");

    // A memory pool lets the other GPU in by itself.
    CHECK(cudaSetDevice(1));
    cudaMemPool_t pool;
    CHECK(cudaDeviceGetDefaultMemPool(&pool, 1));
    cudaMemAccessDesc access = {};
    access.location.type = cudaMemLocationTypeDevice;
    access.location.id = 0;
    access.flags = cudaMemAccessFlagsProtReadWrite;
    CHECK(cudaMemPoolSetAccess(pool, &access, 1));
    int *pooled;
    CHECK(cudaMallocAsync(&pooled, n * sizeof(int), 0));
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaSetDevice(0));
    add<<<blocks(n, 128), 128>>>(data[0], pooled, n, -45);
    CHECK(cudaDeviceSynchronize());
    expect(holds(pooled, 2000), "memory of a pool that lets the other GPU in");
    return finish();
}
