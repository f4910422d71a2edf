"""PyTorch's libraries, a little of each: cuSOLVER, cuFFT, cuSPARSE, cuDNN's recurrent networks, each kind of attention,
8-bit products, fused optimizers, sorting, random numbers, kernels compiled at run time."""

from __future__ import annotations

import torch
from report import Report, steady
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch_setup import DEVICE, data, gradients, prepare, wait

WHY = "the library may choose another order of sums"


def norm(*tensors: torch.Tensor) -> list[float]:
    return [float(tensor.detach().abs().double().norm()) for tensor in tensors]


def algebra(report: Report) -> None:
    x = torch.randn(96, 96, device=DEVICE) * 0.1
    square = x @ x.T + torch.eye(96, device=DEVICE)
    # Those that do not look whether they could: a rehearsal computes nothing.
    results = (torch.linalg.cholesky_ex(square).L, torch.linalg.inv_ex(square).inverse,
               torch.linalg.solve_ex(square, x).result)
    report.close("cholesky, inverse, solve", norm(*results), WHY, rtol=1e-4)
    report.close("qr, lu", norm(torch.linalg.qr(x).R, torch.linalg.lu_factor_ex(square).LU), WHY, rtol=1e-4)
    report.close("eigenvalues, singular values", norm(torch.linalg.eigvalsh(square), torch.linalg.svdvals(x)), WHY, rtol=1e-4)
    report.close("fft", norm(torch.fft.fft2(x), torch.fft.rfft(x), torch.fft.irfft(torch.fft.rfft(x))), WHY, rtol=1e-4)
    holes = torch.where(x > 0.1, x, 0)
    report.close("sparse", norm(holes.to_sparse_csr() @ x, torch.sparse.mm(holes.to_sparse(), x)), WHY, rtol=1e-4)
    small = (x * 40).to(torch.int8)
    report.digest("8-bit integers", *data(torch._int_mm(small, small.T.contiguous())))
    eighth, one = x.to(torch.float8_e4m3fn), torch.ones((), device=DEVICE)
    product = torch._scaled_mm(eighth, eighth.T, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    report.close("8-bit floats", norm(product.float()), WHY, rtol=1e-2)


def networks(report: Report) -> None:
    for kind in (nn.LSTM, nn.GRU):
        model = kind(32, 48, 2, batch_first=True).to(DEVICE)
        result, _ = model(torch.randn(8, 20, 32, device=DEVICE))
        result.sum().backward()
        report.close(kind.__name__, norm(result, *gradients(model)), WHY, rtol=1e-3)
    query = torch.randn(2, 4, 128, 64, device=DEVICE, dtype=torch.bfloat16, requires_grad=True)
    for backend in (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH):
        with sdpa_kernel(backend):
            result = functional.scaled_dot_product_attention(query, query, query, is_causal=True)
        (change,) = torch.autograd.grad(result.float().sum(), query)
        report.close(f"attention: {backend.name}", norm(result.float(), change.float()), WHY, rtol=2e-2)
    volume = nn.Conv3d(3, 8, 3).to(DEVICE)
    volume(torch.randn(2, 3, 8, 8, 8, device=DEVICE)).sum().backward()
    report.close("convolution in space", norm(*gradients(volume)), WHY, rtol=1e-3)
    image = torch.randn(1, 3, 16, 16, device=DEVICE)
    report.digest("pictures", *data(functional.max_pool2d(image, 2), functional.interpolate(image, scale_factor=2),
                                    functional.grid_sample(image, torch.zeros(1, 4, 4, 2, device=DEVICE))))


def training(report: Report) -> None:
    model = nn.Linear(64, 64).to(DEVICE)
    inputs = torch.randn(16, 64, device=DEVICE)
    for make in (lambda p: torch.optim.Adam(p, fused=True), lambda p: torch.optim.AdamW(p, capturable=True),
                 lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, foreach=True)):
        optimizer, scaler = make(model.parameters()), torch.amp.GradScaler()
        with torch.autocast("cuda"):
            loss = model(inputs).float().square().mean()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    report.close("optimizers", norm(*model.parameters()), WHY, rtol=1e-3)
    replayed = torch.cuda.make_graphed_callables(nn.Linear(64, 64).to(DEVICE), (inputs,))
    replayed(inputs).sum().backward()
    report.close("a graph with its backward pass", norm(*gradients(replayed)), WHY, rtol=1e-3)
    with torch.autograd.graph.save_on_cpu(pin_memory=True):
        x = inputs.clone().requires_grad_()
        (x @ x.T).square().sum().backward()
    report.close("activations on the host", norm(x.grad), WHY, rtol=1e-3)


def elements(report: Report) -> None:
    numbers = torch.randint(0, 1000, (20_000,), device=DEVICE)
    report.digest("sorting", *data(numbers.sort().values, numbers.topk(50).values, numbers.float().histc(20)))
    report.digest("choosing", *data(torch.where(numbers > 500, numbers, 0), numbers.cumsum(0), numbers[numbers.argsort()]))
    generator = torch.Generator(DEVICE).manual_seed(11)
    report.digest("random numbers", *data(torch.rand(1000, device=DEVICE, generator=generator),
                                          torch.randn(1000, device=DEVICE), torch.randperm(5000, device=DEVICE)))
    add = torch.cuda.jiterator._create_jit_fn("template <typename T> T plus(T x, T y) { return x + 2 * y; }")
    report.digest("compiled at run time", *data(add(numbers, numbers)))


def main() -> None:
    prepare()
    report = Report()
    algebra(report)
    networks(report)
    training(report)
    elements(report)
    rows = torch.randn(256, 256, device=DEVICE)

    def step() -> torch.Tensor:
        return torch.linalg.solve_ex(rows, rows).result.sort().values

    report.finish(steady(step, wait, repeats=20))


if __name__ == "__main__":
    main()
