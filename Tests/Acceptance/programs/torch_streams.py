"""PyTorch with several streams: events between them, times, memory that crosses from one to another."""

from __future__ import annotations

import torch
from report import Report, steady
from torch_setup import data, prepare


def main() -> None:
    prepare()
    report = Report()
    streams = [torch.cuda.Stream(priority=-(number % 2)) for number in range(4)]
    inputs = [torch.randn(512, 512, device="cuda") for _ in streams]

    def step() -> torch.Tensor:
        start = torch.cuda.current_stream().record_event()
        outputs, ends = [], []
        for stream, matrix in zip(streams, inputs):
            with torch.cuda.stream(stream):
                stream.wait_event(start)
                for _ in range(4):
                    matrix = torch.tanh(matrix @ matrix)
                outputs.append(matrix)
                ends.append(stream.record_event())
        for end, output in zip(ends, outputs):
            torch.cuda.current_stream().wait_event(end)
            output.record_stream(torch.cuda.current_stream())
        return torch.stack(outputs).sum(0)

    report.digest("sum over streams", *data(step()))
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    step()
    last.record()
    last.synchronize()
    report.exact("time between events", first.elapsed_time(last) > 0)
    report.exact("all is done", last.query() and all(stream.query() for stream in streams))
    copied = torch.empty(512, 512, pin_memory=True)
    with torch.cuda.stream(streams[0]):
        copied.copy_(inputs[0] * 2, non_blocking=True)
    streams[0].synchronize()
    report.exact("copied beside", torch.equal(copied, inputs[0].cpu() * 2))
    report.finish(steady(step, torch.cuda.synchronize, repeats=20))


if __name__ == "__main__":
    main()
