"""A PyTorch DataLoader whose workers are forked from a process that already uses the GPU."""

from __future__ import annotations

import time

import torch
from report import Report
from torch.utils.data import DataLoader, Dataset
from torch_setup import DEVICE, data, prepare


class Pictures(Dataset):
    """Pictures made up from their number."""

    def __len__(self) -> int:
        return 512

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        generator = torch.Generator().manual_seed(index)
        return torch.rand(3, 64, 64, generator=generator), index % 10


def epoch(loader: DataLoader, model: torch.nn.Module) -> torch.Tensor:
    rows = []
    for pictures, labels in loader:
        answer = model(pictures.to(DEVICE, non_blocking=True))
        rows.append(answer + labels.to(DEVICE, non_blocking=True)[:, None])
    return torch.cat(rows)


def main() -> None:
    prepare()
    report = Report()
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64 * 64, 10)).to(DEVICE)
    loader = DataLoader(Pictures(), batch_size=32, num_workers=4, pin_memory=DEVICE.type == "cuda",
                        multiprocessing_context="fork", persistent_workers=True)
    with torch.no_grad():
        first = epoch(loader, model)
        started = time.perf_counter()
        second = epoch(loader, model)
        report.digest("answers", *data(first))
        seconds = time.perf_counter() - started
    report.exact("the same again", torch.equal(first, second))
    report.exact("rows", len(first))
    report.finish(seconds)


if __name__ == "__main__":
    main()
