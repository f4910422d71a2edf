// c = a + b for sizes that fill their last block and sizes that do not.
#include "check.h"

__global__ void add(const float *a, const float *b, float *c, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) c[i] = a[i] + b[i];
}

int main() {
    const int sizes[] = {1, 31, 256, 1000, 65549};
    const int threads[] = {32, 96, 256, 1024};
    for (int n : sizes) {
        Random random(n);
        std::vector<float> a(n), b(n);
        for (int i = 0; i < n; i++) {
            a[i] = random.unit();
            b[i] = random.unit();
        }
        Device<float> da(a), db(b), dc(n);
        for (int block : threads) {
            CHECK(cudaMemset(dc, 0xFF, n * sizeof(float)));
            add<<<blocks(n, block), block>>>(da, db, dc, n);
            CHECK(cudaGetLastError());
            std::vector<float> c = dc.download();
            bool equal = true;
            for (int i = 0; i < n; i++) equal = equal && c[i] == a[i] + b[i];
            char what[80];
            snprintf(what, sizeof what, "%d elements in blocks of %d", n, block);
            expect(equal, what);
        }
    }
    return finish();
}
