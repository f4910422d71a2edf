"""A softmax of rows fused into one kernel by Triton."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from report import Report, steady
from torch_setup import DEVICE, data, prepare, wait


@triton.jit
def softmax_kernel(out, rows, out_stride, row_stride, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    places = tl.arange(0, BLOCK)
    inside = places < columns
    values = tl.load(rows + row * row_stride + places, mask=inside, other=-float("inf"))
    powers = tl.exp(values - tl.max(values, axis=0))
    tl.store(out + row * out_stride + places, powers / tl.sum(powers, axis=0), mask=inside)


def softmax(rows: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(rows)
    block = triton.next_power_of_2(rows.shape[1])
    softmax_kernel[(rows.shape[0],)](out, rows, out.stride(0), rows.stride(0), rows.shape[1], BLOCK=block,
                                     num_warps=8)
    return out


def main() -> None:
    prepare()
    report = Report()
    for height, width in ((1, 1), (37, 781), (512, 1024)):
        rows = torch.randn(height, width, device=DEVICE)
        got = softmax(rows)
        name = f"{height} x {width}"
        report.exact(f"{name}: as PyTorch's", torch.allclose(got, torch.softmax(rows, 1), atol=1e-6))
        report.digest(name, *data(got))
    large = torch.randn(4096, 1024, device=DEVICE)
    report.finish(steady(lambda: softmax(large), wait, repeats=50 if DEVICE.type == "cuda" else 1))


if __name__ == "__main__":
    main()
