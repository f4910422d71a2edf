// Many small launches, with and without waiting for each: what a launch costs.
#include "report.h"

__global__ void add(int *value, int amount) { *value += amount; }

int main() {
    Report report;
    int *value = upload(std::vector<int>{0});
    const int count = 1000;
    for (int i = 0; i < count; i++) add<<<1, 1>>>(value, i);
    CHECK(cudaGetLastError());
    report.digest("sum", download(value, 1));
    double launch = steady([&] { add<<<1, 1>>>(value, 1); }, count);
    double waited = steady([&] {
        add<<<1, 1>>>(value, 1);
        CHECK(cudaStreamSynchronize(nullptr));
    }, count / 5);
    report.digest("afterwards", download(value, 1));
    report.measure("a launch", launch * 1e6, "us");
    report.measure("a launch and waiting for it", waited * 1e6, "us");
    return report.finish(waited);
}
