"""Streams, events, pinned memory, the memory pool and the device, as CuPy shows them."""

import sys

import cupy as cp
import cupyx
import numpy as np

failures = 0


def expect(what, holds):
    global failures
    print(f"{what}: {'ok' if holds else 'WRONG'}")
    failures += not holds


def main():
    host = np.arange(20000, dtype=np.float64)
    streams = [cp.cuda.Stream(non_blocking=True) for _ in range(3)]
    results = []
    for number, stream in enumerate(streams):
        with stream:
            device = cp.asarray(host)
            results.append(device * (number + 1) + 1)
    for stream in streams:
        stream.synchronize()
    expect("three streams", all(
        np.array_equal(cp.asnumpy(result), host * (number + 1) + 1)
        for number, result in enumerate(results)))

    pinned = cupyx.empty_pinned(20000, dtype=np.float64)
    with streams[0] as stream:
        results[0].get(stream=stream, out=pinned, blocking=False)
        stream.synchronize()
    expect("asynchronous copy to pinned memory", np.array_equal(pinned, host + 1))

    begin, end = cp.cuda.Event(), cp.cuda.Event()
    begin.record()
    work = cp.arange(10000)
    for _ in range(5):
        work = work * 3 % 1000003
    end.record()
    end.synchronize()
    elapsed = cp.cuda.get_elapsed_time(begin, end)
    expect("time between events", 0 < elapsed < 60000)
    expect("event is done", end.done and streams[0].done)

    first, second = streams[:2]
    with first:
        a = cp.full(5000, 2.0)
        ready = first.record()
    second.wait_event(ready)
    with second:
        b = a * 21
    second.synchronize()
    expect("a stream waits for an event", bool((b == 42).all()))

    pool = cp.get_default_memory_pool()
    before = pool.used_bytes()
    block = cp.empty(1 << 20, dtype=cp.uint8)
    during = pool.used_bytes()
    del block
    expect("memory pool", during - before == 1 << 20 and pool.used_bytes() == before
           and pool.total_bytes() >= during)
    free, total = cp.cuda.Device().mem_info
    pool.free_all_blocks()
    free_after, total_after = cp.cuda.Device().mem_info
    expect("memory of the device", 0 < free <= free_after <= total == total_after)

    device = cp.cuda.Device(0)
    properties = cp.cuda.runtime.getDeviceProperties(0)
    expect("properties", properties["totalGlobalMem"] == total and properties["warpSize"] == 32
           and device.compute_capability == f"{properties['major']}{properties['minor']}")
    try:
        cp.empty(1 << 50, dtype=cp.uint8)
    except cp.cuda.memory.OutOfMemoryError as error:
        print("too much memory:", type(error).__name__)
    copy = cp.asnumpy(cp.arange(10)[::-1])
    expect("asnumpy", isinstance(copy, np.ndarray) and copy.tolist() == list(range(9, -1, -1)))
    print("passed" if failures == 0 else "failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
