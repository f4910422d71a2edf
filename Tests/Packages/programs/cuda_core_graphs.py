"""NVIDIA's cuda.core: compiled kernels, memory of pools, graphs with loops and branches, virtual memory."""

import warnings

import numpy as np
from cuda.core import (
    Device, DeviceMemoryResource, DeviceMemoryResourceOptions, EventOptions, LaunchConfig, LegacyPinnedMemoryResource,
    Program, ProgramOptions, VirtualMemoryResource, launch)

warnings.simplefilter("ignore")
SOURCE = """
extern "C" __device__ __cudart_builtin__ void CUDARTAPI
cudaGraphSetConditional(cudaGraphConditionalHandle handle, unsigned int value);
extern "C" __global__ void add(int *a) { atomicAdd(a, 1); }
extern "C" __global__ void below(int *a, cudaGraphConditionalHandle handle, int n) {
    cudaGraphSetConditional(handle, *a < n);
}
template <typename T> __global__ void sum(const T *a, const T *b, T *c, size_t n) {
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < n) c[i] = a[i] + b[i];
}
"""
device = Device()
device.set_current()
stream = device.create_stream()
program = Program(SOURCE, code_type="c++", options=ProgramOptions(std="c++17", arch=f"sm_{device.arch}"))
module = program.compile("ptx", name_expressions=("sum<float>", "add", "below"))
add, below, total = (module.get_kernel(name) for name in ("add", "below", "sum<float>"))
pinned = LegacyPinnedMemoryResource()
one = LaunchConfig(grid=1, block=1)


def sums():
    count = 1000
    host = pinned.allocate(4 * count, stream=stream)
    values = np.from_dlpack(host).view(np.float32)
    values[:] = np.arange(count)
    a, b = device.allocate(4 * count, stream=stream), device.allocate(4 * count, stream=stream)
    host.copy_to(a, stream=stream)
    first = stream.record(options=EventOptions(timing_enabled=True))
    launch(stream, LaunchConfig(grid=8, block=128), total, a, a, b, np.uint64(count))
    second = stream.record(options=EventOptions(timing_enabled=True))
    b.copy_to(host, stream=stream)
    stream.sync()
    print(values[:4].tolist(), second - first >= 0)


def loops():
    counter = pinned.allocate(4, stream=stream)
    value = np.from_dlpack(counter).view(np.int32)
    value[0] = 0
    builder = device.create_graph_builder().begin_building()
    condition = builder.create_condition(default_value=1)
    body = builder.while_loop(condition).begin_building()
    launch(body, one, add, counter.handle)
    launch(body, one, below, counter.handle, condition, np.int32(7))
    body.end_building()
    graph = builder.end_building().complete()
    graph.launch(stream)
    stream.sync()
    print("loop", value.tolist())
    builder = device.create_graph_builder().begin_building()
    condition = builder.create_condition()
    launch(builder, one, below, counter.handle, condition, np.int32(9))
    yes, no = builder.if_else(condition)
    yes.begin_building()
    launch(yes, one, add, counter.handle)
    yes.end_building()
    no.begin_building()
    for _ in range(10):
        launch(no, one, add, counter.handle)
    no.end_building()
    graph = builder.end_building().complete()
    for _ in range(3):
        graph.launch(stream)
    stream.sync()
    print("branches", value.tolist())


def memory():
    resource = VirtualMemoryResource(device)
    print("virtual", resource.allocate(4 << 20).size)
    pool = DeviceMemoryResource(device, DeviceMemoryResourceOptions(max_size=1 << 22))
    buffer = pool.allocate(1024, stream=stream)
    buffer.close(stream=stream)
    stream.sync()
    print("pool", pool.attributes.used_mem_current)


sums()
loops()
memory()
