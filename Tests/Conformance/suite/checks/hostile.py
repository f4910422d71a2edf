"""Bad input on the data port: a clear answer, a line in the log, and nobody else disturbed."""

from __future__ import annotations

import random
import re
import socket
import struct
import time
from contextlib import contextmanager
from typing import Iterator

from ..dataport import (ACCEPTED, API, BAD_MAGIC, BAD_PROOF, BAD_VERSION, FAILURE, HEADER, REPLY, SNAPSHOT,
                        UNKNOWN_LEASE, Connection, Verdict, failure_text)
from ..places import ROOT
from ..running import wait_until
from ..server import Server, alive
from .registry import Scene, check, require
from .stage import WORKER, bystander, server


class Stage:
    """A server with a program that runs on it, and a lease of our own."""

    def __init__(self, at: Server):
        self.server = at
        self.lease = API(at).lease(0.5)
        self.secret = bytes.fromhex(self.lease["secret"])

    def require_logged(self, text: str, what: str) -> None:
        """The server's log has a line with what the client was told."""
        found = wait_until(lambda: text in self.server.log_text(), 3)
        require(found, f"{what}: no line of the log says {text!r}")

    @contextmanager
    def accepted(self) -> Iterator[Connection]:
        """A connection to a worker of our lease, which has sent its snapshot."""
        with Connection(self.server) as connection:
            verdict = connection.greet(self.lease["id"], self.secret)
            require(verdict.status == ACCEPTED, f"not accepted: {verdict}")
            require(connection.proves_itself(self.secret, verdict), "the server's proof is wrong")
            opcode, _, body = connection.record()
            text = failure_text(body) if opcode == FAILURE else ""
            require(opcode == SNAPSHOT, f"record {opcode} instead of the snapshot: {text}")
            yield connection


@contextmanager
def stage(scene: Scene) -> Iterator[Stage]:
    # Python speaks no TLS with a shared key; what is behind the greetings is the same without.
    with server(scene, "--data-clear-text") as at, bystander(scene, at):
        one = Stage(at)
        yield one
        API(at).release(one.lease)
        require(alive(at.pid), "the server has ended")


def require_refusal(verdict: Verdict, status: int, what: str) -> None:
    require(verdict.status == status, f"{what}: {verdict}")
    require(verdict.message and verdict.message.isprintable(), f"{what}: no clear message: {verdict.message!r}")
    require(verdict.proof == bytes(32), f"{what}: a proof was given")


@check("hostile: greetings that are wrong", WORKER)
def greetings(scene: Scene) -> None:
    with stage(scene) as on:
        good = on.lease["id"]
        for what, status, lease, options in (
                ("magic", BAD_MAGIC, good, {"magic": b"FERRYXXX"}),
                ("version 99", BAD_VERSION, good, {"version": 99}),
                ("version 0", BAD_VERSION, good, {"version": 0}),
                ("channel 7", BAD_VERSION, good, {"channel": 7}),
                ("a lease that does not exist", UNKNOWN_LEASE, "ab" * 16, {}),
                ("a proof of zeros", BAD_PROOF, good, {"proof": bytes(32)}),
                ("a proof of noise", BAD_PROOF, good, {"proof": bytes(range(32))})):
            with Connection(on.server) as connection:
                verdict = connection.greet(lease, on.secret, **options)
                require_refusal(verdict, status, what)
                on.require_logged(verdict.message, what)
                require(connection.socket.recv(1) == b"", f"{what}: the connection stays open")
        with on.accepted():
            pass


@check("hostile: a greeting cannot be used twice", WORKER)
def replay(scene: Scene) -> None:
    with stage(scene) as on:
        with Connection(on.server) as first:
            require(first.greet(on.lease["id"], on.secret).status == ACCEPTED, "the first is refused")
            copy = first.greeting
        with Connection(on.server) as second:
            second.socket.sendall(copy)
            require_refusal(second.verdict(), BAD_PROOF, "a copied greeting")


@check("hostile: greetings that are cut off or never come", WORKER)
def silence(scene: Scene) -> None:
    with stage(scene) as on:
        for count in (0, 1, 127):
            with Connection(on.server) as connection:
                connection.socket.sendall(bytes(count))
        silent = [Connection(on.server, 20) for _ in range(20)]
        started = time.monotonic()
        try:
            for connection in silent:
                require(connection.socket.recv(1) == b"", "a silent client gets an answer")
            seconds = time.monotonic() - started
            require(3 < seconds < 10, f"silent clients are cut off after {seconds:.1f} s, not 5")
        finally:
            for connection in silent:
                connection.socket.close()
        with on.accepted():
            pass


@check("hostile: a given-back lease opens no connection", WORKER)
def ended(scene: Scene) -> None:
    with stage(scene) as on:
        API(on.server).release(on.lease)
        with Connection(on.server) as connection:
            verdict = connection.greet(on.lease["id"], on.secret)
            require(verdict.status != ACCEPTED and verdict.message, f"{verdict}")
            on.require_logged(verdict.message, "an ended lease")


def end_of(connection: Connection, what: str) -> str:
    """The text of the failure with which the worker must end the connection."""
    while True:
        try:
            opcode, _, body = connection.record()
        except (ConnectionError, socket.timeout) as error:
            require(False, f"{what}: no failure record: {error}")
        if opcode == FAILURE:
            break
    text = failure_text(body)
    require(text and text.isprintable(), f"{what}: no clear message: {text!r}")
    require(connection.socket.recv(1) == b"", f"{what}: the connection stays open")
    return text


@check("hostile: records that are no records", WORKER)
def records(scene: Scene) -> None:
    with stage(scene) as on:
        for what, header in (
                ("a length of 2 GiB", HEADER.pack(0x7FFFFFF8, 0x0100, 1, 1, 1)),
                ("a length of 4 GiB", HEADER.pack(0xFFFFFFF8, 0x0100, 1, 1, 1)),
                ("a length of nothing", HEADER.pack(0, 0x0100, 1, 1, 1)),
                ("a length within the header", HEADER.pack(8, 0x0100, 1, 1, 1)),
                ("a length that is no multiple of 8", HEADER.pack(29, 0x0100, 1, 1, 1)),
                ("a record of the server's", HEADER.pack(16, SNAPSHOT, 1, 1, 1)),
                ("an unknown opcode", HEADER.pack(16, 0x7F77, 1, 1, 1)),
                ("an allocation without its size", HEADER.pack(16, 0x0100, 1, 1, 1)),
                ("noise", bytes(random.Random(1).randbytes(4096)))):
            with on.accepted() as connection:
                connection.socket.sendall(header)
                on.require_logged(end_of(connection, what), what)
        with on.accepted() as connection:
            # 1 MiB in the primary context of device 0.
            connection.send(0x0100, struct.pack("<Q", 1 << 20))
            opcode, sequence, body = connection.record()
            require(opcode == REPLY and sequence == 1, f"record {opcode} to a good allocation")


@check("hostile: a record that is cut off", WORKER)
def cut_off(scene: Scene) -> None:
    with stage(scene) as on:
        for sent in (HEADER.pack(1024, 0x0100, 1, 1, 1), HEADER.pack(64, 0x0100, 1, 1, 1) + bytes(20),
                     HEADER.pack(64, 0x0100, 1, 1, 1)[:7]):
            before = len(on.server.log_text())
            with on.accepted() as connection:
                connection.socket.sendall(sent)
            told = wait_until(lambda: re.search("worker.*(record|cut|middle)", on.server.log_text()[before:]), 3)
            require(told, f"no line of the log tells of the {len(sent)} bytes of a record")
        require(wait_until(lambda: len(on.server.workers()) == 1, 3),
                f"workers are left: {on.server.workers()}")


@check("hostile: bodies of noise for every opcode", WORKER)
def noise(scene: Scene) -> None:
    source = random.Random(20)
    with stage(scene) as on:
        answers = 0
        known = sorted(opcodes(scene))
        for opcode in known:
            with on.accepted() as connection:
                for sequence, size in enumerate((0, 8, 24, 64, 4096), start=1):
                    context = source.choice((0, 1, 65, 0xFFFFFFFF))
                    try:
                        connection.send(opcode, source.randbytes(size), sequence=sequence, context=context)
                        kind, _, body = connection.record()
                    except ConnectionError:
                        break
                    except socket.timeout:
                        require(False, f"opcode {opcode:#x} with {size} bytes of noise hangs")
                    answers += 1
                    if kind == FAILURE:
                        require(failure_text(body), f"opcode {opcode:#x}: a failure without words")
                        break
        require(answers >= len(known), f"only {answers} answers to {len(known)} opcodes")
        require(wait_until(lambda: len(on.server.workers()) == 1, 3),
                f"workers are left: {on.server.workers()}")


def opcodes(scene: Scene) -> set[int]:
    """Every opcode of the protocol, by its generated list, and some that are none."""
    text = (ROOT / "Sources" / "Wire" / "Generated" / "Opcode.swift").read_text()
    known = {int(number, 16) for number in re.findall(r"case \w+ = (0x[0-9a-fA-F]+)", text)}
    require(len(known) > 50, "the list of opcodes was not understood")
    return known | {0, 0x00FF, 0x0FFF, 0xFFFF}
