"""Tensors that go from process to process without a copy: memory and events of another process."""

from __future__ import annotations

import torch
import torch.multiprocessing as multiprocessing
from report import Report, steady
from torch_setup import DEVICE, data, prepare, wait


def work(inbox: multiprocessing.Queue, outbox: multiprocessing.Queue) -> None:
    """Adds one to each tensor that comes, where it is, and answers with a tensor of its own."""
    own = None
    while (tensor := inbox.get()) is not None:
        tensor.add_(1)
        own = tensor * 2
        wait()
        del tensor
        outbox.put(own)
    # What was sent has to live until the other process is done with it, and it is when it says so.
    del own
    outbox.put(None)


def main() -> None:
    prepare()
    report = Report()
    context = multiprocessing.get_context("spawn")
    inbox, outbox = context.Queue(), context.Queue()
    other = context.Process(target=work, args=(inbox, outbox))
    other.start()

    values = torch.arange(1 << 20, dtype=torch.float32, device=DEVICE)
    before = values.clone()

    def turn() -> torch.Tensor:
        wait()
        inbox.put(values)
        return outbox.get()

    answer = turn()
    report.exact("changed in place", torch.equal(values, before + 1))
    report.exact("the other's own", torch.equal(answer, values * 2))
    report.digest("values", *data(values, answer))
    part = values[1000:2000]
    inbox.put(part)
    answer = outbox.get()
    report.exact("a part", torch.equal(answer, part * 2) and len(answer) == 1000)
    seconds = steady(turn, wait, repeats=10)
    del answer
    inbox.put(None)
    report.exact("the end", outbox.get() is None)
    other.join()
    report.exact("status", other.exitcode)
    report.finish(seconds)


if __name__ == "__main__":
    main()
