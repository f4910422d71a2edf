"""What callgrind, strace and the thresholds say."""

import tempfile
import unittest
from collections import Counter
from pathlib import Path

from bench import callgrind, exact, inlined, thresholds, traces
from bench.gates import Steady

OUT = """version: 1
creator: callgrind-3.19.0
positions: instr line
events: Ir

ob=/a/libcuda.so.1
fl=???
fn=cuLaunchKernel
0x4a680 0 40
0x4a681 0 2
cob=/lib/libc.so.6
cfn=memcpy
calls=4 0x1
0x4a684 0 400
0x4a688 0 8

ob=/lib/libc.so.6
fn=memcpy
0x1 0 100

totals: 150
"""
TRACE = """7 write(5, "begin", 5) = 5
8 futex(0x1, FUTEX_WAIT, 0, NULL) = 0
7 sendto(4, "x", 16384, MSG_DONTWAIT|MSG_NOSIGNAL, NULL, 0 <unfinished ...>
8 sendto(4, "y", 10, MSG_DONTWAIT, NULL, 0) = 10
7 <... sendto resumed>) = 16384
7 futex(0x1, FUTEX_WAKE_PRIVATE, 1) = 1
7 write(5, "end", 3) = 3
7 sendto(4, "z", 1, 0, NULL, 0) = 1
"""
START = """7 connect(4, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
7 recvfrom(4, 0x1, 48, MSG_DONTWAIT, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)
7 recvfrom(4, "FERRYSRV", 48, MSG_DONTWAIT, NULL, NULL) = 48
7 sendto(4, "FERRYCLI", 160, MSG_DONTWAIT, NULL, 0) = 160
7 read(9, "a file", 100) = 6
7 recvfrom(4, "", 40, MSG_DONTWAIT, NULL, NULL) = 40
7 recvfrom(4, "", 40, MSG_DONTWAIT, NULL, NULL) = 40
"""
SMAPS = """55d0-55d1 r--p 00000000 08:01 1                 /bin/program
Rss:                 100 kB
7f00-7f01 r-xp 00000000 08:01 2                  /x/libcuda.so.1
Rss:                 512 kB
7f02-7f03 rw-p 00000000 00:00 0
Rss:                 256 kB
7f04-7f05 rw-p 00000000 00:00 0                  [stack]
Rss:                 64 kB
55e0-55e1 rw-p 00000000 00:00 0                  [heap]
Rss:                 256 kB
"""


class CallgrindTests(unittest.TestCase):
    def test_callees_are_not_counted_twice(self) -> None:
        costs = callgrind.parse(OUT)
        self.assertEqual(costs, {("libcuda.so.1", "cuLaunchKernel"): 50, ("libc.so.6", "memcpy"): 100})

    def test_differences(self) -> None:
        few, many = Counter({("a", "f"): 10, ("a", "g"): 5}), Counter({("a", "f"): 30, ("a", "g"): 5})
        costs = callgrind.per_call(few, many, 10)
        self.assertEqual(costs, {("a", "f"): 2})
        self.assertEqual(callgrind.of_object(costs, "a"), {"f": 2})

    def test_addresses(self) -> None:
        self.assertEqual(inlined.addresses(OUT, "libcuda.so.1"),
                         {"0x4a680": 40, "0x4a681": 2, "0x4a688": 8})


class TraceTests(unittest.TestCase):
    def test_only_the_marked_part_of_the_thread(self) -> None:
        self.assertEqual(traces.between_marks(TRACE), {"sendto": 1, "futex": 1})

    def test_a_trace_without_marks_is_an_error(self) -> None:
        with self.assertRaises(traces.TraceError):
            traces.between_marks("7 sendto(4, ...) = 1\n")

    def test_round_trips(self) -> None:
        self.assertEqual(traces.turns(START), 3)

    def test_problems_of_a_loop(self) -> None:
        self.assertEqual(Steady(Counter(sendto=100, futex=50), 0).problems(), [])
        self.assertEqual(len(Steady(Counter(sendto=20000, futex=900, mmap=1), 3).problems()), 4)

    def test_memory_of_the_library(self) -> None:
        self.assertEqual(exact.client_memory(SMAPS), 1.0)


class ThresholdTests(unittest.TestCase):
    def test_five_percent(self) -> None:
        up, same, down, new = thresholds.compare({"a": 106, "b": 104, "c": 94, "d": 1}, {"a": 100, "b": 100, "c": 100})
        self.assertTrue(up.is_exceeded)
        self.assertFalse(same.is_exceeded or same.is_beaten)
        self.assertTrue(down.is_beaten)
        self.assertIn("no threshold", str(new))

    def test_written_and_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "thresholds.json"
            thresholds.write({"b": 1.26, "a": 2}, path)
            self.assertEqual(thresholds.read(path), {"a": 2, "b": 1.3})
            self.assertEqual(thresholds.read(Path(folder) / "none"), {})
