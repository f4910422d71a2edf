// CUDA graphs of the runtime: captured from streams that fork and join, built node by node, changed in place,
// launched many times with memory that changes between the launches.
#include "check.h"

#include <atomic>
#include <chrono>
#include <thread>

constexpr int n = 3000;

__global__ void scale(float *data, float factor, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) data[i] *= factor;
}

__global__ void add(float *out, const float *a, const float *b, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] = a[i] + b[i];
}

__global__ void append(int *list, int value) {
    list[0] += 1;
    list[list[0]] = value;
}

/// A list for `append`, which is read back as what was appended.
struct List : Device<int> {
    List() : Device<int>(1024) { clear(); }
    void clear() { CHECK(cudaMemset(pointer, 0, count * sizeof(int))); }
    std::vector<int> values() const {
        std::vector<int> words = download();
        return std::vector<int>(words.begin() + 1, words.begin() + 1 + words[0]);
    }
};

cudaGraphExec_t instantiate(cudaGraph_t graph) {
    cudaGraphExec_t ready;
    CHECK(cudaGraphInstantiate(&ready, graph, 0));
    return ready;
}

std::vector<cudaGraphNode_t> nodes_of(cudaGraph_t graph) {
    size_t count = 0;
    CHECK(cudaGraphGetNodes(graph, nullptr, &count));
    std::vector<cudaGraphNode_t> nodes(count);
    CHECK(cudaGraphGetNodes(graph, nodes.data(), &count));
    return nodes;
}

/// Two streams that fork and join by events; input and output change between launches.
void fork_and_join() {
    float *in, *out;
    CHECK(cudaMallocHost(&in, n * sizeof(float)));
    CHECK(cudaMallocHost(&out, n * sizeof(float)));
    Device<float> a(n), b(n), sum(n);
    cudaStream_t first, second;
    cudaEvent_t fork, join;
    CHECK(cudaStreamCreate(&first));
    CHECK(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
    CHECK(cudaEventCreate(&fork));
    CHECK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
    for (int i = 0; i < n; i++) in[i] = 1, out[i] = -1;
    CHECK(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
    CHECK(cudaMemcpyAsync(a, in, n * sizeof(float), cudaMemcpyHostToDevice, first));
    CHECK(cudaEventRecord(fork, first));
    CHECK(cudaStreamWaitEvent(second, fork, 0));
    CHECK(cudaMemcpyAsync(b, a, n * sizeof(float), cudaMemcpyDeviceToDevice, second));
    scale<<<blocks(n, 128), 128, 0, second>>>(b, 3, n);
    CHECK(cudaEventRecord(join, second));
    scale<<<blocks(n, 128), 128, 0, first>>>(a, 2, n);
    CHECK(cudaStreamWaitEvent(first, join, 0));
    add<<<blocks(n, 128), 128, 0, first>>>(sum, a, b, n);
    CHECK(cudaMemcpyAsync(out, sum, n * sizeof(float), cudaMemcpyDeviceToHost, first));
    cudaGraph_t graph;
    CHECK(cudaStreamEndCapture(first, &graph));
    CHECK(cudaStreamSynchronize(first));
    expect(out[0] == -1 && out[n - 1] == -1, "what is captured is not done");
    cudaGraphExec_t ready = instantiate(graph);
    CHECK(cudaGraphDestroy(graph));
    bool equal = true;
    for (int round = 1; round <= 4; round++) {
        for (int i = 0; i < n; i++) in[i] = static_cast<float>(i % 97 * round);
        CHECK(cudaGraphLaunch(ready, first));
        CHECK(cudaStreamSynchronize(first));
        for (int i = 0; i < n; i++) equal = equal && out[i] == 5 * in[i];
    }
    expect(equal, "a fork and a join, launched with other data each time");
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaEventDestroy(fork));
    CHECK(cudaEventDestroy(join));
    CHECK(cudaStreamDestroy(first));
    CHECK(cudaStreamDestroy(second));
    CHECK(cudaFreeHost(in));
    CHECK(cudaFreeHost(out));
}

/// Many launches of a graph between ordinary launches, in order.
void many_launches() {
    List list;
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    cudaGraph_t graph;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    for (int i = 0; i < 3; i++) append<<<1, 1, 0, stream>>>(list, i);
    CHECK(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t ready = instantiate(graph);
    for (int i = 0; i < 200; i++) {
        CHECK(cudaGraphLaunch(ready, stream));
        append<<<1, 1, 0, stream>>>(list, 3);
    }
    // Destroyed while it runs: what was given is done.
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaStreamSynchronize(stream));
    std::vector<int> values = list.values();
    bool inOrder = values.size() == 800;
    for (size_t i = 0; i < values.size(); i++) inOrder = inOrder && values[i] == static_cast<int>(i % 4);
    expect(inOrder, "200 launches between others");
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaStreamDestroy(stream));
}

void count_call(void *counter) { ++*static_cast<int *>(counter); }

/// A graph that is built node by node, and its parts changed in the executable graph.
void built() {
    List list;
    int calls = 0, one = 1, two = 2;
    cudaGraph_t graph;
    CHECK(cudaGraphCreate(&graph, 0));
    cudaMemsetParams zero = {};
    zero.dst = list, zero.elementSize = 4, zero.width = 1024, zero.height = 1;
    cudaGraphNode_t clear, first, second, copy, call;
    CHECK(cudaGraphAddMemsetNode(&clear, graph, nullptr, 0, &zero));
    int *pointer = list;
    void *arguments[] = {&pointer, &one};
    cudaKernelNodeParams kernel = {};
    kernel.func = reinterpret_cast<void *>(append);
    kernel.gridDim = kernel.blockDim = dim3(1);
    kernel.kernelParams = arguments;
    CHECK(cudaGraphAddKernelNode(&first, graph, &clear, 1, &kernel));
    arguments[1] = &two;
    CHECK(cudaGraphAddKernelNode(&second, graph, nullptr, 0, &kernel));
#if CUDART_VERSION >= 13000
    CHECK(cudaGraphAddDependencies(graph, &first, &second, nullptr, 1));
#else
    CHECK(cudaGraphAddDependencies(graph, &first, &second, 1));
#endif
    std::vector<int> read(4, -1);
    CHECK(cudaGraphAddMemcpyNode1D(&copy, graph, &second, 1, read.data(), pointer, 16, cudaMemcpyDeviceToHost));
    cudaHostNodeParams host = {};
    host.fn = count_call, host.userData = &calls;
    CHECK(cudaGraphAddHostNode(&call, graph, &copy, 1, &host));
    expect(nodes_of(graph).size() == 5, "five nodes");
    cudaGraphNodeType type;
    CHECK(cudaGraphNodeGetType(copy, &type));
    expect(type == cudaGraphNodeTypeMemcpy, "the type of a node");
    cudaGraphExec_t ready = instantiate(graph);
    for (int i = 0; i < 3; i++) CHECK(cudaGraphLaunch(ready, nullptr));
    CHECK(cudaDeviceSynchronize());
    expect(read == std::vector<int>({2, 1, 2, 0}) && calls == 3, "a graph built node by node");

    cudaKernelNodeParams asked = {};
    CHECK(cudaGraphKernelNodeGetParams(second, &asked));
    expect(asked.func == reinterpret_cast<void *>(append) && asked.gridDim.x == 1 &&
               *static_cast<int *>(asked.kernelParams[1]) == 2,
           "what a node tells of its kernel");
    int seven = 7;
    arguments[1] = &seven;
    CHECK(cudaGraphExecKernelNodeSetParams(ready, second, &kernel));
    CHECK(cudaGraphNodeSetEnabled(ready, first, 0));
    CHECK(cudaGraphLaunch(ready, nullptr));
    CHECK(cudaDeviceSynchronize());
    expect(read == std::vector<int>({1, 7, 0, 0}) && calls == 4, "changed in place");

    // A graph inside another one, twice.
    cudaGraph_t outer, copied;
    CHECK(cudaGraphCreate(&outer, 0));
    CHECK(cudaGraphClone(&copied, graph));
    cudaGraphNode_t child, inside;
    CHECK(cudaGraphNodeFindInClone(&inside, clear, copied));
    CHECK(cudaGraphDestroyNode(inside));
    CHECK(cudaGraphAddChildGraphNode(&child, outer, nullptr, 0, graph));
    CHECK(cudaGraphAddChildGraphNode(&inside, outer, &child, 1, copied));
    CHECK(cudaGraphDestroy(copied));
    cudaGraphExec_t nested = instantiate(outer);
    CHECK(cudaGraphLaunch(nested, nullptr));
    CHECK(cudaDeviceSynchronize());
    expect(list.values() == std::vector<int>({1, 2, 1, 2}) && calls == 6, "graphs in a graph");
    CHECK(cudaGraphExecDestroy(nested));
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(outer));
    CHECK(cudaGraphDestroy(graph));
}

/// The way of programs that capture again and again and keep one executable graph.
void updated() {
    List list;
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    cudaGraphExec_t ready = nullptr;
    for (int round = 0; round < 5; round++) {
        cudaGraph_t graph;
        CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
        for (int i = 0; i < 2; i++) append<<<1, 1, 0, stream>>>(list, round * 2 + i);
        CHECK(cudaStreamEndCapture(stream, &graph));
        if (ready == nullptr) {
            ready = instantiate(graph);
        } else {
            cudaGraphExecUpdateResultInfo info = {};
            CHECK(cudaGraphExecUpdate(ready, graph, &info));
            if (info.result != cudaGraphExecUpdateSuccess) expect(false, "the result of an update");
        }
        CHECK(cudaGraphLaunch(ready, stream));
        CHECK(cudaGraphDestroy(graph));
    }
    CHECK(cudaStreamSynchronize(stream));
    expect(list.values() == std::vector<int>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), "updated four times");

    cudaGraph_t other;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    append<<<1, 1, 0, stream>>>(list, 10);
    CHECK(cudaStreamEndCapture(stream, &other));
    cudaGraphExecUpdateResultInfo info = {};
    expect(cudaGraphExecUpdate(ready, other, &info) == cudaErrorGraphExecUpdateFailure &&
               info.result == cudaGraphExecUpdateErrorTopologyChanged,
           "another shape is refused");
    expect(cudaGetLastError() == cudaErrorGraphExecUpdateFailure, "and remembered");
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(other));
    CHECK(cudaStreamDestroy(stream));
}

/// What a capture does not allow.
void errors() {
    cudaStream_t stream, other;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
    cudaEvent_t event;
    CHECK(cudaEventCreate(&event));
    Device<int> memory(16);
    cudaGraph_t graph;
    int *pointer = nullptr;
    auto spoiled = [&](cudaError_t wanted, cudaError_t got, const char *what) {
        cudaStreamCaptureStatus status;
        CHECK(cudaStreamIsCapturing(stream, &status));
        bool holds = got == wanted && status == cudaStreamCaptureStatusInvalidated;
        graph = reinterpret_cast<cudaGraph_t>(&status);
        holds = holds && cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated;
        expect(holds && graph == nullptr, what);
        cudaGetLastError();
    };
    auto begin = [&] { CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal)); };
    begin();
    spoiled(cudaErrorStreamCaptureUnsupported, cudaStreamSynchronize(stream), "waiting for a captured stream");
    begin();
    spoiled(cudaErrorStreamCaptureUnsupported, cudaMalloc(&pointer, 64), "memory during a capture");
    begin();
    cudaError_t elsewhere = cudaSuccess;
    std::thread([&] { elsewhere = cudaMalloc(&pointer, 64); }).join();
    spoiled(cudaErrorStreamCaptureUnsupported, elsewhere, "memory in another thread during a global capture");
    begin();
    spoiled(cudaErrorStreamCaptureImplicit, cudaMemsetAsync(memory, 0, 4, cudaStreamLegacy), "the legacy stream");
    CHECK(cudaEventRecord(event, other));
    begin();
    spoiled(cudaErrorStreamCaptureIsolation, cudaStreamWaitEvent(stream, event, 0), "work outside of the capture");

    begin();
    CHECK(cudaEventRecord(event, stream));
    CHECK(cudaStreamWaitEvent(other, event, 0));
    CHECK(cudaMemsetAsync(memory, 0, 4, other));
    expect(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureUnjoined, "a fork without a join");
    cudaGetLastError();
    expect(cudaStreamEndCapture(stream, &graph) == cudaErrorIllegalState, "the end of no capture");
    cudaGetLastError();
    CHECK(cudaStreamSynchronize(other));
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaStreamDestroy(other));
    CHECK(cudaEventDestroy(event));
}

std::atomic<int> destroyed{0};

bool are_destroyed(int count) {
    for (int i = 0; i < 1000 && destroyed < count; i++) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    // No more come behind them.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return destroyed == count;
}

/// Objects that graphs keep alive.
void objects() {
    int values[2] = {10, 100};
    auto destroy = [](void *value) { destroyed += *static_cast<int *>(value) / 10; };
    cudaUserObject_t moved, shared;
    CHECK(cudaUserObjectCreate(&moved, &values[0], destroy, 1, cudaUserObjectNoDestructorSync));
    CHECK(cudaUserObjectCreate(&shared, &values[1], destroy, 3, cudaUserObjectNoDestructorSync));
    List list;
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    cudaGraph_t graph, copied;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    append<<<1, 1, 0, stream>>>(list, 1);
    CHECK(cudaStreamEndCapture(stream, &graph));
    CHECK(cudaGraphRetainUserObject(graph, moved, 1, cudaGraphUserObjectMove));
    CHECK(cudaGraphRetainUserObject(graph, shared, 2, 0));
    SHOW(cudaGraphRetainUserObject(graph, shared, 0, 0));
    SHOW(cudaGraphReleaseUserObject(graph, shared, 3));
    CHECK(cudaGraphReleaseUserObject(graph, shared, 1));
    CHECK(cudaGraphClone(&copied, graph));
    cudaGraphExec_t exec = instantiate(graph);
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaUserObjectRetain(shared, 1));
    CHECK(cudaUserObjectRelease(shared, 4));
    expect(are_destroyed(0), "objects of graphs that are there");
    CHECK(cudaGraphDestroy(copied));
    CHECK(cudaGraphLaunch(exec, stream));
    expect(are_destroyed(0), "objects of an executable graph");
    CHECK(cudaGraphExecDestroy(exec));
    expect(are_destroyed(11), "objects of no graph any more");
    CHECK(cudaStreamDestroy(stream));
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "functions") == 0) {
        built();
    } else {
        fork_and_join();
        many_launches();
        updated();
        objects();
        errors();
    }
    return finish();
}
