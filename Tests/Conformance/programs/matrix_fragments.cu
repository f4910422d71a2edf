// Matrix products by warps: nvcuda::wmma from global and shared memory, and mma.sync with ldmatrix
// written out, against sums in double precision.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>

#include "check.h"

using namespace nvcuda;

constexpr int n = 64;

/// C = A · B, one warp for each 16 × 16 tile.
template <typename In, typename Out, typename LayoutB>
__global__ void tiles(const In *a, const In *b, Out *c) {
    wmma::fragment<wmma::matrix_a, 16, 16, 16, In, wmma::row_major> fa;
    wmma::fragment<wmma::matrix_b, 16, 16, 16, In, LayoutB> fb;
    wmma::fragment<wmma::accumulator, 16, 16, 16, Out> fc;
    int row = blockIdx.y * 16, column = blockIdx.x * 16;
    bool columns = std::is_same<LayoutB, wmma::col_major>::value;
    wmma::fill_fragment(fc, Out(0));
    for (int k = 0; k < n; k += 16) {
        wmma::load_matrix_sync(fa, a + row * n + k, n);
        wmma::load_matrix_sync(fb, columns ? b + column * n + k : b + k * n + column, n);
        wmma::mma_sync(fc, fa, fb, fc);
    }
    for (int i = 0; i < fc.num_elements; i++) fc.x[i] = fc.x[i] * Out(2);
    wmma::store_matrix_sync(c + row * n + column, fc, n, wmma::mem_row_major);
}

/// The same with other extents, over shared memory.
template <int M, int N, typename In>
__global__ void staged(const In *a, const In *b, float *c) {
    __shared__ __align__(32) In sa[M * 16], sb[16 * N];
    wmma::fragment<wmma::matrix_a, M, N, 16, In, wmma::col_major> fa;
    wmma::fragment<wmma::matrix_b, M, N, 16, In, wmma::row_major> fb;
    wmma::fragment<wmma::accumulator, M, N, 16, float> fc;
    int row = blockIdx.y * M, column = blockIdx.x * N;
    wmma::load_matrix_sync(fc, c + row * n + column, n, wmma::mem_row_major);
    for (int k = 0; k < n; k += 16) {
        for (int i = threadIdx.x; i < M * 16; i += 32) sa[i] = a[(row + i % M) * n + k + i / M];
        for (int i = threadIdx.x; i < N * 16; i += 32) sb[i] = b[(k + i / N) * n + column + i % N];
        __syncwarp();
        wmma::load_matrix_sync(fa, sa, M);
        wmma::load_matrix_sync(fb, sb, N);
        wmma::mma_sync(fc, fa, fb, fc);
        __syncwarp();
    }
    wmma::store_matrix_sync(c + row * n + column, fc, n, wmma::mem_row_major);
}

__global__ void shortSingles(const float *a, const float *b, float *c) {
    wmma::fragment<wmma::matrix_a, 16, 16, 8, wmma::precision::tf32, wmma::row_major> fa;
    wmma::fragment<wmma::matrix_b, 16, 16, 8, wmma::precision::tf32, wmma::row_major> fb;
    wmma::fragment<wmma::accumulator, 16, 16, 8, float> fc;
    int row = blockIdx.y * 16, column = blockIdx.x * 16;
    wmma::fill_fragment(fc, 0.0f);
    for (int k = 0; k < n; k += 8) {
        wmma::load_matrix_sync(fa, a + row * n + k, n);
        wmma::load_matrix_sync(fb, b + k * n + column, n);
        for (int i = 0; i < fa.num_elements; i++) fa.x[i] = wmma::__float_to_tf32(fa.x[i]);
        for (int i = 0; i < fb.num_elements; i++) fb.x[i] = wmma::__float_to_tf32(fb.x[i]);
        wmma::mma_sync(fc, fa, fb, fc);
    }
    wmma::store_matrix_sync(c + row * n + column, fc, n, wmma::mem_row_major);
}

__global__ void doubles(const double *a, const double *b, double *c) {
    wmma::fragment<wmma::matrix_a, 8, 8, 4, double, wmma::row_major> fa;
    wmma::fragment<wmma::matrix_b, 8, 8, 4, double, wmma::row_major> fb;
    wmma::fragment<wmma::accumulator, 8, 8, 4, double> fc;
    int row = blockIdx.y * 8, column = blockIdx.x * 8;
    wmma::fill_fragment(fc, 0.0);
    for (int k = 0; k < n; k += 4) {
        wmma::load_matrix_sync(fa, a + row * n + k, n);
        wmma::load_matrix_sync(fb, b + k * n + column, n);
        wmma::mma_sync(fc, fa, fb, fc);
    }
    wmma::store_matrix_sync(c + row * n + column, fc, n, wmma::mem_row_major);
}

/// mma.m16n8k16 of f16 with operands from ldmatrix, as hand-tuned kernels do it.
__global__ void written(const __half *a, const __half *b, float *c) {
    __shared__ __align__(16) __half sa[16 * 16], sb[16 * 8];
    int lane = threadIdx.x, row = blockIdx.y * 16, column = blockIdx.x * 8;
    float d[4] = {0, 0, 0, 0};
    for (int k = 0; k < n; k += 16) {
        for (int i = lane; i < 256; i += 32) sa[i] = a[(row + i / 16) * n + k + i % 16];
        for (int i = lane; i < 128; i += 32) sb[i] = b[(k + i / 8) * n + column + i % 8];
        __syncwarp();
        unsigned ra[4], rb[2];
        unsigned pa = __cvta_generic_to_shared(sa + lane % 16 * 16 + lane / 16 * 8);
        unsigned pb = __cvta_generic_to_shared(sb + lane % 16 * 8);
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(ra[0]), "=r"(ra[1]), "=r"(ra[2]), "=r"(ra[3]) : "r"(pa));
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                     : "=r"(rb[0]), "=r"(rb[1]) : "r"(pb));
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(ra[0]), "r"(ra[1]), "r"(ra[2]), "r"(ra[3]), "r"(rb[0]), "r"(rb[1]));
        __syncwarp();
    }
    for (int i = 0; i < 4; i++)
        c[(row + lane / 4 + i / 2 * 8) * n + column + lane % 4 * 2 + i % 2] = d[i];
}

/// mma.m16n8k32 of bytes, operands from the layout in the manual.
__global__ void bytes(const signed char *a, const unsigned char *b, int *c) {
    int lane = threadIdx.x, g = lane / 4, t = lane % 4;
    int row = blockIdx.y * 16, column = blockIdx.x * 8, d[4] = {0, 0, 0, 0};
    for (int k = 0; k < n; k += 32) {
        unsigned ra[4], rb[2];
        for (int j = 0; j < 4; j++)
            ra[j] = *(const unsigned *)(a + (row + g + j % 2 * 8) * n + k + t * 4 + j / 2 * 16);
        for (int j = 0; j < 2; j++) {
            rb[j] = 0;
            for (int e = 0; e < 4; e++)
                rb[j] |= (unsigned)b[(k + t * 4 + e + j * 16) * n + column + g] << (8 * e);
        }
        asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 "
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                     : "r"(ra[0]), "r"(ra[1]), "r"(ra[2]), "r"(ra[3]), "r"(rb[0]), "r"(rb[1]));
    }
    for (int i = 0; i < 4; i++) c[(row + g + i / 2 * 8) * n + column + t * 2 + i % 2] = d[i];
}

template <typename T> T from(float x) { return T(x); }
template <> signed char from(float x) { return (signed char)(x * 127); }
template <> unsigned char from(float x) { return (unsigned char)((x + 1) * 127); }
template <typename T> double value(T x) { return double(float(x)); }
template <> double value(double x) { return x; }

template <typename T> std::vector<T> random(Random &random) {
    std::vector<T> m(n * n);
    for (T &x : m) x = from<T>(random.unit());
    return m;
}

/// Whether C is scale · A · B, with `error` allowed for each element.
template <typename A, typename B, typename C>
bool matches(const std::vector<A> &a, const std::vector<B> &b, const std::vector<C> &c,
             double scale, double error, bool columns = false) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++)
                sum += value(a[i * n + k]) * value(columns ? b[j * n + k] : b[k * n + j]);
            if (!(std::fabs(value(c[i * n + j]) - scale * sum) <= error)) return false;
        }
    return true;
}

template <typename In, typename Out, typename LayoutB>
void tile(const char *what, double error) {
    Random r(7);
    std::vector<In> a = random<In>(r), b = random<In>(r);
    Device<In> da(a), db(b);
    Device<Out> dc(n * n);
    tiles<In, Out, LayoutB><<<dim3(n / 16, n / 16), 32>>>(da, db, dc);
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
    bool columns = std::is_same<LayoutB, wmma::col_major>::value;
    expect(matches(a, b, dc.download(), 2, error, columns), what);
}

template <int M, int N, typename In> void stage(const char *what) {
    Random r(8);
    std::vector<In> a = random<In>(r), b = random<In>(r);
    Device<In> da(a), db(b);
    Device<float> dc(std::vector<float>(n * n, 0.0f));
    staged<M, N, In><<<dim3(n / N, n / M), 32>>>(da, db, dc);
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
    expect(matches(a, b, dc.download(), 1, 1e-4), what);
}

template <typename A, typename B, typename C>
void plain(void (*kernel)(const A *, const B *, C *), dim3 grid, const char *what, double error) {
    Random r(9);
    std::vector<A> a = random<A>(r);
    std::vector<B> b = random<B>(r);
    Device<A> da(a);
    Device<B> db(b);
    Device<C> dc(n * n);
    kernel<<<grid, 32>>>(da, db, dc);
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
    expect(matches(a, b, dc.download(), 1, error), what);
}

int main() {
    tile<__half, float, wmma::row_major>("f16 to f32", 1e-3);
    tile<__half, float, wmma::col_major>("f16 to f32, B by columns", 1e-3);
    tile<__half, __half, wmma::row_major>("f16 to f16", 0.2);
    tile<__nv_bfloat16, float, wmma::row_major>("bf16 to f32", 1e-3);
    tile<signed char, int, wmma::row_major>("s8 to s32", 0);
    tile<unsigned char, int, wmma::col_major>("u8 to s32", 0);
    stage<32, 8, __half>("f16, 32 × 8 from shared memory");
    stage<8, 32, __half>("f16, 8 × 32 from shared memory");
    stage<8, 32, __nv_bfloat16>("bf16, 8 × 32 from shared memory");
    plain(shortSingles, dim3(n / 16, n / 16), "tf32 to f32", 0.05);
    plain(doubles, dim3(n / 8, n / 8), "f64", 1e-13);
    plain(written, dim3(n / 8, n / 16), "mma.sync of f16 with ldmatrix", 1e-4);
    plain(bytes, dim3(n / 8, n / 16), "mma.sync of s8 and u8", 0);
    return finish();
}
