"""PyTorch autograd: gradients of a network, second derivatives, a function of one's own."""

from __future__ import annotations

import torch
from report import Report, steady
from torch_setup import DEVICE, data, gradients, prepare, wait


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(context, gradient):
        (x,) = context.saved_tensors
        return gradient * 3 * x * x


def main() -> None:
    prepare()
    report = Report()
    layers = [torch.nn.Linear(256, 512), torch.nn.GELU(), torch.nn.LayerNorm(512), torch.nn.Linear(512, 10)]
    model = torch.nn.Sequential(*layers).to(DEVICE)
    inputs = torch.randn(128, 256, device=DEVICE)
    labels = torch.randint(0, 10, (128,), device=DEVICE)

    def step() -> torch.Tensor:
        model.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        return loss

    loss = step()
    report.digest("loss", *data(loss))
    report.digest("gradients", *data(*gradients(model)))

    x = torch.randn(1000, device=DEVICE, requires_grad=True)
    (first,) = torch.autograd.grad((x.sin() * x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    report.digest("second derivative", *data(first, second))
    want = 2 * torch.cos(x) - x * torch.sin(x)
    report.exact("second derivative is right", torch.allclose(second, want, atol=1e-5))

    y = torch.randn(1000, device=DEVICE, requires_grad=True)
    Cube.apply(y).sum().backward()
    report.exact("own function", torch.allclose(y.grad, 3 * y * y, rtol=1e-5))
    rows = torch.func.vmap(torch.func.grad(lambda row: (row * row).sum()))(inputs)
    report.exact("gradient for each row", torch.equal(rows, 2 * inputs))
    report.finish(steady(step, wait, repeats=50))


if __name__ == "__main__":
    main()
