// y = a x + y by a grid-stride loop, in place, several times after one another.
#include "check.h"

__global__ void saxpy(int n, float a, const float *x, float *y) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        y[i] = a * x[i] + y[i];
}

int main() {
    const int n = 50000;
    Random random(7);
    std::vector<float> x(n), y(n);
    for (int i = 0; i < n; i++) {
        x[i] = random.unit();
        y[i] = random.unit();
    }
    Device<float> dx(x), dy(y);
    const float factors[] = {2.0f, -0.5f, 1e-3f, 3.25f};
    for (float a : factors) {
        saxpy<<<24, 128>>>(n, a, dx, dy);
        CHECK(cudaGetLastError());
        // The compiler contracts a multiplication and an addition to one rounding.
        for (int i = 0; i < n; i++) y[i] = fmaf(a, x[i], y[i]);
    }
    CHECK(cudaDeviceSynchronize());
    std::vector<float> result = dy.download();
    bool equal = true;
    for (int i = 0; i < n; i++) equal = equal && result[i] == y[i];
    expect(equal, "four times a x + y, to the last bit");
    return finish();
}
