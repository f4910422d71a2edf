"""What becomes of samples."""

import json
import unittest

from bench import report
from bench.figures import Figure, Goal, Sample, figure, missing, ratio, used

FIELDS = {"name", "value", "unit", "floor", "ratio", "low", "high", "samples", "foreign_cpu"}


def samples(*values: float, foreign: float = 0.0) -> list[Sample]:
    return [Sample(value, foreign) for value in values]


class FigureTests(unittest.TestCase):
    def test_medians_and_spread(self) -> None:
        made = figure("sync", "us", samples(3, 1, 2), samples(1, 1, 1), samples(0.5), Goal("ratio", "<=", 2), 3)
        self.assertEqual((made.value, made.floor, made.ratio, made.native), (2, 1, 2, 0.5))
        self.assertEqual((made.low, made.high, made.samples, made.note), (1, 3, 3, ""))
        self.assertEqual((made.target, made.met), ("ratio <= 2", True))

    def test_a_ratio_is_of_one_round(self) -> None:
        # Both became twice as slow in the second round: each round says 2, the medians would not.
        self.assertEqual(ratio(samples(2, 4, 8), samples(1, 2, 4)), 2)

    def test_noisy_samples_do_not_count(self) -> None:
        values = [*samples(1, 2, 3), *samples(100, foreign=40.0)]
        made = figure("sync", "us", values, [], [], None, 4)
        self.assertEqual((made.value, made.high, made.samples), (2, 3, 3))
        self.assertEqual(made.note, "3 of 4 samples")

    def test_a_noisy_pair_does_not_make_a_ratio(self) -> None:
        floors = [*samples(1), *samples(10, foreign=40.0)]
        self.assertEqual(ratio(samples(2, 2), floors), 2)

    def test_too_few_clean_samples_are_said(self) -> None:
        made = figure("sync", "us", samples(1, 2, foreign=50.0), [], [], None, 2)
        self.assertEqual((made.value, made.samples, made.foreign_cpu), (1.5, 2, 50.0))
        self.assertIn("noisy", made.note)

    def test_no_samples(self) -> None:
        made = figure("sync", "us", [], samples(1), [], Goal("ratio", "<=", 2), 5)
        self.assertIsNone(made.value)
        self.assertIsNone(made.met)
        self.assertEqual(made.note, "0 of 5 samples")
        self.assertEqual(used([]), ([], True))

    def test_a_floor_of_nothing_makes_no_ratio(self) -> None:
        self.assertIsNone(ratio(samples(1), samples(0)))


class GoalTests(unittest.TestCase):
    def test_signs(self) -> None:
        self.assertTrue(Goal("value", ">=", 2).is_met(2, None))
        self.assertFalse(Goal("value", "<=", 2).is_met(2.1, None))
        self.assertIsNone(Goal("ratio", "<=", 2).is_met(1, None))


class OutputTests(unittest.TestCase):
    def test_json_has_the_fields(self) -> None:
        for made in (missing("sync_shm", "us", Goal("ratio", "<=", 2), "why"), Figure("a", 1.23456789, "us")):
            data = json.loads(json.dumps(made.as_json()))
            self.assertLessEqual(FIELDS, data.keys())
        self.assertEqual(data["value"], 1.2346)

    def test_a_missing_figure_says_why(self) -> None:
        made = missing("sync_shm", "us", Goal("ratio", "<=", 2), "no such option")
        self.assertEqual((made.value, made.met), (None, None))
        self.assertIn("not available: no such option", report.table([made]))

    def test_table(self) -> None:
        text = report.table([Figure("sync", 12.345, "us", 10.0, 1.2345, target="ratio <= 1", met=False, low=1, high=2,
                                    samples=5, foreign_cpu=0.25)])
        head, line = text.splitlines()
        self.assertTrue(head.startswith("name"))
        self.assertEqual(line.split(), ["sync", "12.35" if "12.35" in line else "12.34", "us", "10", "1.23", "-",
                                        "ratio", "<=", "1", "NO", "1..2", "5", "0.2", "%"])
        self.assertIn("0 of 1 targets met", report.summary([Figure("a", 1, "us", met=False)]))
