"""JAX as it is used, with XLA's choice of the fastest kernels: loops, branches, linear algebra, convolution, calls of the
program, memory of the host. Which kernels are chosen depends on the moment, so results are compared with a tolerance."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import SingleDeviceSharding
from report import Report, steady

WHY = "XLA takes the kernel that was fastest a moment ago, which rounds in its own way"


def norm(*arrays: jax.Array) -> list[float]:
    return [float(jnp.linalg.norm(array.astype(jnp.float32))) for array in arrays]


def loops(report: Report, x: jax.Array) -> None:
    """A product in a loop is tuned: XLA counts errors in page-locked memory, by kernels and fills."""
    report.close("loop", norm(jax.jit(lambda x: lax.fori_loop(0, 10, lambda i, y: y @ x, x))(x)), WHY, rtol=1e-3)
    until = jax.jit(lambda x: lax.while_loop(lambda s: s[0] < 7, lambda s: (s[0] + 1, s[1] @ x), (0, x)))(x)
    report.exact("turns of a loop", int(until[0]))
    report.close("loop until", norm(until[1]), WHY, rtol=1e-3)
    branch = jax.jit(lambda which, x: lax.switch(which, [lambda x: x + 1, lambda x: x @ x, lambda x: x.T], x))
    for which in range(3):
        report.close(f"branch {which}", norm(branch(which, x)), WHY, rtol=1e-3)
    half = x.astype(jnp.bfloat16)
    report.close("bf16", norm(jax.jit(lambda a, b: jax.nn.gelu(a @ b))(half, half)), WHY, rtol=2e-2)


def algebra(report: Report, x: jax.Array) -> None:
    square = x @ x.T + jnp.eye(len(x))
    report.close("cholesky", norm(jax.jit(jnp.linalg.cholesky)(square)), WHY, rtol=1e-3)
    report.close("solve", norm(jax.jit(jnp.linalg.solve)(square, x)), WHY, rtol=1e-2)
    report.close("eigenvalues", norm(jax.jit(jnp.linalg.eigvalsh)(square)), WHY, rtol=1e-3)
    report.close("singular values", norm(jax.jit(lambda x: jnp.linalg.svd(x, compute_uv=False))(x)), WHY, rtol=1e-3)
    report.close("fft", norm(jax.jit(jnp.fft.fft2)(x).real), WHY, rtol=1e-3)
    images, kernels = jnp.ones((4, 16, 32, 32)) * x[0, 0], jnp.ones((32, 16, 3, 3))
    change = jax.jit(jax.grad(lambda w: lax.conv(images, w, (1, 1), "SAME").sum()))(kernels)
    report.close("convolution", norm(change), WHY, rtol=1e-3)


def host(report: Report, x: jax.Array) -> None:
    """Memory of the host in programs, and functions of this one."""
    device = jax.devices("gpu")[0]
    there = SingleDeviceSharding(device, memory_kind="device")
    here = SingleDeviceSharding(device, memory_kind="pinned_host")
    numbers = np.arange(300_000, dtype=np.float32).reshape(500, 600)
    kept = jax.device_put(numbers, here)
    report.exact("to the host's memory and back", bool((np.asarray(jax.device_put(kept, there)) == numbers).all()))
    away = jax.jit(lambda x: jax.device_put(jax.device_put(x * 2, here), there) + 1)(jnp.asarray(numbers))
    report.digest("put away within", np.asarray(away).tobytes())
    out = jax.jit(lambda x: x - 5, out_shardings=here)(jnp.asarray(numbers))
    report.digest("results in the host's memory", np.asarray(out).tobytes())
    shape = jax.ShapeDtypeStruct((100,), jnp.int32)
    told = jax.jit(lambda x: jax.pure_callback(lambda y: np.asarray(y) * 3, shape, x) + 1)(jnp.arange(100, dtype=jnp.int32))
    report.digest("a function of the program", np.asarray(told).tobytes())


def main() -> None:
    report = Report()
    # JAX computes on the processor when it finds no GPU; asked for one, it says so.
    report.exact("device", [jax.devices("gpu")[0].platform, jax.devices("gpu")[0].device_kind])
    x = jax.random.normal(jax.random.key(5), (128, 128)) * 0.09
    loops(report, x)
    algebra(report, x)
    host(report, x)
    chain = jax.jit(lambda x: lax.scan(lambda y, _: (jnp.tanh(y @ x), y.sum()), x, None, length=20))

    def step() -> None:
        step.last = chain(x)[0]

    report.finish(steady(step, lambda: step.last.block_until_ready(), repeats=20))


if __name__ == "__main__":
    main()
