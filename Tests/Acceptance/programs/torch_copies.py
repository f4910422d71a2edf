"""Copies between host and GPU in both directions: pinned and pageable memory, small and large."""

from __future__ import annotations

import time

import torch
from report import Report
from torch_setup import data, prepare

LARGE = 128 << 20


def timed(action) -> float:
    """The best of three."""
    best = float("inf")
    for _ in range(3):
        torch.cuda.synchronize()
        started = time.perf_counter()
        action()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return best


def main() -> None:
    prepare()
    report = Report()
    for size in (1, 1000, 4096, 65_537, 3_000_001):
        source = torch.arange(size, dtype=torch.int32).to(torch.uint8).pin_memory()
        there = source.to("cuda", non_blocking=True)
        back = torch.empty(size, dtype=torch.uint8, pin_memory=True)
        back.copy_(there.add_(1), non_blocking=True)
        torch.cuda.synchronize()
        report.exact(f"{size} bytes", torch.equal(back, source + 1))
    pageable = torch.randint(0, 256, (LARGE,), dtype=torch.uint8)
    pinned = pageable.pin_memory()
    report.exact("pinned", [pinned.is_pinned(), pageable.is_pinned()])
    there = pageable.to("cuda")
    report.digest("through the GPU", *data(there))
    report.exact("strided", torch.equal(there[::1021].cpu(), pageable[::1021]))
    seconds = 0.0
    for name, host in (("pinned", pinned), ("pageable", pageable)):
        to = timed(lambda: there.copy_(host, non_blocking=True))
        back = timed(lambda: host.copy_(there, non_blocking=True))
        report.measure(f"{name}, host to GPU", LARGE / to / 1e9, "GB/s")
        report.measure(f"{name}, GPU to host", LARGE / back / 1e9, "GB/s")
        seconds += to + back
    report.finish(seconds)


if __name__ == "__main__":
    main()
