"""A training step of a network like ResNet-50, weights at random, fp32."""

from __future__ import annotations

import torch
from report import Report, steady
from torch import nn
from torch_setup import DEVICE, data, prepare, wait

BATCH = 16


class Bottleneck(nn.Module):
    def __init__(self, inside: int, width: int, stride: int):
        super().__init__()
        out = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(inside, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
        self.shortcut = nn.Identity() if inside == out and stride == 1 else nn.Sequential(
            nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet50(classes: int) -> nn.Module:
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1)]
    inside = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(count):
            layers.append(Bottleneck(inside, width, stride if number == 0 else 1))
            inside = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, classes))


def main() -> None:
    prepare()
    report = Report()
    model = resnet50(1000).to(DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    images = torch.randn(BATCH, 3, 224, 224, device=DEVICE)
    labels = torch.randint(0, 1000, (BATCH,), device=DEVICE)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step().item() for _ in range(3)]
    why = "the backward step of overlapping pools adds in any order"
    report.exact("first loss", losses[0])
    report.close("losses", losses, why, rtol=1e-3)
    report.close("weights", [model[0].weight.norm().item(), model[-1].weight.norm().item()], why, rtol=1e-4)
    model.eval()
    with torch.no_grad():
        report.exact("shape of the answer", list(model(images[:2]).shape))
    model.train()
    report.digest("images", *data(images[0]))
    report.finish(steady(step, wait, repeats=5, warm_up=1))


if __name__ == "__main__":
    main()
