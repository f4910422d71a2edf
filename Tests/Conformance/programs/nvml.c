// NVML beside CUDA: before cuInit, in threads and in children, and both tell the same of a GPU.
#define _GNU_SOURCE
#include "driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void *device_t;
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char address[32]; } pci_t;

static int (*start)(void), (*stop)(void), (*count)(unsigned *), (*by_index)(unsigned, device_t *);
static int (*by_uuid)(const char *, device_t *), (*by_address)(const char *, device_t *);
static int (*get_index)(device_t, unsigned *), (*get_name)(device_t, char *, unsigned);
static int (*get_uuid)(device_t, char *, unsigned), (*get_pci)(device_t, pci_t *);
static int (*get_memory)(device_t, memory_t *), (*get_capability)(device_t, int *, int *);
static int (*driver_version)(char *, unsigned), (*cuda_version)(int *);
static int (*get_temperature)(device_t, int, unsigned *);

static void *library;

static void *find(const char *name) {
    void *function = dlsym(library, name);
    if (!function) {
        printf("no %s\n", name);
        exit(1);
    }
    return function;
}

static void find_all(void) {
    library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
    if (!library) {
        printf("%s\n", dlerror());
        exit(1);
    }
    start = find("nvmlInit_v2");
    stop = find("nvmlShutdown");
    count = find("nvmlDeviceGetCount_v2");
    by_index = find("nvmlDeviceGetHandleByIndex_v2");
    by_uuid = find("nvmlDeviceGetHandleByUUID");
    by_address = find("nvmlDeviceGetHandleByPciBusId_v2");
    get_index = find("nvmlDeviceGetIndex");
    get_name = find("nvmlDeviceGetName");
    get_uuid = find("nvmlDeviceGetUUID");
    get_pci = find("nvmlDeviceGetPciInfo_v3");
    get_memory = find("nvmlDeviceGetMemoryInfo");
    get_capability = find("nvmlDeviceGetCudaComputeCapability");
    driver_version = find("nvmlSystemGetDriverVersion");
    cuda_version = find("nvmlSystemGetCudaDriverVersion_v2");
    get_temperature = find("nvmlDeviceGetTemperature");
}

static void *start_and_count(void *unused) {
    unsigned gpus = 0;
    return (void *)(long)(start() == 0 && count(&gpus) == 0 && gpus > 0);
}

/// CUDA in a child of a process that has used NVML only.
static int use_cuda(void) {
    CUdevice device;
    CUdeviceptr p;
    unsigned value = 0;
    alarm(60);
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    make_context(device);
    CHECK(cuMemAlloc(&p, 4));
    CHECK(cuMemsetD32(p, 77, 1));
    CHECK(cuMemcpyDtoH(&value, p, 4));
    return value == 77 && start() == 0 && count(&value) == 0 ? 0 : 1;
}

/// The GPU that CUDA numbers so, in NVML, which numbers all there are.
static device_t same_gpu(CUdevice device) {
    char address[32];
    device_t found = NULL;
    CHECK(cuDeviceGetPCIBusId(address, sizeof address, device));
    expect(by_address(address, &found) == 0, "found by its address");
    return found;
}

static void compare(CUdevice device, device_t gpu) {
    char name[256], other[256], uuid[96], written[96];
    unsigned char bytes[16];
    int major, minor, cuda_major, cuda_minor;
    unsigned index;
    size_t total;
    memory_t memory;
    pci_t pci;
    device_t again = NULL;
    CHECK(cuDeviceGetName(name, sizeof name, device));
    expect(get_name(gpu, other, sizeof other) == 0 && strcmp(name, other) == 0, "name");
    CHECK(cuDeviceGetUuid((CUuuid *)bytes, device));
    int length = sprintf(written, "GPU-");
    for (int i = 0; i < 16; i++)
        length += sprintf(written + length, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    expect(get_uuid(gpu, uuid, sizeof uuid) == 0 && strcmp(uuid, written) == 0, "UUID");
    expect(by_uuid(uuid, &again) == 0 && again == gpu, "found by its UUID");
    expect(get_index(gpu, &index) == 0 && by_index(index, &again) == 0 && again == gpu, "found by its number");
    expect(get_pci(gpu, &pci) == 0, "PCI");
    char address[32], want[32];
    CHECK(cuDeviceGetPCIBusId(address, sizeof address, device));
    sprintf(want, "%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
    expect(strcasecmp(want, address) == 0 && strcasecmp(pci.legacy, address) == 0
               && strcasecmp(pci.address + 4, address) == 0, "address");
    CHECK(cuDeviceGetAttribute(&cuda_major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device));
    CHECK(cuDeviceGetAttribute(&cuda_minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device));
    expect(get_capability(gpu, &major, &minor) == 0 && major == cuda_major && minor == cuda_minor, "capability");
    // NVML counts what the driver keeps for itself, too.
    CHECK(cuDeviceTotalMem(&total, device));
    expect(get_memory(gpu, &memory) == 0 && memory.total >= total && memory.total - total <= total / 8, "memory");
    expect(memory.free + memory.used == memory.total, "free and used are all of it");
}

/// For the check of slices, which knows their sizes.
static int print_memory(void) {
    device_t gpu;
    memory_t memory;
    CUdevice device;
    CUdeviceptr p;
    expect(start() == 0 && by_index(0, &gpu) == 0 && get_memory(gpu, &memory) == 0, "before cuInit");
    printf("NVML: %llu MiB, used %llu MiB\n", memory.total >> 20, memory.used >> 20);
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    make_context(device);
    CHECK(cuMemAlloc(&p, 64 << 20));
    expect(get_memory(gpu, &memory) == 0, "after an allocation");
    printf("NVML: %llu MiB, used %llu MiB\n", memory.total >> 20, memory.used >> 20);
    return finish();
}

int main(int argc, char **argv) {
    unsigned gpus = 0, temperature;
    int version = 0, cuda = 0, status = 0, result;
    char text[96];
    device_t gpu;
    find_all();
    if (argc > 1) return print_memory();
    expect(count(&gpus) == 1, "not started");
    pthread_t threads[4];
    for (int t = 0; t < 4; t++) pthread_create(&threads[t], NULL, start_and_count, NULL);
    for (int t = 0; t < 4; t++) {
        void *is_right = NULL;
        pthread_join(threads[t], &is_right);
        expect(is_right != NULL, "started in a thread");
    }
    expect(driver_version(text, sizeof text) == 0 && text[0] >= '1' && text[0] <= '9', "version of the driver");
    expect(driver_version(text, 2) == 7, "no room for it");
    expect(by_index(9999, &gpu) == 2, "a number that no GPU has");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(use_cuda());
    waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "CUDA in a child");
    CHECK(cuInit(0));
    CHECK(cuDriverGetVersion(&cuda));
    expect(cuda_version(&version) == 0 && version == cuda, "version of CUDA");
    int devices = 0;
    CHECK(cuDeviceGetCount(&devices));
    expect(count(&gpus) == 0 && (int)gpus >= devices, "as many GPUs");
    for (CUdevice device = 0; device < devices; device++) compare(device, same_gpu(device));
    expect(by_index(0, &gpu) == 0, "the first");
    result = get_temperature(gpu, 0, &temperature);
    expect(result == 3 || (result == 0 && temperature > 0 && temperature < 200), "no temperature, or one that can be");
    for (int t = 0; t < 4; t++) expect(stop() == 0, "stopped");
    expect(stop() == 1 && count(&gpus) == 1, "not started any more");
    return finish();
}
