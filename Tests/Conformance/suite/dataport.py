"""A client of the data port in plain Python, for input that no good client sends
(docs/formats/wire.md)."""

from __future__ import annotations

import hmac
import json
import os
import socket
import ssl
import struct
import urllib.error
import urllib.request
from dataclasses import dataclass

from .server import Server

MAGIC_SERVER, MAGIC_CLIENT = b"FERRYSRV", b"FERRYCLI"
ACCEPTED, BAD_MAGIC, BAD_VERSION, UNKNOWN_LEASE, BAD_PROOF = range(5)
SNAPSHOT, FAILURE, REPLY = 1, 2, 3
CLEAR = 1
HEADER = struct.Struct("<IHHII")


class API:
    """The REST API, with the daemon's own certificate authority."""

    def __init__(self, server: Server):
        file = json.loads(server.client_file.read_text())
        self._base = f"https://{file['address']}"
        self._token = file["token"]
        self._context = ssl.create_default_context(cadata=file["ca"])

    def call(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        """The status and the JSON of the answer, None when it has no body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, method=method, headers={
            "Authorization": f"Bearer {self._token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=20) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def lease(self, fraction: float) -> dict:
        client = {"host": "localhost", "user": "tester", "pid": os.getpid(), "command": "hostile input"}
        status, lease = self.call("POST", "/v1/leases", {
            "gpus": 1, "memory_fraction": fraction, "client": client})
        if status != 201:
            raise OSError(f"no lease: {status} {lease}")
        return lease

    def release(self, lease: dict) -> None:
        self.call("DELETE", f"/v1/leases/{lease['id']}")


@dataclass(frozen=True)
class Verdict:
    status: int
    message: str
    proof: bytes


class Connection:
    """One connection to the data port."""

    def __init__(self, server: Server, seconds: float = 10):
        self.socket = socket.create_connection(("127.0.0.1", server.data_port), timeout=seconds)
        self.hello = self.read(48)
        self.greeting = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read(self, count: int) -> bytes:
        """Exactly this many bytes; ConnectionError when the other side hangs up before."""
        got = b""
        while len(got) < count:
            more = self.socket.recv(count - len(got))
            if not more:
                raise ConnectionError(f"closed after {len(got)} of {count} bytes")
            got += more
        return got

    def greet(self, lease: str, secret: bytes, *, magic: bytes = MAGIC_CLIENT, version: int = 2,
              channel: int = 0, security: int = CLEAR, proof: bytes | None = None) -> Verdict:
        name = b"hostile".ljust(32, b"\0")
        head = struct.pack("<8sHBBI16s32s32s", magic, version, channel, security, os.getpid(),
                           bytes.fromhex(lease), os.urandom(32), name)
        if proof is None:
            proof = hmac.digest(secret, b"ferry client proof 1" + self.hello + head, "sha256")
        self.greeting = head + proof
        self.socket.sendall(self.greeting)
        return self.verdict()

    def verdict(self) -> Verdict:
        status, size, proof = struct.unpack("<II32s", self.read(40))
        return Verdict(status, self.read(size).decode(), proof)

    def proves_itself(self, secret: bytes, verdict: Verdict) -> bool:
        """Whether the server has shown that it, too, knows the secret."""
        want = hmac.digest(secret, b"ferry server proof 1" + self.hello + self.greeting, "sha256")
        return hmac.compare_digest(want, verdict.proof)

    def record(self) -> tuple[int, int, bytes]:
        """The next record from the worker: opcode, sequence number, body."""
        size, opcode, _, sequence, _ = HEADER.unpack(self.read(HEADER.size))
        return opcode, sequence, self.read(size - HEADER.size)

    def send(self, opcode: int, body: bytes = b"", *, size: int | None = None, sequence: int = 1,
             wants_reply: bool = True, context: int = 1) -> None:
        body += b"\0" * (-len(body) % 8)
        size = HEADER.size + len(body) if size is None else size
        self.socket.sendall(HEADER.pack(size, opcode, int(wants_reply), sequence, context) + body)


def failure_text(body: bytes) -> str:
    """What a failure record says."""
    _, length = struct.unpack_from("<iI", body)
    return body[8:8 + length].decode()
