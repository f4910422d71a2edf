"""JAX: gradients of a small network, compiled; a scan; vmap."""

from __future__ import annotations

import os

# Without it XLA takes the kernel that was fastest a moment ago, which rounds in its own way.
os.environ.setdefault("XLA_FLAGS", "--xla_gpu_autotune_level=0")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from report import Report, steady  # noqa: E402

WHY = "XLA and cuBLAS choose between kernels that round in different orders"


def loss(weights: list[jax.Array], x: jax.Array, labels: jax.Array) -> jax.Array:
    for matrix in weights[:-1]:
        x = jax.nn.gelu(x @ matrix)
    return -jnp.take_along_axis(jax.nn.log_softmax(x @ weights[-1]), labels[:, None], 1).mean()


def main() -> None:
    report = Report()
    # JAX computes on the processor when it finds no GPU; asked for one, it says so.
    report.exact("device", [jax.devices("gpu")[0].platform, jax.devices("gpu")[0].device_kind])
    keys = jax.random.split(jax.random.key(3), 5)
    sizes = (256, 512, 512, 10)
    weights = [jax.random.normal(key, shape) * 0.05 for key, shape in zip(keys, zip(sizes, sizes[1:]))]
    x = jax.random.normal(keys[3], (128, 256))
    labels = jax.random.randint(keys[4], (128,), 0, 10)

    @jax.jit
    def train(weights):
        value, change = jax.value_and_grad(loss)(weights, x, labels)
        return value, [matrix - 0.1 * part for matrix, part in zip(weights, change)]

    losses, now = [], weights
    for _ in range(5):
        value, now = train(now)
        losses.append(float(value))
    report.close("losses", losses, WHY, rtol=1e-3)
    report.exact("it learns", losses[-1] < losses[0])
    report.close("weights", [float(jnp.linalg.norm(matrix)) for matrix in now], WHY, rtol=1e-3)

    values = jnp.arange(1000, dtype=jnp.int32)
    _, sums = jax.lax.scan(lambda total, value: (total + value, total + value), jnp.int32(0), values)
    report.digest("scan", np.asarray(sums).tobytes())
    squares = jax.vmap(jax.grad(lambda value: value**3))(jnp.linspace(0.0, 1.0, 64))
    report.close("gradient for each", np.asarray(squares).tolist(), WHY, rtol=1e-6)

    def step() -> None:
        step.last = train(weights)[0]

    report.finish(steady(step, lambda: step.last.block_until_ready(), repeats=50))


if __name__ == "__main__":
    main()
