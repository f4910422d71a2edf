"""PyTorch's memory statistics, and what happens when the memory of the GPU is full."""

from __future__ import annotations

import torch
from report import Report, steady
from torch_setup import prepare

MEBIBYTE = 1 << 20


def statistics(report: Report) -> None:
    torch.cuda.reset_peak_memory_stats()
    parts = [torch.empty(64 * MEBIBYTE, dtype=torch.uint8, device="cuda") for _ in range(3)]
    report.exact("allocated", torch.cuda.memory_allocated())
    del parts[0]
    report.exact("after one is given back", torch.cuda.memory_allocated())
    report.exact("at most", torch.cuda.max_memory_allocated())
    report.exact("blocks", torch.cuda.memory_stats()["allocation.all.current"])
    parts.clear()
    torch.cuda.empty_cache()
    report.exact("reserved when empty", torch.cuda.memory_reserved())


def fill(total: int) -> tuple[float, bool]:
    """The part of the memory that could be had, and whether the end was the right error."""
    size, parts = total // 64, []
    try:
        while len(parts) <= 64:
            parts.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            parts[-1][-1] = 1
    except torch.OutOfMemoryError:
        return len(parts) * size / total, True
    return len(parts) * size / total, False


def main() -> None:
    prepare()
    report = Report()
    free, total = torch.cuda.mem_get_info()
    report.exact("total", total)
    report.exact("total of the properties", torch.cuda.get_device_properties(0).total_memory)
    report.exact("free is less", 0 < free <= total)
    statistics(report)
    part, refused = fill(total)
    report.exact("out of memory", refused)
    report.close("part that could be had", part, "what contexts take differs", atol=0.1)
    torch.cuda.empty_cache()
    after = torch.full((MEBIBYTE,), 3.0, device="cuda")
    report.exact("works afterwards", after.sum().item())

    def step() -> None:
        torch.empty(32 * MEBIBYTE, dtype=torch.uint8, device="cuda")
        torch.cuda.empty_cache()

    report.finish(steady(step, torch.cuda.synchronize))


if __name__ == "__main__":
    main()
