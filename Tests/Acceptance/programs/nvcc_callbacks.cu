// Functions of the program that a stream calls, in order with the work on the device.
#include "report.h"

__global__ void add(int *value, int amount) { *value += amount; }

static std::vector<int> seen;
static int *shown;

static void look(void *) { seen.push_back(*shown); }
static void CUDART_CB look_too(cudaStream_t, cudaError_t status, void *) { seen.push_back(*shown + status); }

int main() {
    Report report;
    int *value = upload(std::vector<int>{0});
    CHECK(cudaMallocHost(&shown, sizeof(int)));
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    for (int i = 1; i <= 20; i++) {
        add<<<1, 1, 0, stream>>>(value, i);
        CHECK(cudaMemcpyAsync(shown, value, sizeof(int), cudaMemcpyDeviceToHost, stream));
        if (i % 2) CHECK(cudaLaunchHostFunc(stream, look, nullptr));
        else CHECK(cudaStreamAddCallback(stream, look_too, nullptr, 0));
    }
    CHECK(cudaStreamSynchronize(stream));
    report.digest("seen", seen);
    return report.finish(steady([&] { CHECK(cudaLaunchHostFunc(stream, look, nullptr)); }, 100));
}
