// Kernels as anybody writes them; compute.h says what they compute.

extern "C" __global__ void add(const float *a, const float *b, float *c, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) c[i] = a[i] + b[i];
}

// The grid is smaller than the arrays.
extern "C" __global__ void saxpy(const float *x, const float *, float *y, int count) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
        y[i] = 0.5f * x[i] + y[i];
}

extern "C" __global__ void naive(const float *a, const float *b, float *c, int order) {
    int row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int k = 0; k < order; k++) sum += a[row * order + k] * b[k * order + column];
    c[row * order + column] = sum;
}

extern "C" __global__ void tiled(const float *a, const float *b, float *c, int order) {
    __shared__ float as[16][16], bs[16][16];
    int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
    float sum = 0;
    for (int k = 0; k < order; k += 16) {
        as[threadIdx.y][threadIdx.x] = a[row * order + k + threadIdx.x];
        bs[threadIdx.y][threadIdx.x] = b[(k + threadIdx.y) * order + column];
        __syncthreads();
        for (int i = 0; i < 16; i++) sum += as[threadIdx.y][i] * bs[i][threadIdx.x];
        __syncthreads();
    }
    c[row * order + column] = sum;
}

extern "C" __global__ void mandel(const float *, const float *, float *steps, int edge) {
    int row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
    float cx = -2.0f + 3.0f * column / edge, cy = -1.5f + 3.0f * row / edge, x = 0, y = 0;
    int n = 0;
    while (n < 256 && x * x + y * y <= 4.0f) {
        float next = x * x - y * y + cx;
        y = 2.0f * x * y + cy;
        x = next;
        n++;
    }
    steps[row * edge + column] = n;
}
