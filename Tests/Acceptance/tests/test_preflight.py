"""What is said of a machine that is not ready, with small drivers made here."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import place  # noqa: F401
from kit import preflight

CUDA = """
int cuDriverGetVersion(int *v) { *v = VERSION; return 0; }
int cuInit(unsigned f) { INIT; }
int cuDeviceGetCount(int *n) { *n = COUNT; return 0; }
int cuDeviceGet(int *d, int i) { *d = i; return 0; }
int cuDeviceGetName(char *s, int n, int d) { s[0] = 'G'; s[1] = 0; return 0; }
int cuDeviceTotalMem_v2(unsigned long *n, int d) { *n = 1ul << 34; return 0; }
"""
NVML = """
struct memory { unsigned long long total, free, used; };
struct process { unsigned pid; unsigned long long used; unsigned a, b; };
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *s, unsigned n) { s[0] = '5'; s[1] = 0; return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **h) { *h = 0; return 0; }
int nvmlDeviceGetMemoryInfo(void *h, struct memory *m) { m->total = 1000 << 20; m->used = USED << 20; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(void *h, unsigned *n, struct process *p) {
    *n = BUSY; if (BUSY) { p->pid = 4321; p->used = 77 << 20; } return 0;
}
"""


class Preflight(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=place.SCRATCH))
        self.addCleanup(shutil.rmtree, self.folder)
        changed = mock.patch.dict(os.environ, {"LD_LIBRARY_PATH": str(self.folder)})
        changed.start()
        self.addCleanup(changed.stop)
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)

    def library(self, name, source, **values):
        """A library of these functions, in the place where the dynamic linker looks first."""
        given = [f"-D{key}={value}" for key, value in values.items()]
        subprocess.run(["gcc", "-w", "-shared", "-fPIC", *given, "-x", "c", "-", "-o", self.folder / name],
                       input=source, text=True, check=True)

    def driver(self, version=13000, init="return 0", count=1):
        self.library("libcuda.so.1", CUDA, VERSION=version, INIT=init, COUNT=count)

    def refused(self, *words, force=False):
        with self.assertRaises(preflight.NotReady) as caught:
            preflight.check_machine(force)
        text = str(caught.exception)
        self.assertNotIn("\n", text)
        for word in words:
            self.assertIn(word, text)

    def test_ready(self):
        self.driver()
        self.library("libnvidia-ml.so.1", NVML, USED=50, BUSY=0)
        machine = preflight.check_machine(False)
        self.assertEqual((machine.driver_version, machine.cuda_version), ("5", "13.0"))
        self.assertEqual(machine.gpus, [{"name": "G", "memory": 1 << 34}])
        self.assertEqual(machine.driver_path, str((self.folder / "libcuda.so.1").resolve()))
        self.assertIn("ldconfig", machine.warnings[0])

    def test_no_driver(self):
        with self.assertRaises(preflight.NotReady) as caught:
            preflight.check_driver({"missing": "libcuda.so.1: cannot open shared object file"}, "")
        self.assertIn("no NVIDIA driver: libcuda.so.1", str(caught.exception))
        self.assertIn("--software", str(caught.exception))

    def test_too_old(self):
        self.driver(version=12020)
        self.refused("too old", "CUDA 12.2", "CUDA 12.4", "update")

    def test_no_gpu(self):
        self.driver(init="return 100")
        self.refused("no GPU is visible", "nvidia-smi -L", "--software")
        self.driver(count=0)
        with mock.patch.dict(os.environ, {"CUDA_VISIBLE_DEVICES": ""}):
            self.refused("no GPU is visible", "CUDA_VISIBLE_DEVICES is ''", "unset")

    def test_driver_does_not_start(self):
        self.driver(init="return 803")
        self.refused("cuInit answers 803", "nvidia-smi")

    def test_driver_crashes(self):
        self.driver(init="*(volatile int *)0 = 1; return 0")
        self.refused("SIGSEGV", "nvidia-smi")

    def test_busy(self):
        self.driver()
        self.library("libnvidia-ml.so.1", NVML, USED=50, BUSY=1)
        self.refused("GPU 0 is busy", "process 4321 with 77 MiB", "--force")
        self.library("libnvidia-ml.so.1", NVML, USED=300, BUSY=0)
        self.refused("GPU 0 is busy", "300 of 1000 MiB", "--force")
        self.assertEqual(len(preflight.check_machine(True).gpus), 1)

    def test_incomplete_tree(self):
        with self.assertRaises(preflight.NotReady) as caught:
            preflight.check_tree(self.folder, True)
        for word in ("bin/ferryd", "lib/ferry/client/libcuda.so.1", "lib/ferry/software", "--tree"):
            self.assertIn(word, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
