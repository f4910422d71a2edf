"""NVIDIA's Warp: kernels, gradients, captured graphs with a loop in them, streams, sorting, meshes, tiles, volumes."""

import numpy as np
import warp as wp

wp.config.quiet = True
wp.init()
COUNT = 4096


@wp.kernel
def scale(x: wp.array(dtype=float), y: wp.array(dtype=float), a: float):
    i = wp.tid()
    y[i] = a * x[i] + y[i]


@wp.kernel
def energy(p: wp.array(dtype=wp.vec3), total: wp.array(dtype=float)):
    i = wp.tid()
    wp.atomic_add(total, 0, wp.dot(p[i], p[i]))


@wp.kernel
def nearest(mesh: wp.uint64, out: wp.array(dtype=float)):
    i = wp.tid()
    found = wp.mesh_query_point(mesh, wp.vec3(float(i) * 0.03, 0.5, 2.0), 10.0)
    out[i] = -1.0
    if found.result:
        out[i] = float(found.face)


@wp.kernel
def count_down(left: wp.array(dtype=int)):
    left[0] = left[0] - 1


@wp.kernel
def product(a: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    tile = wp.tile_load(a, shape=(16, 16), offset=(0, 0))
    total = wp.tile_zeros(shape=(16, 16), dtype=float)
    wp.tile_matmul(tile, tile, total)
    wp.tile_store(out, total, offset=(0, 0))


def gradients():
    points = wp.array(np.arange(300, dtype=np.float32).reshape(100, 3), dtype=wp.vec3, requires_grad=True)
    total = wp.zeros(1, dtype=float, requires_grad=True)
    with wp.Tape() as tape:
        wp.launch(energy, dim=100, inputs=[points, total])
    tape.backward(total)
    print("gradient", points.grad.numpy()[:2].tolist())


def graphs(x, y):
    with wp.ScopedCapture() as capture:
        for _ in range(10):
            wp.launch(scale, dim=COUNT, inputs=[x, y, 0.5])
    for _ in range(3):
        wp.capture_launch(capture.graph)
    print("graph", y.numpy()[:4].tolist())
    left = wp.array([5], dtype=int)
    with wp.ScopedCapture() as capture:
        wp.capture_while(left, lambda: wp.launch(count_down, dim=1, inputs=[left]))
    wp.capture_launch(capture.graph)
    print("loop", left.numpy().tolist())


def streams(x, y):
    stream = wp.Stream()
    first, second = wp.Event(enable_timing=True), wp.Event(enable_timing=True)
    with wp.ScopedStream(stream):
        wp.record_event(first)
        wp.launch(scale, dim=COUNT, inputs=[x, y, 1.0])
        wp.record_event(second)
    wp.synchronize()
    print("time", wp.get_event_elapsed_time(first, second) >= 0)


def utilities(y):
    keys = wp.array(np.random.default_rng(0).integers(0, 1000, 2 * COUNT).astype(np.int32))
    values = wp.array(np.arange(2 * COUNT, dtype=np.int32))
    wp.utils.radix_sort_pairs(keys, values, COUNT)
    print("sorted", bool((np.diff(keys.numpy()[:COUNT]) >= 0).all()), values.numpy()[:4].tolist())
    sums = wp.zeros(COUNT, dtype=int)
    wp.utils.array_scan(wp.array(np.ones(COUNT, dtype=np.int32)), sums, inclusive=True)
    print("sums", sums.numpy()[-2:].tolist(), wp.utils.array_sum(y))


def geometry():
    points = wp.array(np.random.default_rng(1).random((999, 3)).astype(np.float32), dtype=wp.vec3)
    grid = wp.HashGrid(16, 16, 16)
    grid.build(points, 0.1)
    mesh = wp.Mesh(points=points, indices=wp.array(np.arange(999, dtype=np.int32)))
    out = wp.zeros(32, dtype=float)
    wp.launch(nearest, dim=32, inputs=[mesh.id, out])
    print("nearest", out.numpy().tolist())
    volume = wp.Volume.allocate(min=[0, 0, 0], max=[15, 15, 15], voxel_size=0.1, bg_value=1.5)
    print("volume", volume.get_grid_info().size_in_bytes)


def tiles():
    a = np.arange(256, dtype=np.float32).reshape(16, 16) / 256
    out = wp.zeros((16, 16), dtype=float)
    wp.launch_tiled(product, dim=(1, 1), inputs=[wp.array(a), out], block_dim=32)
    print("tile", bool(np.abs(out.numpy() - a @ a).max() < 1e-3))


with wp.ScopedDevice("cuda:0"):
    x = wp.array(np.arange(COUNT, dtype=np.float32))
    y = wp.ones(COUNT, dtype=float)
    wp.launch(scale, dim=COUNT, inputs=[x, y, 2.0])
    print("scaled", y.numpy()[:4].tolist())
    gradients()
    graphs(x, y)
    streams(x, y)
    utilities(y)
    geometry()
    tiles()
    pinned = wp.zeros(COUNT, dtype=float, device="cpu", pinned=True)
    wp.copy(pinned, y)
    wp.synchronize()
    print("pinned", pinned.numpy()[:2].tolist())
