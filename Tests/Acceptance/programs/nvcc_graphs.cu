// CUDA graphs: one captured from a stream and one built node by node, both replayed.
#include "report.h"

__global__ void add(int *value, int amount) { *value += amount; }

int main() {
    Report report;
    int *value = upload(std::vector<int>{0});
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    cudaGraph_t captured, built;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    for (int i = 0; i < 10; i++) add<<<1, 1, 0, stream>>>(value, i);
    CHECK(cudaStreamEndCapture(stream, &captured));
    cudaGraphExec_t ready;
    CHECK(cudaGraphInstantiate(&ready, captured, 0));
    for (int i = 0; i < 3; i++) CHECK(cudaGraphLaunch(ready, stream));
    CHECK(cudaStreamSynchronize(stream));
    report.digest("captured", download(value, 1));

    CHECK(cudaGraphCreate(&built, 0));
    int amount = 1000;
    void *arguments[] = {&value, &amount};
    cudaKernelNodeParams parameters = {};
    parameters.func = reinterpret_cast<void *>(add);
    parameters.gridDim = parameters.blockDim = dim3(1);
    parameters.kernelParams = arguments;
    cudaGraphNode_t clear, count;
    cudaMemsetParams zero = {};
    zero.dst = value, zero.elementSize = 4, zero.width = 1, zero.height = 1;
    CHECK(cudaGraphAddMemsetNode(&clear, built, nullptr, 0, &zero));
    CHECK(cudaGraphAddKernelNode(&count, built, &clear, 1, &parameters));
    cudaGraphExec_t second;
    CHECK(cudaGraphInstantiate(&second, built, 0));
    CHECK(cudaGraphLaunch(second, stream));
    CHECK(cudaStreamSynchronize(stream));
    report.digest("built", download(value, 1));
    return report.finish(steady([&] { CHECK(cudaGraphLaunch(ready, stream)); }, 100));
}
