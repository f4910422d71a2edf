"""Runs a bundle on this system: dev/check-glibc calls it in an old one. Only Python's own library.

usage: glibc-probe.py BUNDLE
"""

import ctypes
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time

#: What the child does through `ferry run`: the driver API by hand, for want of a compiler.
PROGRAM = r"""
import ctypes
PTX = b'''.version 7.0
.target sm_75
.address_size 64
.visible .entry twice(.param .u64 p) {
  .reg .b32 %r<4>; .reg .b64 %d<4>;
  ld.param.u64 %d0, [p];
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %d1, %r0, 4;
  add.u64 %d2, %d0, %d1;
  ld.global.u32 %r1, [%d2];
  add.u32 %r2, %r1, %r1;
  st.global.u32 [%d2], %r2;
  ret;
}
\0'''
cuda = ctypes.CDLL("libcuda.so.1")
def call(name, *arguments):
    status = getattr(cuda, name)(*arguments)
    assert status == 0, (name, status)
device, context, module, kernel = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
memory = ctypes.c_uint64()
call("cuInit", 0)
call("cuDeviceGet", ctypes.byref(device), 0)
call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
call("cuCtxSetCurrent", context)
call("cuModuleLoadData", ctypes.byref(module), PTX)
call("cuModuleGetFunction", ctypes.byref(kernel), module, b"twice")
numbers = (ctypes.c_uint32 * 64)(*range(64))
call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(256))
call("cuMemcpyHtoD_v2", memory, numbers, ctypes.c_size_t(256))
parameters = (ctypes.c_void_p * 1)(ctypes.addressof(memory))
call("cuLaunchKernel", kernel, 1, 1, 1, 64, 1, 1, 0, None, parameters, None)
call("cuMemcpyDtoH_v2", numbers, memory, ctypes.c_size_t(256))
assert list(numbers) == [2 * n for n in range(64)], list(numbers)
print("64 numbers doubled")
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def load_client(bundle):
    """The client library alone, in a process that has no lease."""
    library = ctypes.CDLL(os.path.join(bundle, "lib/ferry/client/libcuda.so.1"))
    version = ctypes.c_int()
    status = library.cuInit(0)
    assert status == 100, "cuInit without a lease: %d, not CUDA_ERROR_NO_DEVICE" % status
    assert library.cuDriverGetVersion(ctypes.byref(version)) == 0
    management = ctypes.CDLL(os.path.join(bundle, "lib/ferry/client/libnvidia-ml.so.1"))
    status = management.nvmlInit_v2()
    assert status == 9, "nvmlInit without a lease: %d, not NVML_ERROR_DRIVER_NOT_LOADED" % status
    print("  client library loads and answers, CUDA %d" % version.value)


def run_program(bundle):
    """Everything: daemon, worker, software GPU, command line, client library."""
    state = tempfile.mkdtemp()
    port = free_port()
    daemon = subprocess.Popen(
        [os.path.join(bundle, "bin/ferryd"), "--state-dir", state, "--host", "127.0.0.1", "--port", port,
         "--data-port", free_port(), "--driver", os.path.join(bundle, "lib/ferry/software/libcuda.so.1")],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        client = os.path.join(state, "client.json")
        end = time.monotonic() + 30
        ferry = [os.path.join(bundle, "bin/ferry")]
        file = ["--client-file", client]
        while subprocess.call(ferry + ["list"] + file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            assert daemon.poll() is None, "ferryd has ended: " + daemon.stderr.read()
            assert time.monotonic() < end, "ferryd does not answer"
            time.sleep(0.1)
        done = subprocess.run(ferry + ["run"] + file + ["-n", "1", "--", sys.executable, "-c", PROGRAM],
                              text=True, capture_output=True, timeout=60)
        assert done.returncode == 0 and done.stdout == "64 numbers doubled\n", done
        print("  ferryd, ferry-worker, software GPU and ferry run a program: " + done.stdout.strip())
    finally:
        daemon.terminate()
        daemon.wait(10)


def main():
    bundle = sys.argv[1]
    print("  %s, %s %s" % (platform.platform(), *platform.libc_ver()))
    load_client(bundle)
    versions = json.loads(subprocess.check_output(
        [os.path.join(bundle, "bin/ferry"), "version", "--verbose", "--format", "json"]))
    print("  ferry %s" % versions["ferry"])
    run_program(bundle)


if __name__ == "__main__":
    main()
