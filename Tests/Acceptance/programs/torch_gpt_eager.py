"""Token-by-token decoding of a small random GPT, kernel by kernel."""

from __future__ import annotations

import time

import gpt
import torch
from report import Report
from torch_setup import DEVICE, prepare


def main() -> None:
    prepare(deterministic=False)  # It has only steps that give the same bits anyway.
    report = Report()
    model = gpt.make(DEVICE)
    count = 128
    with torch.inference_mode():
        tokens = gpt.decode(model, DEVICE, count)
        started = time.perf_counter()
        again = gpt.decode(model, DEVICE, count)
        seconds = (time.perf_counter() - started) / count
    report.exact("tokens", tokens)
    report.exact("the same again", tokens == again)
    report.measure("rate", 1 / seconds, "tokens/s")
    report.finish(seconds)


if __name__ == "__main__":
    main()
