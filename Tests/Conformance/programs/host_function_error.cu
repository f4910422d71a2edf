// Behind a kernel that fails, what cudaStreamAddCallback was given is told of it, and nothing else is called.
#include "check.h"

#include <atomic>
#include <unistd.h>

__global__ void fail(int *nowhere) { *nowhere = 1; }

static std::atomic<bool> isOpen, isCalled;
static std::atomic<int> told{-1};

int main() {
    cudaStream_t stream;
    CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CHECK(cudaLaunchHostFunc(stream, [](void *) { while (!isOpen) usleep(100); }, nullptr));
    fail<<<1, 1, 0, stream>>>(nullptr);
    CHECK(cudaGetLastError());
    CHECK(cudaLaunchHostFunc(stream, [](void *) { isCalled = true; }, nullptr));
    CHECK(cudaStreamAddCallback(stream, [](cudaStream_t, cudaError_t status, void *) { told = status; }, nullptr, 0));
    // All of it is in the stream.
    SHOW(cudaStreamQuery(stream));
    isOpen = true;
    SHOW(cudaStreamSynchronize(stream));
    for (int i = 0; i < 500 && told < 0; i++) usleep(10000);
    printf("the callback is told: %s\n", cudaGetErrorName(static_cast<cudaError_t>(told.load())));
    expect(!isCalled, "the function is not called");
    SHOW(cudaLaunchHostFunc(stream, [](void *) { isCalled = true; }, nullptr));
    expect(!isCalled, "nor is a later one");
    return finish();
}
