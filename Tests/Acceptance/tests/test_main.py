"""The whole command with a tree of Ferry made of scripts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

import fakes
import place

KIT = place.ACCEPTANCE / "gpu-acceptance"


class Main(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=place.SCRATCH))
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def command(self, body, *words):
        nvcc = fakes.nvcc(self.folder, body)
        return [sys.executable, str(KIT), "--software", "--tree", str(fakes.tree(self.folder / "tree")),
                "--nvcc", str(nvcc), "--only", "nvcc_launches", *words]

    def environment(self):
        return {"PATH": os.environ["PATH"], "OUT": str(self.out), "TMPDIR": str(self.folder)}

    def call(self, body, *words):
        return subprocess.run(self.command(body, *words), env=self.environment(), cwd=self.folder,
                              capture_output=True, text=True, timeout=60)

    def report(self):
        return json.loads((self.out / "report.json").read_text())

    def test_equal(self):
        done = self.call(fakes.answering())
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertEqual({path.name for path in self.out.iterdir()},
                         {"report.json", "table.md", "ferryd.log", "logs.tar.gz"})
        report = self.report()
        self.assertEqual((report["complete"], report["ferry"], report["counted"]["equal"]), (True, "9.9.9", 1))
        self.assertEqual(report["rows"][0]["ferry"]["statistics"]["total"]["round_trips"], 3)
        self.assertIn("a fake ferryd", (self.out / "ferryd.log").read_text())
        with tarfile.open(self.out / "logs.tar.gz") as logs:
            self.assertIn("logs/nvcc_launches.ferry.out", logs.getnames())
        self.assertEqual([path.name for path in self.folder.glob("gpu-acceptance-*")], [])

    def test_failure(self):
        body = "import os\nif 'FERRY_CLIENT_FILE' in os.environ: raise SystemExit('not supported')\n"
        done = self.call(body + fakes.answering(), "--keep-logs")
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAILED nvcc_launches, ferry: fails: exit status 1: not supported", done.stdout)
        self.assertTrue((self.out / "logs" / "nvcc_launches.ferry.err").exists())

    def test_does_not_compile(self):
        broken = fakes.script(self.folder / "broken", "#!/bin/sh\necho 'a.cu: error: no'; exit 1")
        done = self.call("", "--nvcc", str(broken))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("error: no", self.report()["rows"][0]["note"])

    def test_killed(self):
        body = "import os, time\nif 'FERRY_CLIENT_FILE' in os.environ: time.sleep(77)\n" + fakes.answering()
        kit = subprocess.Popen(self.command(body), env=self.environment(), cwd=self.folder,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if (self.out / "report.json").exists() and any("native" in row for row in self.report()["rows"]):
                break
            time.sleep(0.05)
        kit.send_signal(signal.SIGTERM)
        output, errors = kit.communicate(timeout=30)
        self.assertEqual(kit.returncode, 128 + signal.SIGTERM, errors)
        report = self.report()
        self.assertEqual((report["complete"], report["rows"][0]["native"]["state"]), (False, "ok"))
        self.assertIn("did not reach its end", (self.out / "table.md").read_text())
        self.assertIn("nvcc_launches", output)
        self.assertEqual(self.left_over(), [])

    def left_over(self):
        """Processes that still run files of this test."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    words = (entry / "cmdline").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if str(self.folder) in words:
                    found.append(words.replace("\0", " "))
        return found

    def test_usage_and_preflight(self):
        done = self.call("", "--quick", "--full")
        self.assertEqual(done.returncode, 2)
        done = subprocess.run([sys.executable, str(KIT), "--only", "no-such-program"],
                              env=self.environment(), capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (2, "gpu-acceptance: no program matches\n"))
        done = subprocess.run([sys.executable, str(KIT), "--software", "--tree", str(self.folder)],
                              env=self.environment(), capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr.count("\n"), done.stdout), (3, 1, ""))

    def test_bundle(self):
        """In a bundle the kit finds the tree that it lies in, also by a link."""
        tree = fakes.tree(self.folder / "bundle")
        home = tree / "share" / "ferry" / "tests"
        for name in ("Acceptance", "Conformance"):
            shutil.copytree(place.ACCEPTANCE.parent / name, home / name,
                            ignore=shutil.ignore_patterns("__pycache__"))
        (tree / "bin" / "gpu-acceptance").symlink_to("../share/ferry/tests/Acceptance/gpu-acceptance")
        nvcc = fakes.nvcc(self.folder, fakes.answering())
        before = sorted(tree.rglob("*"))
        done = subprocess.run([str(tree / "bin" / "gpu-acceptance"), "--software", "--nvcc", str(nvcc),
                               "--only", "nvcc_launches"], env=self.environment(), cwd=self.folder,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.report()["tree"], str(tree.resolve()))
        self.assertEqual(sorted(tree.rglob("*")), before)


if __name__ == "__main__":
    unittest.main()
