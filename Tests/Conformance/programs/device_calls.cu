// Functions of the device: calls, recursion, pointers to functions, large parameters by value,
// arrays of a thread's own, and structures of every alignment.
#include "check.h"

__device__ __noinline__ int triple(int x) { return 3 * x; }
__device__ __noinline__ int square(int x) { return x * x; }
__device__ __noinline__ int negate(int x) { return -x; }

__device__ __noinline__ unsigned long long fibonacci(int n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

typedef int (*Function)(int);
__device__ Function choices[3] = {triple, square, negate};

__global__ void by_pointer(int *out) { out[threadIdx.x] = choices[threadIdx.x % 3](threadIdx.x); }

__global__ void recursive(unsigned long long *out) { out[threadIdx.x] = fibonacci(threadIdx.x); }

struct Mixed {
    char c;
    double d;
    short s;
    int i[5];
    float4 f;
    long long last;
};

__global__ void by_value(char first, Mixed m, short second, const int *null, float3 third, Mixed *out) {
    m.c += first, m.s += second, m.d *= third.y, m.last += null == nullptr;
    for (int k = 0; k < 5; k++) m.i[k] += k;
    m.f.w += third.z;
    *out = m;
}

struct Large {
    int values[1000];
};

__global__ void large(Large l, long long *out) {
    long long sum = 0;
    for (int i = threadIdx.x; i < 1000; i += blockDim.x) sum += static_cast<long long>(l.values[i]) * i;
    atomicAdd(reinterpret_cast<unsigned long long *>(out), static_cast<unsigned long long>(sum));
}

// An array whose index is known only at run time lives in local memory.
__global__ void own_array(const int *order, int *out, int n) {
    int mine[32];
    for (int i = 0; i < 32; i++) mine[i] = i * (threadIdx.x + 1);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < n; i++) {
            int from = order[i], kept = mine[i];
            mine[i] = mine[from];
            mine[from] = kept;
        }
    for (int i = 0; i < 32; i++) out[threadIdx.x * 32 + i] = mine[i];
}

int main() {
    Device<int> ints(96);
    by_pointer<<<1, 96>>>(ints);
    CHECK(cudaGetLastError());
    bool equal = true;
    std::vector<int> pointed = ints.download();
    for (int t = 0; t < 96; t++)
        equal = equal && pointed[t] == (t % 3 == 0 ? 3 * t : t % 3 == 1 ? t * t : -t);
    expect(equal, "pointers to functions");

    Device<unsigned long long> numbers(16);
    recursive<<<1, 16>>>(numbers);
    CHECK(cudaGetLastError());
    printf("fibonacci(15) = %llu\n", numbers.download()[15]);
    expect(numbers.download()[15] == 610, "recursion");

    Mixed m = {'a', 1.5, 7, {1, 2, 3, 4, 5}, make_float4(1, 2, 3, 4), -9};
    Device<Mixed> mixed(1);
    by_value<<<1, 1>>>(2, m, 3, nullptr, make_float3(0, 2, 0.5f), mixed);
    CHECK(cudaGetLastError());
    Mixed r = mixed.download()[0];
    expect(r.c == 'c' && r.d == 3 && r.s == 10 && r.i[4] == 9 && r.f.x == 1 && r.f.w == 4.5f && r.last == -8,
           "structures by value");

    Large l;
    long long want = 0;
    Random random(4);
    for (int i = 0; i < 1000; i++) l.values[i] = random.below(1000), want += static_cast<long long>(l.values[i]) * i;
    Device<long long> sum(std::vector<long long>{0});
    large<<<1, 64>>>(l, sum);
    CHECK(cudaGetLastError());
    expect(sum.download()[0] == want, "4000 bytes of parameters");

    std::vector<int> order(32);
    for (int &o : order) o = random.below(32);
    Device<int> dorder(order), arrays(20 * 32);
    own_array<<<1, 20>>>(dorder, arrays, 32);
    CHECK(cudaGetLastError());
    std::vector<int> got = arrays.download();
    equal = true;
    for (int t = 0; t < 20; t++) {
        int mine[32];
        for (int i = 0; i < 32; i++) mine[i] = i * (t + 1);
        for (int round = 0; round < 3; round++)
            for (int i = 0; i < 32; i++) std::swap(mine[i], mine[order[i]]);
        for (int i = 0; i < 32; i++) equal = equal && got[t * 32 + i] == mine[i];
    }
    expect(equal, "arrays of a thread");
    return finish();
}
