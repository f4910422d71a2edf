// Memory and events of one process in another one: both are made by fork before anything of CUDA is used.
#include "check.h"

#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

__global__ void add(int *data, int n, int value) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] += value;
}

// Keeps a stream busy for a while.
__global__ void take_time(int *cell) {
    for (int i = 0; i < 20000; i++) atomicAdd(cell, 1);
}

const int n = 3000;

struct Message {
    cudaIpcMemHandle_t memory, other;
    cudaIpcEventHandle_t event;
};

static int to_child[2], to_parent[2];

template <typename T> static void put(const int *pipe, const T &value) {
    if (write(pipe[1], &value, sizeof value) != static_cast<ssize_t>(sizeof value)) exit(3);
}

template <typename T> static T get(const int *pipe) {
    T value;
    if (read(pipe[0], &value, sizeof value) != static_cast<ssize_t>(sizeof value)) exit(4);
    return value;
}

static int child() {
    Message message = get<Message>(to_child);
    int *data, *again, *other, *mine;
    cudaEvent_t event, answer;
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaIpcOpenMemHandle(reinterpret_cast<void **>(&data), message.memory, cudaIpcMemLazyEnablePeerAccess));
    CHECK(cudaIpcOpenMemHandle(reinterpret_cast<void **>(&other), message.other, cudaIpcMemLazyEnablePeerAccess));
    CHECK(cudaIpcOpenMemHandle(reinterpret_cast<void **>(&again), message.memory, cudaIpcMemLazyEnablePeerAccess));
    expect(again == data && other != data, "memory has one address, however often it is opened");
    CHECK(cudaIpcCloseMemHandle(again));
    CHECK(cudaIpcOpenEventHandle(&event, message.event));

    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, data + 5));
    expect(attributes.type == cudaMemoryTypeDevice && attributes.device == 0, "it is memory of a GPU");
    CHECK(cudaMalloc(&mine, n * sizeof(int)));
    CHECK(cudaMemset(mine, 0, n * sizeof(int)));

    // The parent's work comes first, without anyone waiting for it.
    CHECK(cudaStreamWaitEvent(stream, event, 0));
    add<<<blocks(n, 128), 128, 0, stream>>>(data, n, 1000);
    CHECK(cudaMemcpyAsync(mine, data, n * sizeof(int), cudaMemcpyDeviceToDevice, stream));
    CHECK(cudaMemcpyAsync(other, data, n * sizeof(int), cudaMemcpyDefault, stream));
    CHECK(cudaEventCreateWithFlags(&answer, cudaEventInterprocess | cudaEventDisableTiming));
    CHECK(cudaEventRecord(answer, stream));
    cudaIpcEventHandle_t handle;
    CHECK(cudaIpcGetEventHandle(&handle, answer));
    put(to_parent, handle);

    std::vector<int> host(n);
    CHECK(cudaMemcpyAsync(host.data(), mine, n * sizeof(int), cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    bool equal = true;
    for (int i = 0; i < n; i++) equal = equal && host[i] == i + 1007;
    expect(equal, "what the parent has written, and this process since");
    CHECK(cudaEventSynchronize(event));
    CHECK(cudaEventQuery(event));

    // Bad input.
    SHOW(cudaIpcOpenMemHandle(reinterpret_cast<void **>(&again), message.memory, 0));
    cudaIpcMemHandle_t nonsense;
    memset(&nonsense, 0x5a, sizeof nonsense);
    SHOW(cudaIpcOpenMemHandle(reinterpret_cast<void **>(&again), nonsense, cudaIpcMemLazyEnablePeerAccess));
    SHOW(cudaIpcCloseMemHandle(mine));
    SHOW(cudaFree(data));
    cudaGetLastError();

    get<char>(to_child);
    CHECK(cudaIpcCloseMemHandle(data));
    CHECK(cudaIpcCloseMemHandle(other));
    SHOW(cudaIpcCloseMemHandle(data));
    cudaGetLastError();
    CHECK(cudaEventDestroy(event));
    put(to_parent, 'c');
    // The parent has waited for it when it goes.
    get<char>(to_child);
    CHECK(cudaEventDestroy(answer));
    return finish();
}

static int parent(pid_t pid) {
    int *data, *other, *cell;
    cudaEvent_t event, answer, plain;
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaMalloc(&cell, sizeof(int)));
    CHECK(cudaMalloc(&data, n * sizeof(int)));
    CHECK(cudaMalloc(&other, n * sizeof(int)));
    std::vector<int> host(n);
    for (int i = 0; i < n; i++) host[i] = i;
    CHECK(cudaMemcpy(data, host.data(), n * sizeof(int), cudaMemcpyHostToDevice));
    CHECK(cudaDeviceSynchronize());

    SHOW(cudaEventCreateWithFlags(&event, cudaEventInterprocess));
    CHECK(cudaEventCreateWithFlags(&event, cudaEventInterprocess | cudaEventDisableTiming));
    CHECK(cudaEventQuery(event));
    Message message;
    CHECK(cudaIpcGetMemHandle(&message.memory, data));
    CHECK(cudaIpcGetMemHandle(&message.other, other));
    CHECK(cudaIpcGetEventHandle(&message.event, event));
    cudaIpcMemHandle_t same;
    CHECK(cudaIpcGetMemHandle(&same, data));
    expect(memcmp(&same, &message.memory, sizeof same) == 0, "a handle is the same each time");

    // Bad input.
    SHOW(cudaIpcGetMemHandle(&same, host.data()));
    CHECK(cudaEventCreateWithFlags(&plain, cudaEventDisableTiming));
    cudaIpcEventHandle_t none;
    SHOW(cudaIpcGetEventHandle(&none, plain));
    void *own;
    SHOW(cudaIpcOpenMemHandle(&own, message.memory, cudaIpcMemLazyEnablePeerAccess));
    cudaGetLastError();

    take_time<<<1, 32, 0, stream>>>(cell);
    add<<<blocks(n, 128), 128, 0, stream>>>(data, n, 7);
    CHECK(cudaEventRecord(event, stream));
    put(to_child, message);

    CHECK(cudaIpcOpenEventHandle(&answer, get<cudaIpcEventHandle_t>(to_parent)));
    CHECK(cudaEventSynchronize(answer));
    for (int *each : {data, other}) {
        CHECK(cudaMemcpy(host.data(), each, n * sizeof(int), cudaMemcpyDeviceToHost));
        bool equal = true;
        for (int i = 0; i < n; i++) equal = equal && host[i] == i + 1007;
        expect(equal, "what the other process has written");
    }
    put(to_child, 'a');
    get<char>(to_parent);
    CHECK(cudaEventDestroy(answer));
    CHECK(cudaFree(data));
    CHECK(cudaFree(other));
    put(to_child, 'b');
    int status = -1;
    waitpid(pid, &status, 0);
    expect(status == 0, "the other process");
    return finish();
}

// Says a handle in hexadecimal digits, and keeps the memory until it is ended.
static int give() {
    int *data;
    cudaIpcMemHandle_t handle;
    CHECK(cudaMalloc(&data, n * sizeof(int)));
    cudaError_t error = cudaIpcGetMemHandle(&handle, data);
    if (error != cudaSuccess) return printf("%s\n", cudaGetErrorName(error)), 1;
    for (char byte : handle.reserved) printf("%02x", static_cast<unsigned char>(byte));
    printf("\nworking\n");
    fflush(stdout);
    for (;;) pause();
}

// Opens memory by such a handle, and says what came of it.
static int take(const char *text) {
    cudaIpcMemHandle_t handle;
    for (size_t i = 0; i < sizeof handle; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1) return 2;
        handle.reserved[i] = static_cast<char>(byte);
    }
    void *data;
    printf("%s\n", cudaGetErrorName(cudaIpcOpenMemHandle(&data, handle, cudaIpcMemLazyEnablePeerAccess)));
    return 0;
}

int main(int count, char **arguments) {
    if (count == 2 && !strcmp(arguments[1], "give")) return give();
    if (count == 3 && !strcmp(arguments[1], "take")) return take(arguments[2]);
    if (pipe(to_child) || pipe(to_parent)) return 2;
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0) return parent(pid);
    // Its text would come in between.
    if (!freopen("/dev/null", "w", stdout)) return 2;
    return child();
}
