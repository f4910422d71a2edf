"""A training step of transformer blocks in bf16: flash attention, AdamW."""

from __future__ import annotations

import torch
from report import Report, steady
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch_setup import DEVICE, data, gradients, prepare, wait

BATCH, LENGTH, WIDTH, HEADS, VOCABULARY = 4, 512, 512, 8, 8000


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (part.view(*x.shape[:2], HEADS, -1).transpose(1, 2)
                   for part in self.qkv(self.before(x)).chunk(3, dim=-1))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.wide(self.after(x))


def main() -> None:
    prepare()
    report = Report()
    layers = [nn.Embedding(VOCABULARY, WIDTH), *(Block() for _ in range(4)), nn.Linear(WIDTH, VOCABULARY)]
    model = nn.Sequential(*layers).to(DEVICE, torch.bfloat16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    tokens = torch.randint(0, VOCABULARY, (BATCH, LENGTH + 1), device=DEVICE)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        # Flash attention has a backward step that gives the same bits on every run.
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            logits = model(tokens[:, :-1])
            loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten())
            loss.backward()
        optimizer.step()
        return loss

    losses = [step().item() for _ in range(5)]
    report.exact("losses", losses)
    report.exact("it learns", losses[-1] < losses[0])
    report.digest("gradients", *data(*gradients(model)[-8:]))
    report.digest("weights", *data(model[0].weight, model[-1].weight))
    report.finish(steady(step, wait))


if __name__ == "__main__":
    main()
