"""Token-by-token decoding of a small random GPT with a CUDA graph: one step is captured, then replayed."""

from __future__ import annotations

import time

import gpt
import torch
from report import Report
from torch_setup import DEVICE, prepare

COUNT = 128


def main() -> None:
    prepare(deterministic=False)  # It has only steps that give the same bits anyway.
    report = Report()
    model = gpt.make(DEVICE)
    with torch.inference_mode():
        want = gpt.decode(model, DEVICE, COUNT)
        token = torch.ones((gpt.BATCH, 1), dtype=torch.long, device=DEVICE)
        position = torch.zeros(1, dtype=torch.long, device=DEVICE)

        def step() -> None:
            token.copy_(model(token, position))
            position.add_(1)

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()

        def replay() -> list[int]:
            model.forget()
            token.fill_(1)
            position.zero_()
            found = []
            for _ in range(COUNT):
                graph.replay()
                found.append(token.item())
            return found

        tokens = replay()
        started = time.perf_counter()
        again = replay()
        seconds = (time.perf_counter() - started) / COUNT
    report.exact("tokens", tokens)
    report.exact("as without a graph", tokens == want and again == want)
    report.measure("rate", 1 / seconds, "tokens/s")
    report.finish(seconds)


if __name__ == "__main__":
    main()
