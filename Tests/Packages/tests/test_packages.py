"""Tests of the runner itself."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Conformance")]

from packages.catalogue import PROGRAMS  # noqa: E402
from packages.main import difference, wanted  # noqa: E402
from packages.pythons import path_of  # noqa: E402
from suite.running import Outcome  # noqa: E402


def outcome(text: str, status: int = 0, error: str = "", timed_out: bool = False) -> Outcome:
    return Outcome(status, text, error, 1.0, timed_out)


class Differences(unittest.TestCase):
    def test_alike(self):
        self.assertIsNone(difference(outcome("a\nb\n"), outcome("a\nb\n")))
        # What is said on standard error is not compared: loggers write the time there.
        self.assertIsNone(difference(outcome("a\n", error="12:00"), outcome("a\n", error="12:01")))

    def test_other_lines(self):
        self.assertEqual(difference(outcome("a\nb\n"), outcome("a\nc\n")), "line 2: straight 'b', through Ferry 'c'")
        self.assertEqual(difference(outcome("a\n"), outcome("a\nb\n")), "one prints more than the other")

    def test_what_does_not_work(self):
        self.assertEqual(difference(outcome("a\n", 1, "x\ny\n"), outcome("a\n")), "straight: status 1: x | y")
        self.assertIn("through Ferry: not done", difference(outcome("a\n"), outcome("a\n", 137, timed_out=True)))
        # Two failures that are alike are no success.
        self.assertIsNotNone(difference(outcome("a\n", 3), outcome("a\n", 3)))
        self.assertEqual(difference(outcome(""), outcome("")), "nothing was printed")


class Catalogue(unittest.TestCase):
    def test_each_program_is_a_file_and_each_file_a_program(self):
        files = {path.stem for path in (HERE / "programs").glob("*.py")}
        self.assertEqual(files, {program.name for program in PROGRAMS})

    def test_versions_are_pinned(self):
        for program in PROGRAMS:
            for requirement in program.requirements:
                self.assertRegex(requirement, r"^[\w\[\]-]+==[\w.]+$")

    def test_the_same_packages_share_a_python(self):
        paths = {program.requirements: path_of(program.requirements) for program in PROGRAMS}
        self.assertEqual(len(set(paths.values())), len(paths))

    def test_filters(self):
        self.assertTrue(wanted(PROGRAMS[0], []) and wanted(PROGRAMS[0], ["warp"]) and wanted(PROGRAMS[0], ["w*n"]))
        self.assertFalse(wanted(PROGRAMS[0], ["cudf"]))


if __name__ == "__main__":
    unittest.main()
