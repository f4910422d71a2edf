"""Programs that take turns: each is started once, sleeps, and takes one sample when asked."""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import time
from dataclasses import dataclass

from . import building
from .places import Server, Tree, user_environment

#: An argument that is another number in each run.
FRESH = "{fresh}"
#: MiB of a GPU that a run takes: several runs are there at the same time.
SLICE_MIB = 700


class ContestantError(Exception):
    """A program does not start, or does not answer."""


@dataclass(frozen=True)
class Spec:
    """What is run: equal ones are the same contestant."""

    #: "floor", "native" (straight on the software GPU) or "ferry".
    side: str
    program: str
    arguments: tuple[str, ...] = ()
    transport: str = "tcp"
    #: What launches of the software GPU cost (FERRY_SOFT_GPU_LAUNCH).
    launch: str = "null"
    #: Threads of the software GPU, straight on it.
    threads: str = "2"
    #: An emulated link, as `ferry run --emulate-link` takes it.
    link: str = ""
    #: A new process for each sample: "told" prints its value, "main" the clock at its main.
    single: str = ""


class Stage:
    """What contestants need: the tree and a daemon for each price of a launch."""

    def __init__(self, tree: Tree, servers: dict[str, Server], options: str):
        self.tree = tree
        self._servers = servers
        #: The text of `ferry help run`: what this build can do.
        self._options = options

    def obstacle(self, spec: Spec) -> str | None:
        """Why a contestant cannot be had here; None when it can."""
        if spec.side == "floor" and "tls" in spec.arguments and not building.has_openssl():
            return "no OpenSSL headers"
        if spec.side != "ferry":
            return None
        if spec.transport != "tcp" and "--transport" not in self._options:
            return "this build has no --transport"
        if spec.link and "--emulate-link" not in self._options:
            return "this build has no --emulate-link"
        return None

    def server(self, launch: str) -> Server:
        return self._servers[launch]

    def _server(self, spec: Spec) -> Server:
        """The daemon that offers what a contestant needs."""
        return self._servers["tls" if spec.transport == "tls" else spec.launch]

    def command(self, spec: Spec) -> list[str]:
        if spec.side == "floor":
            return [str(building.floor(spec.program)), *spec.arguments]
        command = [str(building.program(spec.program, self.tree)), *spec.arguments]
        if spec.side == "native":
            return command
        options = ["-m", str(SLICE_MIB)]
        if spec.transport != "tcp":
            options += ["--transport", spec.transport]
        if spec.link:
            options += ["--emulate-link", spec.link]
        return self._server(spec).run_command(command, options=tuple(options))

    def environment(self, spec: Spec) -> dict[str, str]:
        if spec.side == "ferry":
            return self._server(spec).environment()
        return {**user_environment(), "LD_LIBRARY_PATH": str(self.tree.software),
                "FERRY_SOFT_GPU_LAUNCH": spec.launch, "FERRY_SOFT_GPU_THREADS": spec.threads}


class Contestant:
    """A running program that answers each line of its input with a sample."""

    def __init__(self, stage: Stage, spec: Spec):
        self._what = f"{spec.side} {spec.program} {' '.join(spec.arguments)}"
        self._command, self._environment = stage.command(spec), stage.environment(spec)
        self._single = spec.single
        self._rest = b""
        self._process: subprocess.Popen | None = None
        if not spec.single:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
            if not self._read(60).get("ready"):
                raise ContestantError(f"{self._what}: not ready")

    @property
    def pid(self) -> int:
        """Of the program, or of `ferry run` before it."""
        assert self._process is not None
        return self._process.pid

    def sample(self) -> float:
        if self._single:
            return self._run()
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return self._read(120)["value"]

    def _run(self) -> float:
        begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        fresh = str(random.randrange(1, 1 << 40))
        command = [fresh if word == FRESH else word for word in self._command]
        done = subprocess.run(command, env=self._environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise ContestantError(f"{self._what}: status {done.returncode}: {done.stderr.strip()}")
        value = json.loads(done.stdout)["value"]
        return (value - begin) / 1e6 if self._single == "main" else value

    def _read(self, seconds: float) -> dict:
        assert self._process is not None and self._process.stdout is not None
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, end - time.monotonic()))
            more = os.read(self._process.stdout.fileno(), 4096) if ready else b""
            if not more:
                raise ContestantError(f"{self._what}: {self._reason(bool(ready))}")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def _reason(self, has_ended: bool) -> str:
        assert self._process is not None and self._process.stderr is not None
        if not has_ended:
            self._process.kill()
            return "no answer in time"
        return self._process.stderr.read().decode(errors="replace").strip() or "ended without a word"

    def close(self) -> None:
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
