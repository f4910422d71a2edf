"""torch.compile: kernels by Inductor and Triton, forwards and backwards."""

from __future__ import annotations

import os

# One process for each kernel to compile is dear to start where a few kernels are all there is.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "4")

import torch  # noqa: E402
from report import Report, steady  # noqa: E402
from torch import nn  # noqa: E402
from torch_setup import DEVICE, gradients, prepare, wait  # noqa: E402


def main() -> None:
    prepare()
    report = Report()
    model = nn.Sequential(nn.Linear(512, 1024), nn.GELU(), nn.LayerNorm(1024), nn.Linear(1024, 16)).to(DEVICE)
    inputs = torch.randn(256, 512, device=DEVICE)

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (torch.softmax(model(x), dim=-1) * torch.sin(x[:, :16])).sum()

    plain = loss(inputs)
    plain.backward()
    want = [gradient.clone() for gradient in gradients(model)]
    compiled = torch.compile(loss)

    def step() -> torch.Tensor:
        model.zero_grad()
        value = compiled(inputs)
        value.backward()
        return value

    value = step()
    got = gradients(model)
    report.exact("as without compiling", torch.allclose(value, plain, rtol=1e-3, atol=1e-3) and all(
        torch.allclose(a, b, rtol=1e-2, atol=1e-4) for a, b in zip(got, want)))
    why = "Inductor chooses between kernels by the time they take"
    report.close("loss", value.item(), why, rtol=1e-4, atol=1e-4)
    report.close("gradients", [gradient.norm().item() for gradient in got], why, rtol=1e-3)
    report.finish(steady(step, wait, repeats=50))


if __name__ == "__main__":
    main()
