// Captures beside other work: threads that take memory and wait meanwhile, copies of the program's memory, many
// launches that nobody waits for, graphs that go while they run.
#include "check.h"

#include <atomic>
#include <thread>

constexpr int n = 3000;

__global__ void scale(float *data, float factor, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) data[i] *= factor;
}

__global__ void append(int *list, int value) {
    list[0] += 1;
    list[list[0]] = value;
}

/// A list for `append`, which is read back as what was appended.
struct List : Device<int> {
    List() : Device<int>(8192) { clear(); }
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

/// One thread captures while another one does whatever it likes.
void beside(cudaStreamCaptureMode mode, const char *what) {
    List list;
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    std::atomic<int> rounds{0}, seen{0};
    std::atomic<bool> isOver{false}, isBegun{false};
    std::thread other([&] {
        cudaStream_t own;
        CHECK(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking));
        while (!isBegun) std::this_thread::yield();
        std::vector<int> words(16, 5), back(16);
        cudaEvent_t event;
        CHECK(cudaEventCreate(&event));
        do {
            cudaStreamCaptureStatus status;
            CHECK(cudaStreamIsCapturing(stream, &status));
            if (status == cudaStreamCaptureStatusActive) seen++;
            CHECK(cudaStreamIsCapturing(own, &status));
            if (status != cudaStreamCaptureStatusNone) seen = -1000000;
            int *memory;
            CHECK(cudaMalloc(&memory, 64));
            CHECK(cudaMemcpyAsync(memory, words.data(), 64, cudaMemcpyHostToDevice, own));
            CHECK(cudaEventRecord(event, own));
            CHECK(cudaMemcpyAsync(back.data(), memory, 64, cudaMemcpyDeviceToHost, own));
            CHECK(cudaEventSynchronize(event));
            CHECK(cudaStreamSynchronize(own));
            CHECK(cudaMemcpy(back.data(), memory, 64, cudaMemcpyDeviceToHost));
            if (back != words) seen = -1000000;
            CHECK(cudaFree(memory));
            rounds++;
        } while (!isOver);
        CHECK(cudaEventDestroy(event));
        CHECK(cudaStreamDestroy(own));
    });
    CHECK(cudaStreamBeginCapture(stream, mode));
    isBegun = true;
    for (int i = 0; i < 20 || rounds < 3; i++) {
        if (i < 20) append<<<1, 1, 0, stream>>>(list, i);
        if (i >= 20) std::this_thread::yield();
    }
    cudaGraph_t graph;
    CHECK(cudaStreamEndCapture(stream, &graph));
    isOver = true;
    other.join();
    cudaGraphExec_t ready = instantiate(graph);
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    std::vector<int> values = list.values();
    bool inOrder = values.size() == 20;
    for (size_t i = 0; i < values.size(); i++) inOrder = inOrder && values[i] == static_cast<int>(i);
    expect(inOrder && seen > 0, what);
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaStreamDestroy(stream));
}

/// The program's memory as it is at each launch, page-locked and not.
void host_memory(bool isLocked, const char *what) {
    std::vector<float> pageable(2 * n);
    float *in = pageable.data(), *out = in + n;
    if (isLocked) {
        CHECK(cudaMallocHost(&in, n * sizeof(float)));
        CHECK(cudaMallocHost(&out, n * sizeof(float)));
    }
    Device<float> data(n);
    cudaStream_t first, second;
    CHECK(cudaStreamCreate(&first));
    CHECK(cudaStreamCreate(&second));
    CHECK(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
    CHECK(cudaMemcpyAsync(data, in, n * sizeof(float), cudaMemcpyHostToDevice, first));
    scale<<<blocks(n, 128), 128, 0, first>>>(data, 3, n);
    CHECK(cudaMemcpyAsync(out, data, n * sizeof(float), cudaMemcpyDeviceToHost, first));
    cudaGraph_t graph, outer;
    CHECK(cudaStreamEndCapture(first, &graph));
    cudaGraphExec_t ready = instantiate(graph);
    CHECK(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
    CHECK(cudaGraphLaunch(ready, first));
    scale<<<blocks(n, 128), 128, 0, first>>>(data, 2, n);
    CHECK(cudaStreamEndCapture(first, &outer));
    cudaGraphExec_t nested = instantiate(outer);
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaGraphDestroy(outer));
    bool equal = true;
    for (int round = 1; round <= 6; round++) {
        for (int i = 0; i < n; i++) in[i] = static_cast<float>(i % 97 * round), out[i] = -1;
        cudaStream_t stream = round % 2 ? first : second;
        CHECK(cudaGraphLaunch(round % 3 ? ready : nested, stream));
        CHECK(cudaStreamSynchronize(stream));
        for (int i = 0; i < n; i++) equal = equal && out[i] == 3 * in[i];
    }
    expect(equal, what);
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphExecDestroy(nested));
    if (isLocked) {
        CHECK(cudaFreeHost(in));
        CHECK(cudaFreeHost(out));
    }
    CHECK(cudaStreamDestroy(first));
    CHECK(cudaStreamDestroy(second));
}

/// A thousand launches that nobody waits for; the graph goes before they are done.
void many_launches() {
    List list;
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    cudaGraph_t graph;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    for (int i = 0; i < 4; i++) append<<<1, 1, 0, stream>>>(list, i);
    CHECK(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t ready = instantiate(graph);
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaGraphUpload(ready, stream));
    for (int i = 0; i < 1000; i++) CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaDeviceSynchronize());
    std::vector<int> values = list.values();
    bool inOrder = values.size() == 4000;
    for (size_t i = 0; i < values.size(); i++) inOrder = inOrder && values[i] == static_cast<int>(i % 4);
    expect(inOrder, "a thousand launches, destroyed while they run");
}

/// A graph that is built node by node, asked for its parts, changed, copied and put into another one.
void built() {
    List list;
    int one = 1, two = 2;
    cudaGraph_t graph;
    CHECK(cudaGraphCreate(&graph, 0));
    cudaMemsetParams zero = {};
    zero.dst = list, zero.elementSize = 4, zero.width = 1024, zero.height = 1;
    cudaGraphNode_t clear, first, second, copy, empty;
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
    CHECK(cudaGraphAddEmptyNode(&empty, graph, &first, 1));
#if CUDART_VERSION >= 13000
    CHECK(cudaGraphAddDependencies(graph, &empty, &second, nullptr, 1));
#else
    CHECK(cudaGraphAddDependencies(graph, &empty, &second, 1));
#endif
    Device<int> copied(4);
    CHECK(cudaGraphAddMemcpyNode1D(&copy, graph, &second, 1, copied, pointer, 16, cudaMemcpyDeviceToDevice));
    size_t count = 9;
    cudaGraphNode_t nodes[9];
    CHECK(cudaGraphGetNodes(graph, nodes, &count));
    bool same = count == 5 && nodes[0] == clear && nodes[4] == copy && nodes[5] == nullptr;
    count = 9;
    CHECK(cudaGraphGetRootNodes(graph, nodes, &count));
    expect(same && count == 1 && nodes[0] == clear, "the nodes of a graph");
    cudaGraphNodeType type;
    CHECK(cudaGraphNodeGetType(copy, &type));
    expect(type == cudaGraphNodeTypeMemcpy, "the type of a node");
    cudaGraphExec_t ready = instantiate(graph);
    for (int i = 0; i < 3; i++) CHECK(cudaGraphLaunch(ready, nullptr));
    expect(copied.download() == std::vector<int>({2, 1, 2, 0}), "a graph built node by node");

    cudaKernelNodeParams asked = {};
    CHECK(cudaGraphKernelNodeGetParams(second, &asked));
    expect(asked.func == reinterpret_cast<void *>(append) && asked.gridDim.x == 1 &&
               *static_cast<int *>(asked.kernelParams[1]) == 2,
           "what a node tells of its kernel");
    int seven = 7;
    arguments[1] = &seven;
    CHECK(cudaGraphExecKernelNodeSetParams(ready, second, &kernel));
    CHECK(cudaGraphNodeSetEnabled(ready, first, 0));
    unsigned enabled = 9;
    CHECK(cudaGraphNodeGetEnabled(ready, first, &enabled));
    CHECK(cudaGraphLaunch(ready, nullptr));
    expect(copied.download() == std::vector<int>({1, 7, 0, 0}) && enabled == 0, "changed in place");

    cudaGraph_t outer, other;
    CHECK(cudaGraphCreate(&outer, 0));
    CHECK(cudaGraphClone(&other, graph));
    cudaGraphNode_t child, inside;
    CHECK(cudaGraphNodeFindInClone(&inside, clear, other));
    CHECK(cudaGraphDestroyNode(inside));
    CHECK(cudaGraphAddChildGraphNode(&child, outer, nullptr, 0, graph));
    CHECK(cudaGraphAddChildGraphNode(&inside, outer, &child, 1, other));
    cudaGraph_t found;
    CHECK(cudaGraphChildGraphNodeGetGraph(inside, &found));
    count = 0;
    CHECK(cudaGraphGetNodes(found, nullptr, &count));
    CHECK(cudaGraphDestroy(other));
    cudaGraphExec_t nested = instantiate(outer);
    CHECK(cudaGraphLaunch(nested, nullptr));
    expect(list.values() == std::vector<int>({1, 2, 1, 2}) && count == 4, "graphs in a graph");
    CHECK(cudaGraphExecDestroy(nested));
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(outer));
    CHECK(cudaGraphDestroy(graph));
}

/// The way of programs that capture again and again and keep one executable graph; with a second stream.
void updated() {
    List list;
    Device<int> copied(4);
    cudaStream_t stream, other;
    cudaEvent_t fork, join;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
    CHECK(cudaEventCreate(&fork));
    CHECK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
    cudaGraphExec_t ready = nullptr;
    for (int round = 0; round < 5; round++) {
        cudaGraph_t graph;
        CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
        CHECK(cudaEventRecord(fork, stream));
        CHECK(cudaStreamWaitEvent(other, fork, 0));
        CHECK(cudaMemcpyAsync(copied, list, 16, cudaMemcpyDeviceToDevice, other));
        cudaStreamCaptureStatus status;
        CHECK(cudaStreamIsCapturing(other, &status));
        if (status != cudaStreamCaptureStatusActive) expect(false, "the other stream is captured");
        CHECK(cudaEventRecord(join, other));
        CHECK(cudaStreamWaitEvent(stream, join, 0));
        for (int i = 0; i < 2; i++) append<<<1, 1, 0, stream>>>(list, round * 2 + i);
        CHECK(cudaStreamEndCapture(stream, &graph));
        CHECK(cudaStreamIsCapturing(other, &status));
        if (status != cudaStreamCaptureStatusNone) expect(false, "the other stream is captured no more");
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
    expect(copied.download()[0] == 8, "beside it, in another stream");
    cudaGraph_t shorter;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    append<<<1, 1, 0, stream>>>(list, 10);
    CHECK(cudaStreamEndCapture(stream, &shorter));
    cudaGraphExecUpdateResultInfo info = {};
    expect(cudaGraphExecUpdate(ready, shorter, &info) == cudaErrorGraphExecUpdateFailure &&
               info.result == cudaGraphExecUpdateErrorTopologyChanged,
           "another shape is refused");
    cudaGetLastError();
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(shorter));
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaStreamDestroy(other));
    CHECK(cudaEventDestroy(fork));
    CHECK(cudaEventDestroy(join));
}

/// What a capture does not allow.
void errors() {
    cudaStream_t stream, other;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
    cudaEvent_t event;
    CHECK(cudaEventCreate(&event));
    Device<int> memory(16);
    int *pointer = nullptr;
    cudaGraph_t graph;
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
    spoiled(cudaErrorStreamCaptureUnsupported, cudaStreamQuery(stream), "asking a captured stream");
    begin();
    spoiled(cudaErrorStreamCaptureUnsupported, cudaMalloc(&pointer, 64), "memory during a capture");
    begin();
    cudaError_t elsewhere = cudaSuccess;
    std::thread([&] { elsewhere = cudaMalloc(&pointer, 64); }).join();
    spoiled(cudaErrorStreamCaptureUnsupported, elsewhere, "memory in another thread during a global capture");
    begin();
    spoiled(cudaErrorStreamCaptureImplicit, cudaMemsetAsync(memory, 0, 4, cudaStreamLegacy), "the legacy stream");
    begin();
    append<<<1, 1, 0, cudaStreamLegacy>>>(memory, 1);
    spoiled(cudaErrorStreamCaptureImplicit, cudaGetLastError(), "a kernel in the legacy stream");
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
    expect(cudaStreamWaitEvent(other, event, 0) == cudaErrorCapturedEvent, "an event of a capture that is over");
    cudaGetLastError();
    CHECK(cudaEventRecord(event, stream));
    CHECK(cudaStreamWaitEvent(other, event, 0));
    begin();
    // A stream that goes takes its capture with it.
    CHECK(cudaStreamDestroy(stream));
    CHECK(cudaMalloc(&pointer, 64));
    CHECK(cudaFree(pointer));
    CHECK(cudaStreamSynchronize(other));
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaStreamDestroy(other));
    CHECK(cudaEventDestroy(event));
}

int main() {
    CHECK(cudaFree(nullptr));
    beside(cudaStreamCaptureModeThreadLocal, "beside another thread");
    beside(cudaStreamCaptureModeRelaxed, "beside another thread, relaxed");
    host_memory(true, "page-locked memory, as it is at each launch");
    host_memory(false, "pageable memory, as it is at each launch");
    many_launches();
    built();
    updated();
    errors();
    return finish();
}
