// Textures and surfaces of every shape, with the ways of addressing, filtering and reading, against
// the formulas of the programming guide computed on the host.
#include <algorithm>
#include <functional>

#include "check.h"

constexpr int count = 256;

__global__ void read1(cudaTextureObject_t t, const float *x, float *out) {
    int i = threadIdx.x;
    out[i] = tex1D<float>(t, x[i]);
}
__global__ void read2(cudaTextureObject_t t, const float *x, const float *y, float *out) {
    int i = threadIdx.x;
    out[i] = tex2D<float>(t, x[i], y[i]);
}
__global__ void read3(cudaTextureObject_t t, const float *x, const float *y, float *out) {
    int i = threadIdx.x;
    out[i] = tex3D<float>(t, x[i], y[i], x[i] * 0.5f);
}
__global__ void readLayer(cudaTextureObject_t t, const float *x, const float *y, float *out) {
    int i = threadIdx.x;
    out[i] = tex2DLayered<float>(t, x[i], y[i], i % 5 - 1);
}
__global__ void fetch(cudaTextureObject_t t, int *out) {
    int i = threadIdx.x;
    int2 v = tex1Dfetch<int2>(t, i - 8);
    out[i] = v.x * 1000 + v.y;
}
__global__ void bytes4(cudaTextureObject_t t, float4 *out) {
    int i = threadIdx.x;
    out[i] = tex2D<float4>(t, i % 16 + 0.5f, i / 16 + 0.5f);
}
__global__ void gather(cudaTextureObject_t t, const float *x, const float *y, float4 *out) {
    int i = threadIdx.x;
    out[i] = tex2Dgather<float4>(t, x[i], y[i], 0);
}
__global__ void turn(cudaSurfaceObject_t from, cudaSurfaceObject_t to, int width, int height) {
    int x = threadIdx.x % width, y = threadIdx.x / width;
    if (y >= height) return;
    short2 v = surf2Dread<short2>(from, x * 4, y);
    surf2Dwrite(make_short2(v.y, v.x), to, (width - 1 - x) * 4, y);
    // Outside: nothing happens.
    surf2Dwrite(make_short2(99, 99), to, width * 4, y, cudaBoundaryModeZero);
}
__global__ void edges(cudaSurfaceObject_t s, int *out) {
    int x = (int)threadIdx.x - 4;
    out[threadIdx.x] = surf1Dread<int>(s, x * 4, cudaBoundaryModeClamp) * 100 +
                       surf1Dread<int>(s, x * 4, cudaBoundaryModeZero);
}

/// The texel that an index means, or −1 for the border.
int place(int i, int size, cudaTextureAddressMode mode) {
    if (i >= 0 && i < size) return i;
    if (mode == cudaAddressModeBorder) return -1;
    if (mode == cudaAddressModeWrap) return (i % size + size) % size;
    return i < 0 ? 0 : size - 1;
}

struct Axis {
    int low, high;
    float weight;
    Axis(float x, int size, const cudaTextureDesc &how) {
        cudaTextureAddressMode mode = how.addressMode[0];
        double p = x;
        if (how.normalizedCoords) {
            if (mode == cudaAddressModeWrap) p -= std::floor(p);
            if (mode == cudaAddressModeMirror) {
                double whole = std::floor(p);
                p = std::fmod(whole, 2) == 0 ? p - whole : 1 - (p - whole);
                mode = cudaAddressModeClamp;
            }
            p *= size;
        } else if (mode == cudaAddressModeWrap || mode == cudaAddressModeMirror) {
            mode = cudaAddressModeClamp;
        }
        bool linear = how.filterMode == cudaFilterModeLinear;
        if (linear) p -= 0.5;
        int first = (int)std::floor(p);
        low = place(first, size, mode);
        high = linear ? place(first + 1, size, mode) : low;
        weight = linear ? (float)(std::floor((p - first) * 256 + 0.5) / 256) : 0;
    }
};

using Texels = std::function<float(int, int, int)>;

float sample(const Texels &texel, Axis x, Axis y, Axis z) {
    double sum = 0;
    for (int c = 0; c < 8; c++) {
        int i = c & 1 ? x.high : x.low, j = c & 2 ? y.high : y.low, k = c & 4 ? z.high : z.low;
        double w = (c & 1 ? x.weight : 1 - x.weight) * (c & 2 ? y.weight : 1 - y.weight) *
                   (c & 4 ? z.weight : 1 - z.weight);
        if (w != 0) sum += w * (i < 0 || j < 0 || k < 0 ? 0 : texel(i, j, k));
    }
    return (float)sum;
}

bool same(const std::vector<float> &a, const std::vector<float> &b) {
    for (size_t i = 0; i < a.size(); i++)
        if (!(std::fabs(a[i] - b[i]) <= 1e-4f * std::max(1.0f, std::fabs(b[i])))) return false;
    return true;
}

/// A texture object over a resource.
struct Texture {
    cudaTextureObject_t object;
    Texture(const cudaResourceDesc &resource, const cudaTextureDesc &how) {
        CHECK(cudaCreateTextureObject(&object, &resource, &how, nullptr));
    }
    ~Texture() { CHECK(cudaDestroyTextureObject(object)); }
};

cudaResourceDesc over(cudaArray_t array) {
    cudaResourceDesc r = {};
    r.resType = cudaResourceTypeArray;
    r.res.array.array = array;
    return r;
}

cudaArray_t volume(const std::vector<float> &values, int w, int h, int d, unsigned flags) {
    cudaChannelFormatDesc format = cudaCreateChannelDesc<float>();
    cudaArray_t array;
    CHECK(cudaMalloc3DArray(&array, &format, make_cudaExtent(w, h, d), flags));
    cudaMemcpy3DParms copy = {};
    copy.srcPtr = make_cudaPitchedPtr((void *)values.data(), w * 4, w, h);
    copy.dstArray = array;
    copy.extent = make_cudaExtent(w, std::max(h, 1), std::max(d, 1));
    copy.kind = cudaMemcpyHostToDevice;
    CHECK(cudaMemcpy3D(&copy));
    return array;
}

template <typename Kernel, typename... Arguments>
void launch(Kernel kernel, Arguments... arguments) {
    kernel<<<1, count>>>(arguments...);
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
}

int main() {
    Random random(11);
    const int w = 13, h = 7, d = 4;
    std::vector<float> values(w * h * d);
    for (float &v : values) v = random.unit() * 8;
    cudaArray_t line = volume(values, w, 0, 0, 0), plane = volume(values, w, h, 0, cudaArrayTextureGather);
    cudaArray_t cuboid = volume(values, w, h, d, 0);
    cudaArray_t layers = volume(values, w, h, d, cudaArrayLayered);
    std::vector<float> x(count), y(count);
    const cudaTextureAddressMode modes[] = {cudaAddressModeWrap, cudaAddressModeClamp,
                                            cudaAddressModeMirror, cudaAddressModeBorder};
    const char *names[] = {"wrap", "clamp", "mirror", "border"};
    Texels texel = [&](int i, int j, int k) { return values[(k * h + j) * w + i]; };
    Device<float> out(count);
    for (int normalized = 0; normalized < 2; normalized++)
        for (int linear = 0; linear < 2; linear++)
            for (int m = 0; m < 4; m++) {
                cudaTextureDesc how = {};
                for (auto &mode : how.addressMode) mode = modes[m];
                how.filterMode = linear ? cudaFilterModeLinear : cudaFilterModePoint;
                how.normalizedCoords = normalized;
                // Multiples of 1/64 and edges: the same place on every device.
                for (int i = 0; i < count; i++) {
                    x[i] = (random.below(64 * 60) - 64 * 20 + 0.25f) / 64 / (normalized ? 16 : 1);
                    y[i] = (random.below(64 * 40) - 64 * 16 + 0.25f) / 64 / (normalized ? 16 : 1);
                }
                Device<float> dx(x), dy(y);
                std::vector<float> w1, w2, w3, w4;
                Axis none(0.5f, 1, cudaTextureDesc{});
                for (int i = 0; i < count; i++) {
                    Axis ax(x[i], w, how), ay(y[i], h, how), az(x[i] * 0.5f, d, how);
                    Axis layer(0.5f + std::min(std::max(i % 5 - 1, 0), d - 1), d, cudaTextureDesc{});
                    w1.push_back(sample(texel, ax, none, none));
                    w2.push_back(sample(texel, ax, ay, none));
                    w3.push_back(sample(texel, ax, ay, az));
                    w4.push_back(sample(texel, ax, ay, layer));
                }
                bool ok = true;
                Texture t1(over(line), how), t2(over(plane), how), t3(over(cuboid), how),
                    t4(over(layers), how);
                launch(read1, t1.object, dx.pointer, out.pointer);
                ok = ok && same(out.download(), w1);
                launch(read2, t2.object, dx.pointer, dy.pointer, out.pointer);
                ok = ok && same(out.download(), w2);
                launch(read3, t3.object, dx.pointer, dy.pointer, out.pointer);
                ok = ok && same(out.download(), w3);
                launch(readLayer, t4.object, dx.pointer, dy.pointer, out.pointer);
                ok = ok && same(out.download(), w4);
                char what[80];
                snprintf(what, sizeof what, "%s, %s, %s", names[m], linear ? "linear" : "point",
                         normalized ? "normalised" : "in texels");
                expect(ok, what);
            }

    // Linear memory, integers, outside of it 0.
    std::vector<int2> pairs(100);
    for (int i = 0; i < 100; i++) pairs[i] = make_int2(i, -i);
    Device<int2> memory(pairs);
    cudaResourceDesc linear = {};
    linear.resType = cudaResourceTypeLinear;
    linear.res.linear.devPtr = memory.pointer;
    linear.res.linear.desc = cudaCreateChannelDesc<int2>();
    linear.res.linear.sizeInBytes = 100 * sizeof(int2);
    cudaTextureDesc plain = {};
    plain.readMode = cudaReadModeElementType;
    Device<int> ints(count);
    {
        Texture t(linear, plain);
        launch(fetch, t.object, ints.pointer);
        std::vector<int> found = ints.download();
        bool ok = true;
        for (int i = 0; i < count; i++)
            ok = ok && found[i] == (i >= 8 && i < 108 ? (i - 8) * 1000 - (i - 8) : 0);
        expect(ok, "linear memory");
    }

    // Pitched memory, bytes read as numbers from −1 to 1.
    signed char *pitched;
    size_t pitch;
    CHECK(cudaMallocPitch(&pitched, &pitch, 64, 16));
    std::vector<signed char> small(64 * 16);
    for (auto &v : small) v = (signed char)random.next32();
    CHECK(cudaMemcpy2D(pitched, pitch, small.data(), 64, 64, 16, cudaMemcpyHostToDevice));
    cudaResourceDesc rows = {};
    rows.resType = cudaResourceTypePitch2D;
    rows.res.pitch2D.devPtr = pitched;
    rows.res.pitch2D.desc = cudaCreateChannelDesc<char4>();
    rows.res.pitch2D.width = 16;
    rows.res.pitch2D.height = 16;
    rows.res.pitch2D.pitchInBytes = pitch;
    cudaTextureDesc numbers = {};
    numbers.readMode = cudaReadModeNormalizedFloat;
    Device<float4> quads(count);
    {
        Texture t(rows, numbers);
        launch(bytes4, t.object, quads.pointer);
        std::vector<float4> found = quads.download();
        bool ok = true;
        for (int i = 0; i < count; i++) {
            const signed char *p = &small[i * 4];
            float wanted[4], got[4] = {found[i].x, found[i].y, found[i].z, found[i].w};
            for (int k = 0; k < 4; k++) {
                wanted[k] = std::max(p[k] / 127.0f, -1.0f);
                ok = ok && std::fabs(wanted[k] - got[k]) < 1e-6f;
            }
        }
        expect(ok, "pitched memory of bytes");
    }
    CHECK(cudaFree(pitched));

    // The four texels around a place.
    for (int i = 0; i < count; i++) {
        x[i] = 1 + random.below(w - 2) + 0.1f;
        y[i] = 1 + random.below(h - 2) + 0.1f;
    }
    {
        cudaTextureDesc how = {};
        Texture t(over(plane), how);
        Device<float> dx(x), dy(y);
        launch(gather, t.object, dx.pointer, dy.pointer, quads.pointer);
        std::vector<float4> found = quads.download();
        bool ok = true;
        for (int k = 0; k < count; k++) {
            int i = (int)x[k] - 1, j = (int)y[k] - 1;
            ok = ok && found[k].x == texel(i, j + 1, 0) && found[k].y == texel(i + 1, j + 1, 0) &&
                 found[k].z == texel(i + 1, j, 0) && found[k].w == texel(i, j, 0);
        }
        expect(ok, "gather");
    }

    // Surfaces.
    cudaChannelFormatDesc shorts = cudaCreateChannelDesc<short2>();
    cudaArray_t one, two;
    CHECK(cudaMallocArray(&one, &shorts, 16, 8, cudaArraySurfaceLoadStore));
    CHECK(cudaMallocArray(&two, &shorts, 16, 8, cudaArraySurfaceLoadStore));
    std::vector<short2> before(16 * 8), after(16 * 8);
    for (auto &v : before) v = make_short2((short)random.next32(), (short)random.next32());
    CHECK(cudaMemcpy2DToArray(one, 0, 0, before.data(), 64, 64, 8, cudaMemcpyHostToDevice));
    cudaResourceDesc r1 = over(one), r2 = over(two);
    cudaSurfaceObject_t s1, s2;
    CHECK(cudaCreateSurfaceObject(&s1, &r1));
    CHECK(cudaCreateSurfaceObject(&s2, &r2));
    launch(turn, s1, s2, 16, 8);
    CHECK(cudaMemcpy2DFromArray(after.data(), 64, two, 0, 0, 64, 8, cudaMemcpyDeviceToHost));
    bool ok = true;
    for (int j = 0; j < 8; j++)
        for (int i = 0; i < 16; i++) {
            short2 a = before[j * 16 + i], b = after[j * 16 + 15 - i];
            ok = ok && a.x == b.y && a.y == b.x;
        }
    expect(ok, "surfaces");
    CHECK(cudaDestroySurfaceObject(s1));
    CHECK(cudaDestroySurfaceObject(s2));

    cudaChannelFormatDesc whole = cudaCreateChannelDesc<int>();
    cudaArray_t row;
    CHECK(cudaMallocArray(&row, &whole, 200, 0, cudaArraySurfaceLoadStore));
    std::vector<int> line200(200);
    for (int i = 0; i < 200; i++) line200[i] = i + 1;
    CHECK(cudaMemcpy2DToArray(row, 0, 0, line200.data(), 800, 800, 1, cudaMemcpyHostToDevice));
    cudaResourceDesc r3 = over(row);
    CHECK(cudaCreateSurfaceObject(&s1, &r3));
    launch(edges, s1, ints.pointer);
    std::vector<int> found = ints.download();
    ok = true;
    for (int i = 0; i < count; i++) {
        int at = i - 4, clamped = std::min(std::max(at, 0), 199);
        ok = ok && found[i] == (clamped + 1) * 100 + (at == clamped ? at + 1 : 0);
    }
    expect(ok, "edges of surfaces");
    CHECK(cudaDestroySurfaceObject(s1));
    for (cudaArray_t a : {line, plane, cuboid, layers, one, two, row}) CHECK(cudaFreeArray(a));
    return finish();
}
