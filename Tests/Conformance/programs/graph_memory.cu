// Memory that nodes of graphs take and give back: captured from `cudaMallocAsync`, added node by node, left by one
// launch and given back by the program, by another graph or by the next launch.
#include "check.h"

constexpr int n = 4000;
constexpr size_t bytes = n * sizeof(int);

__global__ void fill(int *out, int start) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = start + i;
}

__global__ void add(int *out, const int *in, int by) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i] + by;
}

bool holds(const int *device, int start) {
    std::vector<int> values(n);
    CHECK(cudaMemcpy(values.data(), device, bytes, cudaMemcpyDeviceToHost));
    for (int i = 0; i < n; i++)
        if (values[i] != start + i) return false;
    return true;
}

std::vector<cudaGraphNode_t> nodes_of(cudaGraph_t graph) {
    size_t count = 0;
    CHECK(cudaGraphGetNodes(graph, nullptr, &count));
    std::vector<cudaGraphNode_t> nodes(count);
    CHECK(cudaGraphGetNodes(graph, nodes.data(), &count));
    return nodes;
}

int count_of(cudaGraph_t graph, cudaGraphNodeType wanted) {
    int found = 0;
    for (cudaGraphNode_t node : nodes_of(graph)) {
        cudaGraphNodeType type;
        CHECK(cudaGraphNodeGetType(node, &type));
        found += type == wanted;
    }
    return found;
}

unsigned long long memory_of_graphs(cudaGraphMemAttributeType attribute) {
    unsigned long long value = ~0ull;
    CHECK(cudaDeviceGetGraphMemAttribute(0, attribute, &value));
    return value;
}

/// Memory for an intermediate result, as libraries take it while they are captured.
void captured(cudaStream_t stream) {
    Device<int> out(n);
    cudaGraph_t graph;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    for (int round = 0; round < 3; round++) {
        int *scratch;
        CHECK(cudaMallocAsync(&scratch, bytes, stream));
        if (round == 0) {
            fill<<<blocks(n, 256), 256, 0, stream>>>(scratch, 7);
        } else {
            add<<<blocks(n, 256), 256, 0, stream>>>(scratch, out.pointer, 10);
        }
        add<<<blocks(n, 256), 256, 0, stream>>>(out.pointer, scratch, 1);
        CHECK(cudaFreeAsync(scratch, stream));
    }
    CHECK(cudaStreamEndCapture(stream, &graph));
    expect(count_of(graph, cudaGraphNodeTypeMemAlloc) == 3, "a node for each piece of memory");
    expect(count_of(graph, cudaGraphNodeTypeMemFree) == 3, "and one that gives it back");
    expect(count_of(graph, cudaGraphNodeTypeKernel) == 6, "kernels between them");
    cudaGraphExec_t ready;
    CHECK(cudaGraphInstantiate(&ready, graph, 0));
    for (int launch = 0; launch < 3; launch++) CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(holds(out.pointer, 30), "captured memory, launched three times");
    expect(memory_of_graphs(cudaGraphMemAttrUsedMemCurrent) == 0, "all is given back");

    cudaGraph_t copy;
    expect(cudaGraphClone(&copy, graph) == cudaErrorNotSupported, "such a graph cannot be copied");
    cudaGraphExec_t second;
    expect(cudaGraphInstantiate(&second, graph, 0) == cudaErrorInvalidValue, "nor have two executable ones");
    expect(cudaGraphDestroyNode(nodes_of(graph)[0]) == cudaErrorNotSupported, "nor lose a node");
    cudaGetLastError();
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphInstantiate(&ready, graph, 0));
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(graph));
}

/// Memory that is taken in one stream and given back in another, which is gone before the capture ends.
void forked(cudaStream_t stream, bool joins) {
    Device<int> out(n);
    cudaStream_t other;
    cudaEvent_t fork, join;
    CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
    CHECK(cudaEventCreate(&fork));
    CHECK(cudaEventCreate(&join));
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    int *scratch;
    CHECK(cudaMallocAsync(&scratch, bytes, stream));
    fill<<<blocks(n, 256), 256, 0, stream>>>(scratch, 3);
    CHECK(cudaEventRecord(fork, stream));
    CHECK(cudaStreamWaitEvent(other, fork, 0));
    add<<<blocks(n, 256), 256, 0, other>>>(out.pointer, scratch, 4);
    CHECK(cudaFreeAsync(scratch, other));
    CHECK(cudaEventRecord(join, other));
    if (joins) CHECK(cudaStreamWaitEvent(stream, join, 0));
    CHECK(cudaStreamDestroy(other));
    CHECK(cudaEventDestroy(fork));
    CHECK(cudaEventDestroy(join));
    cudaGraph_t graph;
    if (!joins) {
        expect(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureUnjoined, "work of a stream that is gone");
        cudaGetLastError();
        return;
    }
    CHECK(cudaStreamEndCapture(stream, &graph));
    cudaGraphExec_t ready;
    CHECK(cudaGraphInstantiate(&ready, graph, 0));
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(holds(out.pointer, 7), "given back in another stream");
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(graph));
}

cudaGraphNode_t take(cudaGraph_t graph, std::vector<cudaGraphNode_t> after, int **memory) {
    cudaMemAllocNodeParams params = {};
    params.poolProps.allocType = cudaMemAllocationTypePinned;
    params.poolProps.location.type = cudaMemLocationTypeDevice;
    params.poolProps.location.id = 0;
    params.bytesize = bytes;
    cudaGraphNode_t node;
    CHECK(cudaGraphAddMemAllocNode(&node, graph, after.data(), after.size(), &params));
    *memory = static_cast<int *>(params.dptr);
    return node;
}

cudaGraphNode_t launch_fill(cudaGraph_t graph, cudaGraphNode_t after, int *memory, int start) {
    void *arguments[] = {&memory, &start};
    cudaKernelNodeParams params = {};
    params.func = reinterpret_cast<void *>(fill);
    params.gridDim = dim3(blocks(n, 256));
    params.blockDim = dim3(256);
    params.kernelParams = arguments;
    cudaGraphNode_t node;
    CHECK(cudaGraphAddKernelNode(&node, graph, &after, 1, &params));
    return node;
}

/// Nodes that are added; the memory outlives the launch.
void added(cudaStream_t stream) {
    cudaGraph_t graph;
    CHECK(cudaGraphCreate(&graph, 0));
    int *memory;
    cudaGraphNode_t taken = take(graph, {}, &memory);
    launch_fill(graph, taken, memory, 100);
    cudaMemAllocNodeParams told = {};
    CHECK(cudaGraphMemAllocNodeGetParams(taken, &told));
    expect(told.dptr == memory && told.bytesize == bytes, "what a node says of its memory");
    cudaGraphExec_t ready;
    CHECK(cudaGraphInstantiate(&ready, graph, 0));
    expect(cudaFree(memory) == cudaErrorInvalidValue, "nothing to give back before a launch");
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(holds(memory, 100), "memory is there behind the launch");
    expect(memory_of_graphs(cudaGraphMemAttrUsedMemCurrent) >= bytes, "and counted");
    expect(cudaGraphLaunch(ready, stream) == cudaErrorInvalidValue, "no launch while it is taken");
    add<<<blocks(n, 256), 256, 0, stream>>>(memory, memory, 11);
    CHECK(cudaStreamSynchronize(stream));
    expect(holds(memory, 111), "kernels outside of the graph use it");
    CHECK(cudaFreeAsync(memory, stream));
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(holds(memory, 100), "the same memory for the next launch");
    CHECK(cudaFree(memory));
    expect(cudaFree(memory) == cudaErrorInvalidValue, "given back once");

    // Another graph gives it back.
    cudaGraph_t other;
    CHECK(cudaGraphCreate(&other, 0));
    cudaGraphNode_t gives;
    CHECK(cudaGraphAddMemFreeNode(&gives, other, nullptr, 0, memory));
    void *address = nullptr;
    CHECK(cudaGraphMemFreeNodeGetParams(gives, &address));
    expect(address == memory, "what a node gives back");
    cudaGraphNode_t wrong;
    expect(cudaGraphAddMemFreeNode(&wrong, graph, &taken, 1, memory) == cudaErrorInvalidValue, "in one graph only");
    cudaGraphExec_t giving;
    CHECK(cudaGraphInstantiate(&giving, other, 0));
    for (int round = 0; round < 2; round++) {
        CHECK(cudaGraphLaunch(ready, stream));
        CHECK(cudaGraphLaunch(giving, stream));
    }
    CHECK(cudaStreamSynchronize(stream));
    expect(cudaFree(memory) == cudaErrorInvalidValue, "the other graph has given it back");
    cudaGetLastError();
    CHECK(cudaGraphExecDestroy(giving));
    CHECK(cudaGraphDestroy(other));
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(graph));
}

/// Every launch gives back what the one before has left; the memory outlives its graph.
void frees_itself(cudaStream_t stream) {
    cudaGraph_t graph;
    CHECK(cudaGraphCreate(&graph, 0));
    int *memory;
    cudaGraphNode_t taken = take(graph, {}, &memory);
    launch_fill(graph, taken, memory, 5);
    cudaGraphExec_t ready;
    CHECK(cudaGraphInstantiateWithFlags(&ready, graph, cudaGraphInstantiateFlagAutoFreeOnLaunch));
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(holds(memory, 5), "launched again without giving anything back");
    CHECK(cudaGraphExecDestroy(ready));
    CHECK(cudaGraphDestroy(graph));
    expect(holds(memory, 5), "memory outlives its graph");
    CHECK(cudaFreeAsync(memory, stream));
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaDeviceGraphMemTrim(0));
    expect(memory_of_graphs(cudaGraphMemAttrReservedMemCurrent) == 0, "nothing is left");
    unsigned long long zero = 0;
    CHECK(cudaDeviceSetGraphMemAttribute(0, cudaGraphMemAttrUsedMemHigh, &zero));
    expect(memory_of_graphs(cudaGraphMemAttrUsedMemHigh) == 0, "the high mark begins anew");
}

int main() {
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    captured(stream);
    forked(stream, true);
    forked(stream, false);
    added(stream);
    frees_itself(stream);
    return finish();
}
