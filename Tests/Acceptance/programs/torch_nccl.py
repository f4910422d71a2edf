"""NCCL with one rank, through torch.distributed."""

from __future__ import annotations

import os
import socket

# One rank needs no network beyond this machine.
os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")

import torch  # noqa: E402
import torch.distributed as distributed  # noqa: E402
from report import Report, steady  # noqa: E402
from torch_setup import DEVICE, data, prepare, wait  # noqa: E402


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> None:
    prepare()
    report = Report()
    cuda = DEVICE.type == "cuda"
    if cuda:
        torch.cuda.set_device(0)
    distributed.init_process_group("nccl" if cuda else "gloo", rank=0, world_size=1,
                                   init_method=f"tcp://127.0.0.1:{free_port()}")
    values = torch.randn(1 << 20, device=DEVICE)
    summed = values.clone()
    distributed.all_reduce(summed)
    distributed.broadcast(summed, src=0)
    report.exact("sum over one rank", torch.equal(summed, values))
    gathered = [torch.empty_like(values)]
    distributed.all_gather(gathered, values)
    report.digest("gathered", *data(gathered[0]))
    distributed.barrier()
    seconds = steady(lambda: distributed.all_reduce(summed), wait, repeats=50)
    distributed.destroy_process_group()
    report.finish(seconds)


if __name__ == "__main__":
    main()
