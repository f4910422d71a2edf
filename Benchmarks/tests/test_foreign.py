"""CPU of others, from what the kernel writes."""

import unittest

from bench import foreign
from bench.foreign import Snapshot, Ticks, grown, parse_parent, parse_run_time, share

STAT = "cpu  350956 14545 49643 269595 2872 0 918 286 0 0\ncpu0 1 2 3 4\n"
ME, OTHER = ("1", "1"), ("2", "2")


def snapshot(at: float, busy: int, own: int, others: int, stolen: int = 0) -> Snapshot:
    return Snapshot(at, Ticks(busy, stolen), {ME: own}, {OTHER: others})


class ParsingTests(unittest.TestCase):
    def test_ticks(self) -> None:
        self.assertEqual(Ticks.parse(STAT), Ticks(350956 + 14545 + 49643, 286))
        for text in ("", "intr 1 2", "cpu 1"):
            with self.assertRaises(ValueError):
                Ticks.parse(text)

    def test_the_name_of_a_program_may_hold_anything(self) -> None:
        self.assertEqual(parse_parent("42 (a) b (c) S 7 42 42 0"), 7)

    def test_run_time(self) -> None:
        self.assertEqual(parse_run_time("328173048 342224 20\n"), 328173048)


class ShareTests(unittest.TestCase):
    def test_own_time_is_not_foreign(self) -> None:
        self.assertEqual(share(snapshot(0, 0, 0, 0), snapshot(1, 100, 1_000_000_000, 0), 2, 100), 0)

    def test_time_of_others(self) -> None:
        self.assertEqual(share(snapshot(0, 0, 0, 0), snapshot(1, 50, 0, 500_000_000), 2, 100), 25)

    def test_those_who_came_and_went_are_in_the_sum(self) -> None:
        self.assertAlmostEqual(share(snapshot(0, 0, 0, 0), snapshot(1, 104, 0, 0), 2, 100), 50)

    def test_stolen_time_counts(self) -> None:
        self.assertEqual(share(snapshot(0, 0, 0, 0), snapshot(1, 0, 0, 0, stolen=20), 2, 100), 10)

    def test_new_threads_count_whole(self) -> None:
        self.assertEqual(grown({ME: 5}, {ME: 5, OTHER: 2_000_000_000}), 2)
        self.assertEqual(grown({ME: 5, OTHER: 7}, {ME: 5}), 0)

    def test_the_real_machine(self) -> None:
        meter = foreign.Meter()
        meter.begin()
        self.assertTrue(0 <= meter.end() <= 100)

    def test_patience_ends(self) -> None:
        patience = foreign.Patience(0.2)
        patience.wait(-1)
        self.assertLessEqual(patience.left, 0)
