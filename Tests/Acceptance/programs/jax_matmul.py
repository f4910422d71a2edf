"""JAX: a product of matrices compiled by XLA, in fp32 and bf16."""

from __future__ import annotations

import os

# Without it XLA takes the kernel that was fastest a moment ago, which rounds in its own way.
os.environ.setdefault("XLA_FLAGS", "--xla_gpu_autotune_level=0")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from report import Report, steady  # noqa: E402

SIZE = 2048
WHY = "XLA and cuBLAS choose between kernels that round in different orders"


def main() -> None:
    report = Report()
    # JAX computes on the processor when it finds no GPU; asked for one, it says so.
    report.exact("device", [jax.devices("gpu")[0].platform, jax.devices("gpu")[0].device_kind])
    first, second = (jax.random.normal(key, (SIZE, SIZE)) for key in jax.random.split(jax.random.key(7)))
    report.digest("random numbers", np.asarray(first).tobytes())
    for kind, tolerance in ((jnp.float32, 1e-3), (jnp.bfloat16, 2e-2)):
        a, b = first.astype(kind), second.astype(kind)
        product = jax.jit(lambda a, b: jnp.tanh(a @ b / SIZE**0.5))
        got = np.asarray(product(a, b)[:4]).astype(np.float64)
        want = np.tanh(np.asarray(a[:4]).astype(np.float64) @ np.asarray(b).astype(np.float64) / SIZE**0.5)
        name = np.dtype(kind).name
        report.exact(f"{name}: near fp64 of the processor", bool(np.allclose(got, want, atol=tolerance * 5)))
        report.close(f"{name}: numbers", got[:, :4].ravel().tolist(), WHY, rtol=tolerance, atol=tolerance)

        def step() -> None:
            step.last = product(a, b)

        seconds = steady(step, lambda: step.last.block_until_ready(), repeats=20)
    report.finish(seconds)


if __name__ == "__main__":
    main()
