"""PyTorch convolutions by cuDNN, forwards and backwards."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from report import Report, steady
from torch_setup import DEVICE, data, prepare, wait


def main() -> None:
    prepare()
    report = Report()
    images = torch.randn(16, 64, 56, 56, device=DEVICE, requires_grad=True)
    weights = torch.randn(128, 64, 3, 3, device=DEVICE, requires_grad=True)
    bias = torch.randn(128, device=DEVICE)
    # cuDNN is asked for algorithms that give the same bits on every run.
    out = functional.conv2d(images, weights, bias, stride=2, padding=1)
    report.digest("fp32 forwards", *data(out))
    (out * out).mean().backward()
    report.digest("fp32 backwards", *data(images.grad, weights.grad))
    last = functional.conv2d(images.half().contiguous(memory_format=torch.channels_last),
                             weights.half().contiguous(memory_format=torch.channels_last), padding=1)
    report.digest("fp16, channels last", *data(last))
    groups = functional.conv2d(images, torch.ones(64, 1, 3, 3, device=DEVICE), groups=64, padding=1)
    report.digest("depthwise", *data(groups))
    report.digest("transposed", *data(functional.conv_transpose2d(out.detach(), weights.detach(), stride=2)))
    line = functional.conv1d(images[:, :, 0].detach(), weights[:, :, 0].detach(), dilation=2)
    report.digest("one dimension, dilated", *data(line))
    norm = torch.nn.BatchNorm2d(128).to(DEVICE)
    report.digest("batch norm", *data(norm(out.detach()), norm.running_var))

    still, fixed = images.detach(), weights.detach()
    report.finish(steady(lambda: functional.conv2d(still, fixed, bias, padding=1), wait, repeats=20))


if __name__ == "__main__":
    main()
