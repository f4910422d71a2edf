// What the device says of itself agrees with itself, by whichever call it is asked.
#include "check.h"

#include <cstring>

__global__ void __launch_bounds__(256, 2) kernel(float *out, int n) {
    __shared__ float line[512];
    line[threadIdx.x] = n;
    __syncthreads();
    out[threadIdx.x] = line[255 - threadIdx.x];
}

int attribute(cudaDeviceAttr which) {
    int value = -1;
    CHECK(cudaDeviceGetAttribute(&value, which, 0));
    return value;
}

int main() {
    int count = 0, runtime = 0, driver = 0;
    CHECK(cudaGetDeviceCount(&count));
    CHECK(cudaRuntimeGetVersion(&runtime));
    CHECK(cudaDriverGetVersion(&driver));
    expect(count >= 1, "a device");
    expect(driver / 1000 >= runtime / 1000, "a driver that is new enough");
    cudaDeviceProp p;
    CHECK(cudaGetDeviceProperties(&p, 0));
    expect(strlen(p.name) > 0 && strlen(p.name) < 256, "a name");
    expect(p.major >= 7 && p.major == attribute(cudaDevAttrComputeCapabilityMajor)
               && p.minor == attribute(cudaDevAttrComputeCapabilityMinor), "compute capability");
    expect(p.warpSize == 32 && attribute(cudaDevAttrWarpSize) == 32, "warp size");
    expect(p.maxThreadsPerBlock == 1024 && p.maxThreadsDim[2] == 64 && p.maxGridSize[0] == 2147483647
               && p.maxGridSize[1] == 65535, "limits of blocks and grids");
    expect(p.multiProcessorCount >= 1 && p.multiProcessorCount == attribute(cudaDevAttrMultiProcessorCount)
               && p.maxThreadsPerMultiProcessor >= 1024, "multiprocessors");
    expect(p.sharedMemPerBlock == 49152 && p.sharedMemPerBlockOptin >= p.sharedMemPerBlock
               && p.totalConstMem == 65536 && p.regsPerBlock >= 32768, "memory of a block");
    expect(p.unifiedAddressing == 1, "unified addressing");
    char bus[20];
    CHECK(cudaDeviceGetPCIBusId(bus, sizeof bus, 0));
    char want[20];
    snprintf(want, sizeof want, "%04x:%02x:%02x.0", p.pciDomainID, p.pciBusID, p.pciDeviceID);
    expect(strcasecmp(bus, want) == 0, "PCI address");

    cudaFuncAttributes a;
    CHECK(cudaFuncGetAttributes(&a, kernel));
    expect(a.maxThreadsPerBlock == 256 && a.sharedSizeBytes == 2048 && a.numRegs > 0 && a.ptxVersion >= 75
               && a.ptxVersion <= p.major * 10 + p.minor && a.constSizeBytes == 0, "attributes of a kernel");
    int active = 0, grid = 0, block = 0;
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&active, kernel, 256, 0));
    expect(active >= 1 && active * 256 <= p.maxThreadsPerMultiProcessor, "active blocks");
    CHECK(cudaOccupancyMaxPotentialBlockSize(&grid, &block, kernel, 0, 0));
    expect(block >= 32 && block <= 256 && grid >= p.multiProcessorCount, "best size of a block");
    size_t limit = 0;
    CHECK(cudaDeviceGetLimit(&limit, cudaLimitStackSize));
    CHECK(cudaDeviceSetLimit(cudaLimitStackSize, limit * 2));
    size_t now = 0;
    CHECK(cudaDeviceGetLimit(&now, cudaLimitStackSize));
    expect(limit > 0 && now >= limit * 2, "limits");
    int least = -1, greatest = 1;
    CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    expect(least >= greatest, "priorities of streams");
    return finish();
}
