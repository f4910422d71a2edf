"""What is known of a program before it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """One program: one row."""

    #: Its file below programs/, without `.py` or `.cu`.
    name: str
    #: The package without which it cannot run; `nvcc` for a program that is compiled.
    needs: str
    #: About how long it takes natively on the target, with its start. Decides whether it is begun.
    typical: float = 8.0
    #: How long it may take natively.
    limit: float = 40.0
    #: Part of `--quick`.
    quick: bool = False
    #: Why it cannot run on the software GPU; empty when it can.
    hardware: str = ""
    #: Results that a slice of the memory makes smaller by the same factor.
    scales: tuple[str, ...] = ()
    #: It comes to its end by what its kernels compute, so it cannot be rehearsed without executing them.
    by_results: bool = False
    #: With a slice it runs with no other beside it: it fills its memory.
    alone: bool = False

    @property
    def compiled(self) -> bool:
        return self.needs == "nvcc"

    @property
    def source(self) -> str:
        return self.name + (".cu" if self.compiled else ".py")
