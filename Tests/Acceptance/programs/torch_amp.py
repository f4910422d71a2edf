"""Automatic mixed precision in PyTorch: fp16 with a gradient scaler, and bf16."""

from __future__ import annotations

import torch
from report import Report, steady
from torch import nn
from torch_setup import DEVICE, data, gradients, prepare, wait


def main() -> None:
    prepare()
    report = Report()
    inputs = torch.randn(64, 3, 32, 32, device=DEVICE)
    labels = torch.randint(0, 10, (64,), device=DEVICE)
    for kind in (torch.float16, torch.bfloat16):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Conv2d(3, 64, 3, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 3, 2, 1), nn.ReLU(),
                              nn.Flatten(), nn.Linear(128 * 64, 10)).to(DEVICE)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        scaler = torch.amp.GradScaler(DEVICE.type, enabled=kind == torch.float16)

        def step() -> torch.Tensor:
            optimizer.zero_grad()
            with torch.amp.autocast(DEVICE.type, dtype=kind):
                loss = nn.functional.cross_entropy(model(inputs), labels)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            return loss

        losses = [step().item() for _ in range(5)]
        name = str(kind).removeprefix("torch.")
        report.exact(f"{name}: losses", losses)
        report.exact(f"{name}: scale", scaler.get_scale())
        report.digest(f"{name}: gradients", *data(*gradients(model)))
        report.exact(f"{name}: type of a product", str(product(kind).dtype))
    report.finish(steady(step, wait, repeats=20))


def product(kind: torch.dtype) -> torch.Tensor:
    with torch.amp.autocast(DEVICE.type, dtype=kind):
        return torch.ones(8, 8, device=DEVICE) @ torch.ones(8, 8, device=DEVICE)


if __name__ == "__main__":
    main()
