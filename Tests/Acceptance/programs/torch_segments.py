"""PyTorch with expandable segments: memory that is reserved, mapped and unmapped as addresses."""

from __future__ import annotations

import os

os.environ["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"

import torch  # noqa: E402
from report import Report, steady  # noqa: E402
from torch_setup import data, prepare  # noqa: E402

MEBIBYTE = 1 << 20


def main() -> None:
    prepare()
    report = Report()
    report.exact("segments grow", any(s["is_expandable"] for s in grown()))
    first = torch.arange(16 * MEBIBYTE, device="cuda", dtype=torch.int32)
    second = first * 3 + 1
    report.digest("numbers", *data(second))

    def step() -> None:
        torch.empty(64 * MEBIBYTE, dtype=torch.uint8, device="cuda").fill_(1)
        torch.cuda.empty_cache()

    report.finish(steady(step, torch.cuda.synchronize))


def grown() -> list[dict]:
    part = torch.zeros(64 * MEBIBYTE, dtype=torch.uint8, device="cuda")
    segments = torch.cuda.memory_snapshot()
    del part
    return segments


if __name__ == "__main__":
    main()
