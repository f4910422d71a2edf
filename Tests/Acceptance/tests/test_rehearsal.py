"""A rehearsal: launches are compared, not results."""

from __future__ import annotations

import tempfile
import unittest
from collections import Counter
from pathlib import Path

import place  # noqa: F401
from kit.attempt import OK, Attempt, read_launches
from kit.catalogue import MACHINE_CODE, chosen
from kit.options import parse
from kit.program import Program
from kit.rows import DIFFERS, EQUAL, RUNS, Row
from kit.ways import Way, rehearsal

KERNEL, OTHER = "add 1,1,1 32,1,1 0", "mul 4,1,1 128,1,1 16"


class Rehearsal(unittest.TestCase):
    def judged(self, native: Counter[str], here: Counter[str] | None) -> str:
        way = Way()
        way.is_own = lambda library: True
        way.name = "ferry"
        row = Row(Program("torch_x", "torch"))
        self.assertTrue(row.add_native(Attempt(OK, launches=native), way))
        row.add(Attempt(OK, launches=here), way)
        return row.verdicts["ferry"].word

    def test_same_launches_are_equal_in_any_order(self) -> None:
        self.assertEqual(self.judged(Counter([KERNEL, OTHER, KERNEL]), Counter([OTHER, KERNEL, KERNEL])), EQUAL)

    def test_another_launch_differs(self) -> None:
        self.assertEqual(self.judged(Counter([KERNEL]), Counter([OTHER])), DIFFERS)
        self.assertEqual(self.judged(Counter([KERNEL]), Counter([KERNEL, KERNEL])), DIFFERS)
        self.assertEqual(self.judged(Counter([KERNEL]), Counter()), DIFFERS)

    def test_nothing_launched_natively_is_no_success(self) -> None:
        self.assertEqual(self.judged(Counter(), Counter()), DIFFERS)

    def test_a_slice_only_runs(self) -> None:
        self.assertEqual(self.judged(Counter([KERNEL]), None), RUNS)

    def test_the_log_without_parameters(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log"
            self.assertEqual(read_launches(path), Counter())
            path.write_text(f"{KERNEL} 00ff\n{KERNEL} 01ff\n{OTHER} \n")
            self.assertEqual(read_launches(path), Counter({KERNEL: 2, OTHER: 1}))

    def test_which_programs(self) -> None:
        programs = chosen(True, True, [], True)
        self.assertTrue(programs)
        for program in programs:
            self.assertEqual(program.hardware, MACHINE_CODE)
            self.assertFalse(program.by_results)

    def test_it_is_on_the_software_gpu(self) -> None:
        self.assertTrue(parse(["--rehearse"]).software)
        settings = rehearsal(Path("/x/launches"))
        self.assertEqual(settings["FERRY_SOFT_GPU_CODE"], "machine")
        self.assertEqual(settings["FERRY_SOFT_GPU_LAUNCH_LOG"], "/x/launches")


if __name__ == "__main__":
    unittest.main()
