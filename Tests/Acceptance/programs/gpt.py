"""A small GPT with random weights and a key-value cache of a fixed size, for decoding token by token."""

from __future__ import annotations

import torch
from torch import nn

LAYERS, WIDTH, HEADS, VOCABULARY, LENGTH, BATCH = 8, 512, 8, 10_000, 160, 1


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        for name in ("keys", "values"):
            self.register_buffer(name, torch.zeros(BATCH, HEADS, LENGTH, WIDTH // HEADS))

    def forward(self, x: torch.Tensor, position: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        q, k, v = (part.view(BATCH, 1, HEADS, -1).transpose(1, 2)
                   for part in self.qkv(self.before(x)).chunk(3, dim=-1))
        self.keys.index_copy_(2, position, k)
        self.values.index_copy_(2, position, v)
        mixed = nn.functional.scaled_dot_product_attention(q, self.keys, self.values, attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.wide(self.after(x))


class GPT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.register_buffer("places", torch.arange(LENGTH), persistent=False)

    def forward(self, token: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """The next token after this one at this position; both are tensors of the device."""
        x = self.tokens(token) + self.positions(position)
        mask = (self.places <= position).view(1, 1, 1, LENGTH)
        for block in self.blocks:
            x = block(x, position, mask)
        return self.head(self.norm(x))[:, -1].argmax(-1, keepdim=True)

    def forget(self) -> None:
        """Empties the cache."""
        for block in self.blocks:
            block.keys.zero_()
            block.values.zero_()


def make(device: torch.device) -> GPT:
    return GPT().to(device, torch.bfloat16).eval()


def decode(model: GPT, device: torch.device, count: int) -> list[int]:
    """Decodes step by step, and reads every token, as a program does that looks for the end."""
    model.forget()
    token = torch.full((BATCH, 1), 1, device=device)
    found = []
    for number in range(count):
        token = model(token, model.places[number:number + 1])
        found.append(token.item())
    return found
