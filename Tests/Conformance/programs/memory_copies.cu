// Copies and sets of every kind: odd sizes and offsets, pitched, two- and three-dimensional, between
// device memory, pinned, registered and plain host memory.
#include "check.h"

#include <cstring>

void odd_sizes() {
    const int n = 70000;
    std::vector<unsigned char> host(n), back(n);
    Random random(9);
    for (unsigned char &v : host) v = static_cast<unsigned char>(random.next32());
    Device<unsigned char> a(n), b(n);
    bool equal = true;
    for (int size : {0, 1, 3, 4, 127, 4096, 65537})
        for (int offset : {0, 1, 7, 255}) {
            CHECK(cudaMemset(a, 0xAB, n));
            CHECK(cudaMemcpy(a + offset, host.data() + offset, size, cudaMemcpyHostToDevice));
            CHECK(cudaMemcpy(b, a, n, cudaMemcpyDeviceToDevice));
            CHECK(cudaMemcpy(back.data(), b, n, cudaMemcpyDefault));
            for (int i = 0; i < n; i++)
                equal = equal && back[i] == (i >= offset && i < offset + size ? host[i] : 0xAB);
        }
    expect(equal, "copies of odd sizes and offsets");
}

void pitched() {
    const int width = 100, height = 37;
    std::vector<int> host(width * height), back(width * height, 0);
    for (int i = 0; i < width * height; i++) host[i] = i * 7;
    int *device;
    size_t pitch;
    CHECK(cudaMallocPitch(&device, &pitch, width * sizeof(int), height));
    expect(pitch >= width * sizeof(int) && pitch % 32 == 0, "pitch");
    CHECK(cudaMemset2D(device, pitch, 0x11, width * sizeof(int), height));
    CHECK(cudaMemcpy2D(device, pitch, host.data(), width * sizeof(int), (width - 10) * sizeof(int), height, cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy2D(back.data(), width * sizeof(int), device, pitch, width * sizeof(int), height, cudaMemcpyDeviceToHost));
    bool equal = true;
    for (int i = 0; i < width * height; i++) equal = equal && back[i] == (i % width < width - 10 ? host[i] : 0x11111111);
    expect(equal, "pitched copies");
    CHECK(cudaFree(device));
}

void three_dimensional() {
    const int w = 12, h = 5, d = 4;
    std::vector<float> host(w * h * d), back(w * h * d, 0);
    for (size_t i = 0; i < host.size(); i++) host[i] = static_cast<float>(i);
    cudaPitchedPtr device;
    cudaExtent extent = make_cudaExtent(w * sizeof(float), h, d);
    CHECK(cudaMalloc3D(&device, extent));
    cudaMemcpy3DParms copy = {};
    copy.srcPtr = make_cudaPitchedPtr(host.data(), w * sizeof(float), w, h);
    copy.dstPtr = device;
    copy.extent = extent;
    copy.kind = cudaMemcpyHostToDevice;
    CHECK(cudaMemcpy3D(&copy));
    copy.srcPtr = device;
    copy.dstPtr = make_cudaPitchedPtr(back.data(), w * sizeof(float), w, h);
    copy.kind = cudaMemcpyDeviceToHost;
    CHECK(cudaMemcpy3D(&copy));
    expect(back == host, "three-dimensional copies");
    CHECK(cudaFree(device.ptr));
}

void host_memory() {
    const int n = 100000;
    std::vector<int> plain(n), back(n);
    for (int i = 0; i < n; i++) plain[i] = i ^ 0x5555;
    CHECK(cudaHostRegister(plain.data(), n * sizeof(int), cudaHostRegisterDefault));
    Device<int> device(n);
    cudaStream_t stream;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaMemcpyAsync(device, plain.data(), n * sizeof(int), cudaMemcpyHostToDevice, stream));
    // Not pinned: the copy is staged, and the memory may be used again as soon as the call returns.
    CHECK(cudaMemcpyAsync(back.data(), device, n * sizeof(int), cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    expect(back == plain, "registered memory");
    for (int round = 0; round < 3; round++) {
        std::vector<int> gone(n, round);
        CHECK(cudaMemcpyAsync(device, gone.data(), n * sizeof(int), cudaMemcpyHostToDevice, stream));
        std::fill(gone.begin(), gone.end(), -1);
    }
    CHECK(cudaStreamSynchronize(stream));
    std::vector<int> last = device.download();
    expect(last[0] == 2 && last[n - 1] == 2, "pageable memory that is used again at once");
    CHECK(cudaHostUnregister(plain.data()));
    CHECK(cudaStreamDestroy(stream));

    int *pinned;
    CHECK(cudaMallocHost(&pinned, 1000));
    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, pinned));
    expect(attributes.type == cudaMemoryTypeHost && attributes.hostPointer == pinned, "pinned memory is known as such");
    CHECK(cudaPointerGetAttributes(&attributes, device.pointer + 5));
    expect(attributes.type == cudaMemoryTypeDevice && attributes.devicePointer == device.pointer + 5, "device memory too");
    CHECK(cudaPointerGetAttributes(&attributes, back.data()));
    expect(attributes.type == cudaMemoryTypeUnregistered, "plain memory is not");
    CHECK(cudaFreeHost(pinned));
}

int main() {
    odd_sizes();
    pitched();
    three_dimensional();
    host_memory();
    return finish();
}
