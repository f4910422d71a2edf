// Bodies that attract each other: shared memory, a loop of launches, a copy at the end.
#include "report.h"

__global__ void move(const float4 *from, float4 *to, float4 *speeds, int n) {
    __shared__ float4 part[128];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float4 me = from[i], pull = {0, 0, 0, 0};
    for (int start = 0; start < n; start += blockDim.x) {
        part[threadIdx.x] = from[start + threadIdx.x];
        __syncthreads();
        for (int j = 0; j < blockDim.x; j++) {
            float x = part[j].x - me.x, y = part[j].y - me.y, z = part[j].z - me.z;
            float distance = x * x + y * y + z * z + 0.01f;
            float force = part[j].w / (distance * sqrtf(distance));
            pull.x += x * force, pull.y += y * force, pull.z += z * force;
        }
        __syncthreads();
    }
    float4 speed = speeds[i];
    speed.x += pull.x * 0.001f, speed.y += pull.y * 0.001f, speed.z += pull.z * 0.001f;
    speeds[i] = speed;
    to[i] = {me.x + speed.x * 0.001f, me.y + speed.y * 0.001f, me.z + speed.z * 0.001f, me.w};
}

int main() {
    Report report;
    const int n = 1024;
    std::vector<float4> bodies(n);
    uint32_t state = 7;
    auto random = [&] { return static_cast<float>((state = state * 1664525 + 1013904223) >> 8) / (1 << 24); };
    for (auto &body : bodies) body = {random(), random(), random(), 1.0f / n};
    float4 *from = upload(bodies), *to = upload(bodies), *speeds = upload(std::vector<float4>(n));
    auto step = [&] {
        move<<<n / 128, 128>>>(from, to, speeds, n);
        std::swap(from, to);
    };
    for (int i = 0; i < 5; i++) step();
    CHECK(cudaGetLastError());
    report.digest("places", download(from, n));
    report.digest("speeds", download(speeds, n));
    return report.finish(steady(step, 5));
}
