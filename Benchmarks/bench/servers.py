"""Daemons of the benchmarks' own, and what this build of Ferry can do."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from collections.abc import Iterator

from .places import BUILD, Server, Tree


def run_options(tree: Tree) -> str:
    """The text that says which options `ferry run` has."""
    done = subprocess.run([str(tree.ferry), "help", "run"], capture_output=True, text=True, timeout=30)
    return done.stdout


#: As many as the software GPU has: contestants that take turns are there at the same time.
GPUS = 8


class BenchServer(Server):
    """A daemon whose software GPU pretends to launch, and whose runs use TCP unless told otherwise."""

    def __init__(self, tree: Tree, launch: str = "null", options: tuple[str, ...] = (), encrypts: bool = False):
        options = options if encrypts else ("--data-clear-text", *options)
        BUILD.mkdir(parents=True, exist_ok=True)
        super().__init__(tree, BUILD / "ferryd.log", gpus=GPUS, options=options,
                         settings={"FERRY_SOFT_GPU_LAUNCH": launch})
        self._encrypts = encrypts
        self._names_transport = "--transport" in run_options(tree)

    def run_command(self, command: list[str], gpus: int = 1, options: tuple[str, ...] = ()) -> list[str]:
        if self._names_transport and "--transport" not in options:
            options = (*options, "--transport", "tls" if self._encrypts else "tcp")
        return super().run_command(command, gpus, options)


@contextmanager
def started(tree: Tree, launch: str = "null", options: tuple[str, ...] = (),
            encrypts: bool = False) -> Iterator[BenchServer]:
    """A daemon for the length of a `with`. What goes over TCP it encrypts, or never."""
    server = BenchServer(tree, launch, options, encrypts)
    server.start()
    try:
        yield server
    finally:
        server.close()
