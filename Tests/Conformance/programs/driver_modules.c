// Loading, linking and unloading of code by the driver API: options and logs of the compiler, libraries,
// the linker, and images that are no code at all.
#include "driver.h"
#include "driver_kernels.h"

static void logs(void) {
    static const char wrong[] =
        ".version 7.0\n.target sm_75\n.address_size 64\n"
        ".visible .entry k()\n{\n  .reg .b32 %r<2>;\n  add.nonsense %r1, %r1, %r1;\n  ret;\n}\n";
    char errors[4096] = "", info[4096] = "";
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, CU_JIT_INFO_LOG_BUFFER,
                              CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, CU_JIT_LOG_VERBOSE};
    void *values[] = {errors, (void *)sizeof errors, info, (void *)sizeof info, (void *)1};
    CUmodule module;
    SHOW(cuModuleLoadDataEx(&module, wrong, 5, options, values));
    expect(strlen(errors) > 0 && strlen(errors) < sizeof errors, "log of errors");
    expect((size_t)values[1] > 0 && (size_t)values[1] <= sizeof errors, "its size");

    // A log that is too small is cut, not overrun.
    char few[16];
    memset(few, 'x', sizeof few);
    CUjit_option few_options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *few_values[] = {few, (void *)8};
    SHOW(cuModuleLoadDataEx(&module, wrong, 2, few_options, few_values));
    expect(few[8] == 'x' && few[15] == 'x', "a small log is not overrun");

    CHECK(cuModuleLoadDataEx(&module, kernels_ptx, 5, options, values));
    CHECK(cuModuleUnload(module));
}

static void bad_images(void) {
    CUmodule module;
    static const char elf[64] = "\177ELF";
    SHOW(cuModuleLoadData(&module, ""));
    SHOW(cuModuleLoadData(&module, "this is no PTX"));
    SHOW(cuModuleLoadData(&module, ".version 99.9\n.target sm_75\n.address_size 64\n"));
    SHOW(cuModuleLoadData(&module, ".version 7.0\n.target sm_75\n.address_size 64\n.visible .entry k() {"));
    SHOW(cuModuleLoadData(&module, NULL));
    SHOW(cuModuleLoad(&module, "/nonexistent/file.cubin"));
    CUresult result = cuModuleLoadData(&module, ".version 7.0\n.target sm_9999\n.address_size 64\n");
    expect(result == CUDA_ERROR_INVALID_PTX || result == CUDA_ERROR_NO_BINARY_FOR_GPU, "a GPU that there is not");
    result = cuModuleLoadData(&module, elf);
    expect(result == CUDA_ERROR_INVALID_IMAGE || result == CUDA_ERROR_NO_BINARY_FOR_GPU, "an empty ELF file");
}

static void libraries(void) {
    CUlibrary library;
    CUkernel kernel, kernels[3];
    CUfunction function;
    CUdeviceptr address = 0, out;
    size_t bytes = 0;
    unsigned count = 0;
    const char *name = NULL;
    CHECK(cuLibraryLoadData(&library, kernels_ptx, NULL, NULL, 0, NULL, NULL, 0));
    CHECK(cuLibraryGetKernel(&kernel, library, "grid_sum"));
    CHECK(cuLibraryGetKernelCount(&count, library));
    expect(count == 3, "kernels of a library");
    CHECK(cuLibraryEnumerateKernels(kernels, 3, library));
    CHECK(cuKernelGetName(&name, kernel));
    expect(strcmp(name, "grid_sum") == 0, "name of a kernel");
    CHECK(cuKernelGetFunction(&function, kernel));
    CHECK(cuLibraryGetGlobal(&address, &bytes, library, "table"));
    expect(bytes == 64 && address != 0, "variable of a library");
    SHOW(cuLibraryGetKernel(&kernel, library, "no_such_kernel"));
    CHECK(cuLibraryGetKernel(&kernel, library, "grid_sum"));
    CHECK(cuMemAlloc(&out, 4));
    CHECK(cuMemsetD32(out, 0, 1));
    void *parameters[] = {&out};
    // A CUkernel goes where a CUfunction is expected.
    CHECK(cuLaunchKernel((CUfunction)kernel, 2, 1, 1, 32, 1, 1, 0, NULL, parameters, NULL));
    CHECK(cuLaunchKernel(function, 2, 1, 1, 32, 1, 1, 0, NULL, parameters, NULL));
    unsigned sum = 0;
    CHECK(cuMemcpyDtoH(&sum, out, 4));
    expect(sum == 128, "kernel of a library, by both handles");
    CHECK(cuMemFree(out));
    CHECK(cuLibraryUnload(library));
}

static void linker(void) {
    CUlinkState state;
    CUmodule module;
    CUfunction calls;
    CUdeviceptr out;
    void *image = NULL;
    size_t size = 0;
    CHECK(cuLinkCreate(0, NULL, NULL, &state));
    CHECK(cuLinkAddData(state, CU_JIT_INPUT_PTX, (void *)caller_ptx, sizeof caller_ptx, "caller", 0, NULL, NULL));
    CHECK(cuLinkAddData(state, CU_JIT_INPUT_PTX, (void *)callee_ptx, strlen(callee_ptx), "callee", 0, NULL, NULL));
    CHECK(cuLinkComplete(state, &image, &size));
    expect(image != NULL && size > 0, "linked image");
    CHECK(cuModuleLoadData(&module, image));
    CHECK(cuLinkDestroy(state));
    CHECK(cuModuleGetFunction(&calls, module, "calls"));
    CHECK(cuMemAlloc(&out, 32 * 4));
    void *parameters[] = {&out};
    CHECK(cuLaunchKernel(calls, 1, 1, 1, 32, 1, 1, 0, NULL, parameters, NULL));
    unsigned line[32];
    CHECK(cuMemcpyDtoH(line, out, sizeof line));
    int equal = 1;
    for (unsigned i = 0; i < 32; i++) equal = equal && line[i] == 2 * i;
    expect(equal, "a function of another file");
    CHECK(cuMemFree(out));
    CHECK(cuModuleUnload(module));

    CHECK(cuLinkCreate(0, NULL, NULL, &state));
    CHECK(cuLinkAddData(state, CU_JIT_INPUT_PTX, (void *)caller_ptx, sizeof caller_ptx, "caller", 0, NULL, NULL));
    expect(cuLinkComplete(state, &image, &size) != CUDA_SUCCESS, "a function that nobody defines is refused");
    CHECK(cuLinkDestroy(state));
}

int main(void) {
    CUdevice device;
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    CUcontext context;
    CHECK(cuDevicePrimaryCtxRetain(&context, device));
    CHECK(cuCtxSetCurrent(context));
    logs();
    bad_images();
    libraries();
    linker();
    CHECK(cuDevicePrimaryCtxRelease(device));
    return finish();
}
