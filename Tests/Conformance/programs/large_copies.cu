// Copies of many MiB, which Ferry carries apart from the calls: both ways, in and out of streams,
// from many threads at once, at odd places, and what must not be done.
#include "check.h"

#include <atomic>
#include <cstring>
#include <thread>

using Bytes = std::vector<unsigned char>;

Bytes noise(size_t count, unsigned seed) {
    Bytes bytes(count);
    Random random(seed);
    size_t place = 0;
    for (; place + 4 <= count; place += 4) {
        const uint32_t value = random.next32();
        memcpy(&bytes[place], &value, 4);
    }
    for (; place < count; place++) bytes[place] = static_cast<unsigned char>(place);
    return bytes;
}

__global__ void invert(unsigned char *data, size_t count) {
    for (size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
        data[i] = static_cast<unsigned char>(~data[i]);
}

bool is_inverse(const unsigned char *left, const unsigned char *right, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (left[i] != static_cast<unsigned char>(~right[i])) return false;
    return true;
}

const size_t MiB = 1 << 20;

void sizes_and_places() {
    const size_t most = 9 * MiB + 12345;
    const Bytes host = noise(most, 1);
    Device<unsigned char> device(most + 64);
    bool equal = true;
    for (size_t size : {2 * MiB - 1, 2 * MiB, 2 * MiB + 1, 3 * MiB + 777, most})
        for (size_t offset : {0, 1, 63}) {
            Bytes back(size + 2, 0x5A);
            CHECK(cudaMemcpy(device + offset, host.data(), size, cudaMemcpyHostToDevice));
            CHECK(cudaMemcpy(back.data() + 1, device + offset, size, cudaMemcpyDeviceToHost));
            equal = equal && memcmp(back.data() + 1, host.data(), size) == 0;
            equal = equal && back[0] == 0x5A && back[size + 1] == 0x5A;
        }
    expect(equal, "sizes and places");
}

void in_streams() {
    const size_t size = 5 * MiB + 3;
    const Bytes host = noise(size, 2);
    unsigned char *pinned;
    CHECK(cudaMallocHost(&pinned, size));
    Device<unsigned char> device(size);
    for (unsigned flags : {cudaStreamDefault, cudaStreamNonBlocking}) {
        cudaStream_t stream;
        CHECK(cudaStreamCreateWithFlags(&stream, flags));
        Bytes back(size);
        CHECK(cudaMemcpyAsync(device, host.data(), size, cudaMemcpyHostToDevice, stream));
        invert<<<16, 256, 0, stream>>>(device, size);
        CHECK(cudaMemcpyAsync(back.data(), device, size, cudaMemcpyDeviceToHost, stream));
        CHECK(cudaStreamSynchronize(stream));
        expect(is_inverse(back.data(), host.data(), size), "in a stream");

        memcpy(pinned, host.data(), size);
        CHECK(cudaMemcpyAsync(device, pinned, size, cudaMemcpyHostToDevice, stream));
        invert<<<16, 256, 0, stream>>>(device, size);
        invert<<<16, 256, 0, stream>>>(device, size);
        invert<<<16, 256, 0, stream>>>(device, size);
        CHECK(cudaMemcpyAsync(pinned, device, size, cudaMemcpyDeviceToHost, stream));
        CHECK(cudaStreamSynchronize(stream));
        expect(is_inverse(pinned, host.data(), size), "in a stream, with page-locked memory");

        // A synchronous copy is over when it returns, also for streams that wait for nobody.
        CHECK(cudaMemset(device, 0, size));
        CHECK(cudaMemcpy(device, host.data(), size, cudaMemcpyHostToDevice));
        invert<<<16, 256, 0, stream>>>(device, size);
        CHECK(cudaMemcpyAsync(back.data(), device, size, cudaMemcpyDeviceToHost, stream));
        CHECK(cudaStreamSynchronize(stream));
        expect(is_inverse(back.data(), host.data(), size), "behind a synchronous copy");
        CHECK(cudaStreamDestroy(stream));
    }
    CHECK(cudaFreeHost(pinned));
}

void source_may_change() {
    const size_t size = 4 * MiB;
    Device<unsigned char> device(size);
    Bytes host(size), back(size);
    bool equal = true;
    for (int round = 1; round <= 4; round++) {
        memset(host.data(), round, size);
        CHECK(cudaMemcpyAsync(device, host.data(), size, cudaMemcpyHostToDevice, 0));
        memset(host.data(), 0xEE, size);
        CHECK(cudaMemcpy(back.data(), device, size, cudaMemcpyDeviceToHost));
        for (size_t i = 0; i < size; i++) equal = equal && back[i] == round;
    }
    expect(equal, "the source may change at once");
}

void from_threads() {
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; number++)
        threads.emplace_back([number, &wrong] {
            const size_t size = 3 * MiB + 1000 * number;
            const Bytes host = noise(size, 10 + number);
            Device<unsigned char> device(size);
            cudaStream_t stream;
            CHECK(cudaStreamCreate(&stream));
            Bytes back(size);
            for (int round = 0; round < 4; round++) {
                CHECK(cudaMemcpyAsync(device, host.data(), size, cudaMemcpyHostToDevice, stream));
                for (int i = 0; i < 25; i++) invert<<<1, 32, 0, stream>>>(device, 64);
                CHECK(cudaMemcpyAsync(back.data(), device, size, cudaMemcpyDeviceToHost, stream));
                CHECK(cudaStreamSynchronize(stream));
                if (!is_inverse(back.data(), host.data(), 64)) wrong++;
                if (memcmp(back.data() + 64, host.data() + 64, size - 64) != 0) wrong++;
            }
            CHECK(cudaStreamDestroy(stream));
        });
    for (std::thread &thread : threads) thread.join();
    expect(wrong == 0, "from four threads");
}

void refused() {
    Bytes host(8 * MiB);
    Device<unsigned char> device(4 * MiB);
    SHOW(cudaMemcpy(device, host.data(), 8 * MiB, cudaMemcpyHostToDevice));
    SHOW(cudaMemcpy(host.data(), device + 2 * MiB, 4 * MiB, cudaMemcpyDeviceToHost));
    CHECK(cudaMemcpy(device, host.data(), 4 * MiB, cudaMemcpyHostToDevice));
    expect(cudaDeviceSynchronize() == cudaSuccess, "afterwards");
}

void after_a_reset() {
    const Bytes host = noise(4 * MiB, 5);
    Bytes back(4 * MiB);
    CHECK(cudaDeviceReset());
    Device<unsigned char> device(4 * MiB);
    CHECK(cudaMemcpy(device, host.data(), 4 * MiB, cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(back.data(), device, 4 * MiB, cudaMemcpyDeviceToHost));
    expect(back == host, "after a reset of the device");
}

int main() {
    sizes_and_places();
    in_streams();
    source_may_change();
    from_threads();
    refused();
    after_a_reset();
    return finish();
}
