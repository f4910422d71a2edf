"""PyTorch tensors: making, random numbers, arithmetic, indexing, sorting, reductions."""

from __future__ import annotations

import torch
from report import Report, steady
from torch_setup import DEVICE, data, prepare, wait


def main() -> None:
    prepare()
    report = Report()
    a = torch.randn(1024, 1024, device=DEVICE)
    b = torch.rand(1024, 1024, device=DEVICE)
    i = torch.randint(-1000, 1000, (100_000,), device=DEVICE)
    report.digest("random numbers", *data(a, b, i, torch.randperm(5000, device=DEVICE)))
    report.digest("arithmetic", *data(a * b + 2, a / (b + 1), torch.exp(-a * a), a.tanh(), i // 7 % 5))
    report.digest("comparison", *data(a > b, torch.where(a > 0, a, b), i.clamp(-10, 10)))
    report.digest("broadcasting", *data(a + b[0], a * b[:, :1], torch.outer(a[0], b[0])))
    report.digest("conversion", *data(a.half(), a.bfloat16(), a.double(), a.to(torch.int8), i.float()))
    report.digest("shapes", *data(a.T.contiguous(), torch.cat([a, b], 1), a.reshape(256, -1)[3:9, ::7]))
    report.digest("indexing", *data(a[i[:100].abs()], i[i % 3 == 0], a.gather(1, i[:1024].abs()[:, None])))
    report.digest("sorting", *data(*i.sort(stable=True), *a.topk(5), i.unique()))
    report.digest("reductions", *data(a.sum(), a.sum(0), a.mean(1), a.std(), i.sum(), a.amax(1), a.argmin()))
    report.digest("scans", *data(i.cumsum(0), a.cummax(1).values))
    filled = torch.zeros(10, 1000, device=DEVICE)
    filled[2:5] = 3
    filled.add_(1).mul_(2)
    report.digest("in place", *data(filled))
    report.exact("numbers on the host", [i.sum().item(), int((a > 0).sum()), bool((b < 1).all())])

    def step() -> torch.Tensor:
        return torch.exp(-(a * a)).add_(b).mul_(0.5).tanh_().sum()

    report.finish(steady(step, wait, repeats=50))


if __name__ == "__main__":
    main()
