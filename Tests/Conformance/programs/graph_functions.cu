// Graphs that call functions of the program: what copies have brought is there, what a function writes is what later
// copies take, and one launch comes behind the other whatever the streams.
#include "check.h"

#include <atomic>
#include <unistd.h>

constexpr int n = 5000;
constexpr size_t bytes = n * sizeof(int);

__global__ void add(int *data, int by) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) data[i] += by;
}

struct Buffers {
    int *host, *result;
    Device<int> device;
    explicit Buffers() : device(n) {
        CHECK(cudaMallocHost(&host, bytes));
        CHECK(cudaMallocHost(&result, bytes));
    }
    ~Buffers() {
        CHECK(cudaFreeHost(host));
        CHECK(cudaFreeHost(result));
    }
};

bool all(const int *values, int wanted) {
    for (int i = 0; i < n; i++)
        if (values[i] != wanted) return false;
    return true;
}

/// What a function saw, and what it does with it.
struct Step {
    Buffers *buffers;
    int expected;
    std::atomic<int> calls{0}, wrong{0};
};

void check_result(void *argument) {
    Step *step = static_cast<Step *>(argument);
    step->calls++;
    if (!all(step->buffers->result, step->expected)) step->wrong++;
}

/// Reads what the GPU has left and doubles it for the next part.
void double_result(void *argument) {
    Step *step = static_cast<Step *>(argument);
    step->calls++;
    usleep(2000);
    if (!all(step->buffers->result, step->expected)) step->wrong++;
    for (int i = 0; i < n; i++) step->buffers->host[i] = 2 * step->buffers->result[i];
}

cudaGraphExec_t instantiate(cudaGraph_t graph) {
    cudaGraphExec_t ready;
    CHECK(cudaGraphInstantiate(&ready, graph, 0));
    return ready;
}

/// Captured: to the GPU, a kernel, back, a function that changes the source, and the same again.
void captured(cudaStream_t stream, cudaStream_t other) {
    Buffers buffers;
    Step first{&buffers, 11}, second{&buffers, 23};
    cudaGraph_t graph;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    for (Step *step : {&first, &second}) {
        CHECK(cudaMemcpyAsync(buffers.device, buffers.host, bytes, cudaMemcpyHostToDevice, stream));
        add<<<blocks(n, 256), 256, 0, stream>>>(buffers.device, 1);
        CHECK(cudaMemcpyAsync(buffers.result, buffers.device, bytes, cudaMemcpyDeviceToHost, stream));
        CHECK(cudaLaunchHostFunc(stream, double_result, step));
    }
    CHECK(cudaStreamEndCapture(stream, &graph));
    size_t count = 0;
    CHECK(cudaGraphGetNodes(graph, nullptr, &count));
    expect(count == 8, "eight nodes");
    cudaGraphExec_t ready = instantiate(graph);
    for (int launch = 0; launch < 4; launch++) {
        for (int i = 0; i < n; i++) buffers.host[i] = 10;
        CHECK(cudaGraphLaunch(ready, launch % 2 ? other : stream));
        CHECK(cudaDeviceSynchronize());
        if (!all(buffers.host, 46)) first.wrong++;
    }
    expect(first.calls == 4 && second.calls == 4, "each function is called once a launch");
    expect(first.wrong == 0 && second.wrong == 0, "functions see what was copied, copies what functions wrote");
    // The executable graph does not need the graph.
    CHECK(cudaGraphDestroy(graph));
    for (int i = 0; i < n; i++) buffers.host[i] = 10;
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(all(buffers.host, 46), "without its graph");
    CHECK(cudaGraphExecDestroy(ready));
}

/// Launches in several streams, without a word between them: a kernel in front of a function and one behind it.
void in_streams(cudaStream_t stream, cudaStream_t other) {
    Buffers buffers;
    CHECK(cudaMemset(buffers.device, 0, bytes));
    struct Journal {
        int *result;
        std::atomic<int> calls{0}, wrong{0};
    } journal{buffers.result};
    cudaGraph_t graph;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    add<<<blocks(n, 256), 256, 0, stream>>>(buffers.device, 1);
    CHECK(cudaMemcpyAsync(buffers.result, buffers.device, bytes, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaLaunchHostFunc(stream, [](void *argument) {
        Journal *journal = static_cast<Journal *>(argument);
        int call = journal->calls++;
        usleep(500);
        if (!all(journal->result, 3 * call + 1)) journal->wrong++;
    }, &journal));
    add<<<blocks(n, 256), 256, 0, stream>>>(buffers.device, 2);
    CHECK(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t ready = instantiate(graph);
    for (int launch = 0; launch < 20; launch++) CHECK(cudaGraphLaunch(ready, launch % 3 ? other : stream));
    CHECK(cudaDeviceSynchronize());
    CHECK(cudaMemcpy(buffers.host, buffers.device, bytes, cudaMemcpyDeviceToHost));
    expect(journal.calls == 20 && journal.wrong == 0, "twenty launches in two streams, one behind the other");
    expect(all(buffers.host, 60), "and nothing is lost");
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(graph));
}

/// Node by node, with branches; copied, changed in place, and with other functions.
void built(cudaStream_t stream) {
    Buffers buffers;
    Step step{&buffers, 5}, other{&buffers, 9};
    std::atomic<int> order{0}, early{-1}, late{-1};
    struct Note {
        std::atomic<int> *order, *place;
    } first{&order, &early}, last{&order, &late};
    auto note = [](void *argument) {
        Note *note = static_cast<Note *>(argument);
        *note->place = (*note->order)++;
    };
    cudaGraph_t graph;
    CHECK(cudaGraphCreate(&graph, 0));
    cudaGraphNode_t clear, begin, kernel, copy, call, end;
    cudaMemsetParams zero = {};
    zero.dst = buffers.device.pointer, zero.elementSize = 4, zero.width = n, zero.height = 1;
    CHECK(cudaGraphAddMemsetNode(&clear, graph, nullptr, 0, &zero));
    cudaHostNodeParams host = {};
    host.fn = note, host.userData = &first;
    CHECK(cudaGraphAddHostNode(&begin, graph, nullptr, 0, &host));
    int *pointer = buffers.device.pointer, by = 5;
    void *arguments[] = {&pointer, &by};
    cudaKernelNodeParams params = {};
    params.func = reinterpret_cast<void *>(add);
    params.gridDim = dim3(blocks(n, 256)), params.blockDim = dim3(256), params.kernelParams = arguments;
    cudaGraphNode_t before[] = {clear, begin};
    CHECK(cudaGraphAddKernelNode(&kernel, graph, before, 2, &params));
    CHECK(cudaGraphAddMemcpyNode1D(&copy, graph, &kernel, 1, buffers.result, pointer, bytes, cudaMemcpyDeviceToHost));
    host.fn = check_result, host.userData = &step;
    CHECK(cudaGraphAddHostNode(&call, graph, &copy, 1, &host));
    host.fn = note, host.userData = &last;
    CHECK(cudaGraphAddHostNode(&end, graph, &call, 1, &host));
    cudaGraphNodeType type;
    CHECK(cudaGraphNodeGetType(call, &type));
    expect(type == cudaGraphNodeTypeHost, "the type of a node");
    cudaHostNodeParams told = {};
    CHECK(cudaGraphHostNodeGetParams(call, &told));
    expect(told.fn == check_result && told.userData == &step, "what it calls");
    cudaGraphExec_t ready = instantiate(graph);
    for (int launch = 0; launch < 3; launch++) CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(step.calls == 3 && step.wrong == 0, "three launches");
    expect(early == 4 && late == 5, "functions in their order");

    by = 9;
    CHECK(cudaGraphExecKernelNodeSetParams(ready, kernel, &params));
    host.fn = check_result, host.userData = &other;
    CHECK(cudaGraphExecHostNodeSetParams(ready, call, &host));
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(other.calls == 1 && other.wrong == 0 && step.calls == 3, "changed in place");
    other.expected = 18;
    CHECK(cudaGraphNodeSetEnabled(ready, clear, 0));
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(other.calls == 2 && other.wrong == 0, "with a node switched off");
    unsigned isEnabled = 9;
    CHECK(cudaGraphNodeGetEnabled(ready, clear, &isEnabled));
    expect(isEnabled == 0, "which tells so");

    cudaGraph_t copied;
    CHECK(cudaGraphClone(&copied, graph));
    cudaGraphExec_t again = instantiate(copied);
    CHECK(cudaGraphLaunch(again, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(step.calls == 4 && step.wrong == 0, "a copy calls what the graph calls");
    CHECK(cudaGraphDestroyNode(end));
    host.fn = check_result, host.userData = &other;
    CHECK(cudaGraphHostNodeSetParams(call, &host));
    CHECK(cudaGraphExecDestroy(again));
    CHECK(cudaGraphDestroy(copied));
    again = instantiate(graph);
    other.expected = 5;
    int notes = order;
    CHECK(cudaGraphLaunch(again, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(other.calls == 3 && other.wrong == 0 && order == notes + 1, "changed in the graph, and a node less");
    CHECK(cudaGraphExecDestroy(again));
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(graph));
}

static void CUDART_CB count(void *cell) { ++*static_cast<int *>(cell); }

// A graph that calls the program and has a graph inside that copies the program's memory. Ferry knows the order of what is inside
// as a whole only, and refuses: a copy at the wrong time would be worse.
static int inside() {
    int *data, value = 41, back = 0, calls = 0;
    CHECK(cudaMalloc(&data, sizeof(int)));
    cudaGraph_t inner, outer;
    cudaGraphNode_t in, out, call, whole;
    CHECK(cudaGraphCreate(&inner, 0));
    CHECK(cudaGraphAddMemcpyNode1D(&in, inner, nullptr, 0, data, &value, sizeof(int), cudaMemcpyHostToDevice));
    CHECK(cudaGraphAddMemcpyNode1D(&out, inner, &in, 1, &back, data, sizeof(int), cudaMemcpyDeviceToHost));
    CHECK(cudaGraphCreate(&outer, 0));
    cudaHostNodeParams function = {count, &calls};
    CHECK(cudaGraphAddHostNode(&call, outer, nullptr, 0, &function));
    CHECK(cudaGraphAddChildGraphNode(&whole, outer, &call, 1, inner));
    cudaGraphExec_t exec;
    cudaError_t error = cudaGraphInstantiate(&exec, outer, 0);
    printf("%s\n", cudaGetErrorName(error));
    if (error != cudaSuccess) return 0;
    CHECK(cudaGraphLaunch(exec, nullptr));
    CHECK(cudaDeviceSynchronize());
    expect(back == 41 && calls == 1, "the copies inside, behind the call");
    return finish();
}

int main(int arguments, char **) {
    if (arguments > 1) return inside();
    cudaStream_t stream, other;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
    captured(stream, other);
    in_streams(stream, other);
    built(stream);
    return finish();
}
