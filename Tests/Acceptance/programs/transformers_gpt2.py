"""Hugging Face transformers: a small GPT-2 with random weights writes text."""

from __future__ import annotations

import os
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from report import Report  # noqa: E402
from torch_setup import DEVICE, prepare  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402

COUNT = 64


def main() -> None:
    prepare(deterministic=False)  # It has only steps that give the same bits anyway.
    report = Report()
    sizes = GPT2Config(n_layer=6, n_embd=384, n_head=6, vocab_size=5000, bos_token_id=0, eos_token_id=None,
                       pad_token_id=0)
    model = GPT2LMHeadModel(sizes).to(DEVICE, torch.float16).eval()
    prompt = torch.arange(1, 17, device=DEVICE)[None]

    def write() -> list[int]:
        return model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=COUNT,
                              do_sample=False)[0].tolist()

    tokens = write()
    started = time.perf_counter()
    again = write()
    seconds = (time.perf_counter() - started) / COUNT
    report.exact("tokens", tokens)
    report.exact("the same again", tokens == again)
    report.measure("rate", 1 / seconds, "tokens/s")
    report.finish(seconds)


if __name__ == "__main__":
    main()
