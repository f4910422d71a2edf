"""PyTorch matrix products by cuBLAS: fp32, bf16, in batches, with bias."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from report import Report, steady
from torch_setup import DEVICE, data, prepare, wait

SIZE = 2048


def main() -> None:
    prepare()
    report = Report()
    a, b = (torch.randn(SIZE, SIZE, device=DEVICE) for _ in range(2))
    product = a @ b
    report.digest("fp32", *data(product))
    want = a[:4].double().cpu() @ b.double().cpu()
    report.exact("fp32 is near fp64 of the processor",
                 torch.allclose(product[:4].double().cpu(), want, rtol=1e-4, atol=1e-2))
    half_a, half_b = a.bfloat16(), b.bfloat16()
    report.digest("bf16", *data(half_a @ half_b))
    report.digest("fp16", *data(a.half() @ b.half()))
    report.digest("transposed", *data(half_a.T @ half_b, a @ b.T))
    report.digest("vector", *data(a @ b[0]))
    report.digest("in batches", *data(torch.bmm(a.view(8, 256, SIZE), b.view(8, SIZE, 256))))
    report.digest("with bias", *data(functional.linear(half_a, half_b, half_b[0])))
    report.digest("double", *data(a[:512, :512].double() @ b[:512, :512].double()))

    fp32 = steady(lambda: a @ b, wait)
    bf16 = steady(lambda: half_a @ half_b, wait, repeats=50)
    operations = 2 * SIZE**3
    report.measure("fp32", operations / fp32 / 1e12, "TFLOP/s")
    report.measure("bf16", operations / bf16 / 1e12, "TFLOP/s")
    report.finish(bf16)


if __name__ == "__main__":
    main()
