// The driver API alone: a module from PTX text and every way of launching its kernels.
#include "driver.h"
#include "driver_kernels.h"

enum { n = 1000 };

static float in[n], out[n];

static CUdeviceptr d_in, d_out;
static CUfunction scale_add, grid_sum, with_shared;

static void check_scaled(const char *what, float factor, float offset) {
    memset(out, 0, sizeof out);
    CHECK(cuMemcpyDtoH(out, d_out, sizeof out));
    int equal = 1;
    for (int i = 0; i < n; i++) equal = equal && out[i] == fmaf(in[i], factor, offset);
    expect(equal, what);
    CHECK(cuMemsetD32(d_out, 0, n));
}

// Of parameters in one buffer only those need be passed that the kernel reads, as NCCL does.
static void fewer_parameters(void) {
    static const char source[] =
        ".version 7.0\n.target sm_50\n.address_size 64\n"
        ".visible .entry keep(.param .align 16 .b8 data[4000]) {\n"
        "    .reg .b64 %rd<3>; .reg .b32 %r<3>;\n"
        "    ld.param.u64 %rd1, [data];\n"
        "    cvta.to.global.u64 %rd2, %rd1;\n"
        "    ld.param.u32 %r1, [data+8];\n"
        "    st.global.u32 [%rd2], %r1;\n"
        "    ret;\n}\n";
    CUmodule module;
    CUfunction keep;
    CHECK(cuModuleLoadData(&module, source));
    CHECK(cuModuleGetFunction(&keep, module, "keep"));
    struct {
        CUdeviceptr out;
        unsigned value;
    } some = {d_out, 4711};
    size_t size = sizeof some;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &some, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                     CU_LAUNCH_PARAM_END};
    CHECK(cuLaunchKernel(keep, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
    unsigned value = 0;
    CHECK(cuMemcpyDtoH(&value, d_out, sizeof value));
    expect(value == 4711, "extra, of a longer parameter");

    CUgraph graph;
    CUgraphNode node;
    CUgraphExec exec;
    CUDA_KERNEL_NODE_PARAMS parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.func = keep;
    parameters.gridDimX = parameters.gridDimY = parameters.gridDimZ = 1;
    parameters.blockDimX = parameters.blockDimY = parameters.blockDimZ = 1;
    parameters.extra = extra;
    some.value = 4712;
    CHECK(cuGraphCreate(&graph, 0));
    CHECK(cuGraphAddKernelNode(&node, graph, NULL, 0, &parameters));
    CHECK(cuGraphInstantiate(&exec, graph, 0));
    CHECK(cuGraphLaunch(exec, NULL));
    CHECK(cuMemcpyDtoH(&value, d_out, sizeof value));
    expect(value == 4712, "the same in a graph");
    CHECK(cuGraphExecDestroy(exec));
    CHECK(cuGraphDestroy(graph));
    CHECK(cuModuleUnload(module));
    CHECK(cuMemsetD32(d_out, 0, n));
}

static void launches(CUmodule module) {
    float factor = 2.5f;
    int count = n;
    void *parameters[] = {&d_out, &d_in, &factor, &count};
    CHECK(cuLaunchKernel(scale_add, 8, 1, 1, 128, 1, 1, 0, NULL, parameters, NULL));
    check_scaled("kernelParams", factor, 1);

    struct {
        CUdeviceptr out, in;
        float factor;
        int count;
    } buffer = {d_out, d_in, -3.0f, n};
    size_t size = sizeof buffer;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &buffer, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                     CU_LAUNCH_PARAM_END};
    CHECK(cuLaunchKernel(scale_add, 8, 1, 1, 128, 1, 1, 0, NULL, NULL, extra));
    check_scaled("extra", -3, 1);
    fewer_parameters();

    CUstream stream;
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CUlaunchConfig config;
    memset(&config, 0, sizeof config);
    config.gridDimX = 8, config.gridDimY = config.gridDimZ = 1;
    config.blockDimX = 128, config.blockDimY = config.blockDimZ = 1;
    config.hStream = stream;
    factor = 0.125f;
    CHECK(cuLaunchKernelEx(&config, scale_add, parameters, NULL));
    CHECK(cuStreamSynchronize(stream));
    check_scaled("cuLaunchKernelEx", factor, 1);

    CUlaunchAttribute attribute;
    memset(&attribute, 0, sizeof attribute);
    attribute.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
    attribute.value.cooperative = 1;
    config.attrs = &attribute;
    config.numAttrs = 1;
    factor = 4;
    CHECK(cuLaunchKernelEx(&config, scale_add, parameters, NULL));
    CHECK(cuStreamSynchronize(stream));
    check_scaled("cuLaunchKernelEx, cooperative", factor, 1);
    CHECK(cuStreamDestroy(stream));

    factor = 7;
    CHECK(cuLaunchCooperativeKernel(scale_add, 8, 1, 1, 128, 1, 1, 0, NULL, parameters));
    check_scaled("cuLaunchCooperativeKernel", factor, 1);

    CUdeviceptr offset, table, limit;
    size_t bytes;
    CHECK(cuModuleGetGlobal(&offset, &bytes, module, "offset"));
    expect(bytes == 4, "size of a variable");
    float value = 0;
    CHECK(cuMemcpyDtoH(&value, offset, 4));
    expect(value == 1, "its first value");
    value = -8;
    CHECK(cuMemcpyHtoD(offset, &value, 4));
    CHECK(cuLaunchKernel(scale_add, 8, 1, 1, 128, 1, 1, 0, NULL, parameters, NULL));
    check_scaled("its value is changed", factor, -8);
    CHECK(cuModuleGetGlobal(&table, NULL, module, "table"));
    CHECK(cuModuleGetGlobal(NULL, &bytes, module, "table"));
    expect(bytes == 64 && table % 8 == 0, "a table");
    int hundred = 0;
    CHECK(cuModuleGetGlobal(&limit, &bytes, module, "limit"));
    CHECK(cuMemcpyDtoH(&hundred, limit, 4));
    expect(hundred == 100 && bytes == 4, "a constant");
    SHOW(cuModuleGetGlobal(&table, &bytes, module, "no_such_variable"));
}

static void shapes(void) {
    CUdeviceptr sum;
    unsigned got = 0;
    CHECK(cuMemAlloc(&sum, 4));
    CHECK(cuMemsetD32(sum, 0, 1));
    void *parameters[] = {&sum};
    CHECK(cuLaunchKernel(grid_sum, 3, 4, 5, 2, 3, 4, 0, NULL, parameters, NULL));
    CHECK(cuLaunchKernel(grid_sum, 70, 1, 1, 33, 1, 1, 0, CU_STREAM_LEGACY, parameters, NULL));
    CHECK(cuLaunchKernel(grid_sum, 1, 1, 1, 1, 1, 64, 0, CU_STREAM_PER_THREAD, parameters, NULL));
    CHECK(cuCtxSynchronize());
    CHECK(cuMemcpyDtoH(&got, sum, 4));
    expect(got == 3 * 4 * 5 * 2 * 3 * 4 + 70 * 33 + 64, "three-dimensional grids and blocks");
    CHECK(cuMemFree(sum));

    void *shared_parameters[] = {&d_out};
    unsigned line[128];
    CHECK(cuLaunchKernel(with_shared, 1, 1, 1, 128, 1, 1, 0, NULL, shared_parameters, NULL));
    CHECK(cuMemcpyDtoH(line, d_out, sizeof line));
    int equal = 1;
    for (unsigned i = 0; i < 128; i++) equal = equal && line[i] == (i ^ 1);
    expect(equal, "shared memory");

    SHOW(cuLaunchKernel(grid_sum, 0, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    SHOW(cuLaunchKernel(grid_sum, 1, 1, 1, 1, 1, 65, 0, NULL, parameters, NULL));
    SHOW(cuLaunchKernel(grid_sum, 1, 1, 1, 2048, 1, 1, 0, NULL, parameters, NULL));
    SHOW(cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    CHECK(cuCtxSynchronize());
}

static void attributes(void) {
    int value = 0, blocks = 0, grid = 0, block = 0;
    CHECK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, with_shared));
    expect(value == 512, "bytes of shared memory");
    CHECK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, with_shared));
    expect(value == 128, "most threads of a block");
    CHECK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, scale_add));
    expect(value > 0 && value < 256, "registers");
    CHECK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_PTX_VERSION, scale_add));
    expect(value == 75, "PTX version");
    SHOW(cuFuncGetAttribute(&value, (CUfunction_attribute)999, scale_add));
    CHECK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, scale_add, 128, 0));
    expect(blocks >= 1, "occupancy");
    size_t room = 0;
    int most = 0;
    CUdevice device;
    CHECK(cuCtxGetDevice(&device));
    CHECK(cuDeviceGetAttribute(&most, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device));
    CHECK(cuOccupancyAvailableDynamicSMemPerBlock(&room, scale_add, 1, 128));
    expect(room > 0 && room <= 48 * 1024, "no more shared memory than a launch may ask for");
    CHECK(cuFuncSetAttribute(scale_add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, most));
    CHECK(cuOccupancyAvailableDynamicSMemPerBlock(&room, scale_add, 1, 128));
    expect(room > 48 * 1024 && room <= (size_t)most, "more when it may ask for more");
    CHECK(cuFuncSetAttribute(scale_add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 48 * 1024));
    CHECK(cuOccupancyMaxPotentialBlockSize(&grid, &block, with_shared, NULL, 0, 0));
    expect(grid >= 1 && block >= 32 && block <= 128, "best size of a block");
    size_t offset = 99, size = 99;
    CHECK(cuFuncGetParamInfo(scale_add, 2, &offset, &size));
    expect(offset == 16 && size == 4, "place of a parameter");
    SHOW(cuFuncGetParamInfo(scale_add, 4, &offset, &size));
}

int main(void) {
    CUdevice device;
    CUmodule module;
    SHOW(cuDeviceGet(&device, 0));
    CHECK(cuInit(0));
    CHECK(cuDeviceGet(&device, 0));
    SHOW(cuModuleLoadData(&module, kernels_ptx));
    CUcontext context = make_context(device);
    CHECK(cuModuleLoadData(&module, kernels_ptx));
    CHECK(cuModuleGetFunction(&scale_add, module, "scale_add"));
    CHECK(cuModuleGetFunction(&grid_sum, module, "grid_sum"));
    CHECK(cuModuleGetFunction(&with_shared, module, "with_shared"));
    CUfunction none;
    SHOW(cuModuleGetFunction(&none, module, "no_such_kernel"));
    for (int i = 0; i < n; i++) in[i] = (float)(i * 37 % 101) / 8;
    CHECK(cuMemAlloc(&d_in, sizeof in));
    CHECK(cuMemAlloc(&d_out, sizeof out));
    CHECK(cuMemcpyHtoD(d_in, in, sizeof in));
    launches(module);
    shapes();
    attributes();
    CHECK(cuMemFree(d_in));
    CHECK(cuMemFree(d_out));
    CHECK(cuModuleUnload(module));
    CHECK(cuCtxDestroy(context));
    return finish();
}
