"""What goes over the network: encrypted, unless somebody asked for clear text, and never changed unnoticed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ..dataport import API
from ..server import Server
from .registry import Scene, check, require
from .stage import server

#: 64 bytes that no protocol sends by itself.
SECRET = bytes((13 + 41 * n) % 251 for n in range(64))

#: Copies the pattern to the GPU and back; argument 1 is how often. Prints the first status that is
#: not 0, else "passed".
COPIES = f"""
import ctypes, sys
SECRET = {SECRET!r} * 4096
cuda = ctypes.CDLL("libcuda.so.1")
context, memory = ctypes.c_void_p(), ctypes.c_uint64()
def call(name, *arguments):
    status = getattr(cuda, name)(*arguments)
    if status: sys.exit(print(name, status) or 0)
call("cuInit", 0)
call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
call("cuCtxSetCurrent", context)
call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(len(SECRET)))
for _ in range(int(sys.argv[1])):
    found = ctypes.create_string_buffer(len(SECRET))
    call("cuMemcpyHtoD_v2", memory, SECRET, ctypes.c_size_t(len(SECRET)))
    call("cuMemcpyDtoH_v2", found, memory, ctypes.c_size_t(len(SECRET)))
    if found.raw != SECRET: sys.exit("wrong bytes")
print("passed")
"""


class Proxy:
    """Stands between a program and the data port, sees all, and may change a byte."""

    def __init__(self, at: Server, change_at: int | None = None):
        self._target = at.data_port
        self._change_at = change_at
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.seen = bytearray()
        self._lock = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target, source is near), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        carried = 0
        try:
            while data := source.recv(1 << 16):
                place = -1 if self._change_at is None or not is_client else self._change_at - carried
                carried += len(data)
                if 0 <= place < len(data):
                    data = data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]
                with self._lock:
                    self.seen += data
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        self._listener.close()


@contextmanager
def lease_file(scene: Scene, at: Server, port: int, security: str | None = None) -> Iterator[tuple[Path, dict]]:
    """A lease whose file sends the program to another port, or says other things."""
    lease = API(at).lease(0.5)
    path = Path(f"{scene.log}.lease")
    path.write_text(f"ferry-lease 1\nlease {lease['id']}\nsecret {lease['secret']}\n"
                    f"server 127.0.0.1 {port} 1 {security or lease['data_security']}\n")
    try:
        yield path, lease
    finally:
        path.unlink()
        API(at).release(lease)


def run_copies(scene: Scene, at: Server, lease: Path, count: int) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", COPIES, str(count)], text=True, capture_output=True, timeout=60,
                          env={**at.environment(), "FERRY_LEASE_FILE": str(lease), "FERRY_LOG": "1",
                               "LD_LIBRARY_PATH": str(scene.tree.client)})


def watched(scene: Scene, at: Server) -> tuple[subprocess.CompletedProcess, bytes]:
    """What a program that copies says, and what somebody on the way sees."""
    proxy = Proxy(at)
    try:
        with lease_file(scene, at, proxy.port) as (path, _):
            return run_copies(scene, at, path, 4), bytes(proxy.seen)
    finally:
        proxy.close()


@check("encryption: nobody on the way can read")
def unreadable(scene: Scene) -> None:
    with server(scene) as at:
        done, seen = watched(scene, at)
        require(done.stdout == "passed\n", f"{done}")
        require(len(seen) > 8 * 4096 * len(SECRET), f"only {len(seen)} bytes came by")
        require(SECRET[:16] not in seen, "what the program copied can be read on the way")
    # That the eye is open: without encryption it sees the very same program's bytes.
    with server(scene, "--data-clear-text") as at:
        done, seen = watched(scene, at)
        require(done.stdout == "passed\n", f"{done}")
        require(SECRET * 1024 in seen, "clear text cannot be read on the way")
        require("NOT ENCRYPTED" in at.log_text(), "the log does not say that nothing is encrypted")


@check("encryption: nobody on the way can change anything")
def unchangeable(scene: Scene) -> None:
    with server(scene) as at:
        # In the greeting, in the first message of TLS, and in a copy.
        for place in (11, 40, 100, 128 + 60, 128 + 300, 200_000):
            proxy = Proxy(at, change_at=place)
            try:
                with lease_file(scene, at, proxy.port) as (path, _):
                    done = run_copies(scene, at, path, 4)
            finally:
                proxy.close()
            # CUDA_ERROR_DEVICE_UNAVAILABLE, at whichever call it came to light.
            require(done.returncode == 0 and done.stdout.endswith(" 46\n"), f"byte {place}: {done}")


@check("encryption: client and server must want the same")
def agreement(scene: Scene) -> None:
    for options, wanted in (((), "clear"), (("--data-clear-text",), "tls")):
        with server(scene, *options) as at, lease_file(scene, at, at.data_port, wanted) as (path, lease):
            require(lease["data_security"] != wanted, f"the server grants {lease['data_security']}")
            done = run_copies(scene, at, path, 1)
            require(done.stdout == "cuInit 46\n" and "encrypt" in done.stderr, f"{wanted}: {done}")
            require("refused" in at.log_text(), "the server's log has no line of the refusal")


#: Uses Python's OpenSSL before, while and after the client library uses its own.
NEIGHBOUR = r"""
import ctypes, hashlib, json, ssl, sys, threading, urllib.request
file = json.load(open(sys.argv[1]))
def look():
    context = ssl.create_default_context(cadata=file["ca"])
    assert hashlib.sha256(b"abc").hexdigest().startswith("ba7816bf")
    assert hashlib.new("sha3_256", b"").hexdigest().startswith("a7ffc6f8")
    with urllib.request.urlopen(f"https://{file['address']}/healthz", context=context, timeout=20) as answer:
        return answer.status, ssl.OPENSSL_VERSION, len(context.get_ciphers())
first = look()
assert first[0] == 200
cuda = ctypes.CDLL("libcuda.so.1")
memory, context = ctypes.c_uint64(), ctypes.c_void_p()
assert cuda.cuInit(0) == 0 and look() == first
assert cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0 and cuda.cuCtxSetCurrent(context) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(1 << 20)) == 0
bad = []
def many():
    try:
        for _ in range(20): assert look() == first
    except Exception as error: bad.append(error)
threads = [threading.Thread(target=many) for _ in range(2)]
for thread in threads: thread.start()
data, found = bytes(range(256)) * 4096, ctypes.create_string_buffer(1 << 20)
while any(thread.is_alive() for thread in threads):
    assert cuda.cuMemcpyHtoD_v2(memory, data, ctypes.c_size_t(1 << 20)) == 0
    assert cuda.cuMemcpyDtoH_v2(found, memory, ctypes.c_size_t(1 << 20)) == 0
    assert found.raw == data
for thread in threads: thread.join()
assert not bad and look() == first, bad
print("passed")
"""


@check("encryption: a program's own OpenSSL is not disturbed")
def neighbour(scene: Scene) -> None:
    with server(scene) as at:
        # On one host it would share memory instead.
        at.transport = "tls"
        # A configuration that our copy must not read: it would end with an error.
        config = Path(f"{scene.log}.openssl.cnf")
        config.write_text("openssl_conf = main\n[main]\nproviders = nothing\n")
        for extra in ({}, {"OPENSSL_CONF": str(config), "OPENSSL_MODULES": "/nowhere"}):
            program = NEIGHBOUR if not extra else COPIES
            argument = str(at.client_file) if not extra else "1"
            done = subprocess.run(at.run_command([sys.executable, "-c", program, argument]), text=True,
                                  capture_output=True, timeout=120, env={**at.environment(), **extra})
            require(done.returncode == 0 and done.stdout == "passed\n" and not done.stderr, f"{extra}: {done}")


@check("encryption: no process shows a secret")
def hidden(scene: Scene) -> None:
    with server(scene) as at, lease_file(scene, at, at.data_port) as (path, lease):
        program = subprocess.Popen([sys.executable, "-c", COPIES, "1000000"], stdout=subprocess.DEVNULL,
                                   env={**at.environment(), "FERRY_LEASE_FILE": str(path),
                                        "LD_LIBRARY_PATH": str(scene.tree.client)})
        try:
            while program.poll() is None and not at.workers():
                pass
            workers = [worker["pid"] for worker in at.workers()]
            require(workers, "no worker")
            secret = lease["secret"].encode()
            for process in (*workers, at.pid, program.pid):
                for name in ("cmdline", "environ"):
                    text = Path(f"/proc/{process}/{name}").read_bytes() if os.geteuid() == 0 else b""
                    require(secret not in text and bytes.fromhex(lease["secret"]) not in text,
                            f"{name} of process {process} shows the lease's secret")
        finally:
            program.kill()
            program.wait()
