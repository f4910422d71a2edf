"""Tests of the suite runner itself: python3 -m unittest discover -s Tests/Suites/tests -t Tests/Suites"""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2] / "Conformance"))

from suites.expectations import parse  # noqa: E402
from suites.outcomes import FAILED, PASSED, SKIPPED, Progress, Test  # noqa: E402
from suites.report import Report  # noqa: E402


class Expectations(unittest.TestCase):
    def test_reasons_of_several_lines_belong_to_the_tests_that_follow(self):
        first, second, third = parse(
            "# A remark.\n\n# One\n# reason.\na.py::T::x\n[ferry] a.py::T::y\n\n# Another.\nb.py::*\n")
        self.assertEqual(first.reason, "One reason.")
        self.assertEqual(second.reason, "One reason.")
        self.assertEqual(second.targets, ("ferry",))
        self.assertEqual(third.reason, "Another.")

    def test_a_test_without_a_reason_or_with_an_unknown_target_is_refused(self):
        with self.assertRaises(ValueError):
            parse("a.py::T::x\n")
        with self.assertRaises(ValueError):
            parse("# A remark.\n\na.py::T::x\n")
        with self.assertRaises(ValueError):
            parse("# Why.\n[moon] a.py::T::x\n")

    def test_brackets_of_parameters_are_no_pattern(self):
        one, = parse("# Why.\na.py::test[1-*]\n")
        self.assertTrue(one.matches("software", "a.py::test[1-two]"))
        self.assertFalse(one.matches("software", "a.py::test1"))


class Events(unittest.TestCase):
    def progress(self, *events) -> Progress:
        file = Path(tempfile.mkstemp()[1])
        self.addCleanup(file.unlink)
        file.write_text("".join(json.dumps(event) + "\n" for event in events) + '{"event": "sta')
        progress = Progress(file)
        self.assertTrue(progress.advance(5))
        return progress

    def test_a_failure_outweighs_a_pass_and_a_line_that_is_not_whole_waits(self):
        progress = self.progress(
            {"event": "collected", "tests": ["a", "b"]}, {"event": "start", "test": "a"},
            {"event": "outcome", "test": "a", "outcome": FAILED, "reason": "subtest"},
            {"event": "outcome", "test": "a", "outcome": PASSED, "reason": ""}, {"event": "end", "test": "a"})
        self.assertEqual(progress.tests["a"].outcome, FAILED)
        self.assertEqual(progress.unfinished, ["b"])

    def test_a_process_that_ends_in_a_test_fails_that_test_only(self):
        progress = self.progress({"event": "collected", "tests": ["a", "b"]}, {"event": "start", "test": "a"})
        progress.lost("crashed", 7)
        self.assertEqual((progress.tests["a"].outcome, progress.tests["a"].seconds), (FAILED, 2))
        self.assertEqual(progress.unfinished, ["b"])

    def test_a_test_of_which_nothing_is_reported_is_skipped(self):
        progress = self.progress({"event": "start", "test": "a"}, {"event": "end", "test": "a"})
        self.assertEqual(progress.tests["a"].outcome, SKIPPED)


class Surprises(unittest.TestCase):
    def surprises(self, whole: bool, **outcomes: str) -> list[str]:
        report = Report("t", parse("# Why.\nknown\n[ferry] elsewhere\n"), whole)
        with tempfile.TemporaryFile("w") as quiet:
            stdout, sys.stdout = sys.stdout, quiet
            try:
                report.add("software", "m.py", {name: Test(how) for name, how in outcomes.items()}, 1)
            finally:
                sys.stdout = stdout
        return report.surprises()

    def test_a_failure_that_is_listed_is_none(self):
        self.assertEqual(self.surprises(True, known=FAILED, good=PASSED), [])

    def test_other_failures_and_unexpected_passes_are(self):
        self.assertEqual(len(self.surprises(True, known=PASSED, elsewhere=FAILED)), 2)

    def test_a_name_in_the_list_that_no_test_has_is_one_in_a_whole_run_only(self):
        self.assertEqual(len(self.surprises(True, good=PASSED)), 1)
        self.assertEqual(self.surprises(False, good=PASSED), [])


if __name__ == "__main__":
    unittest.main()
