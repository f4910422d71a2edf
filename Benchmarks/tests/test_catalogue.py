"""The rows and the command line."""

import unittest

from bench import exact, link10g, main, softgpu
from bench.catalogue import GROUPS
from bench.contestants import Spec, Stage

REQUIRED = """launch_instructions launch_rate_1 launch_rate_4 sync_tcp sync_unix sync_shm sync_tls burst20 step139
step1400 h2d_256m d2h_256m h2d_256m_tls h2d_4k module_warm start_round_trips run_true_ms""".split()


def names(is_quick: bool) -> list[str]:
    rows = [row.name for group in main.chosen("*", is_quick).values() for row in group]
    return rows + [name for made in exact.NAMES.values() for name in made] + list(link10g.NAMES)


class CatalogueTests(unittest.TestCase):
    def test_names_are_unique(self) -> None:
        self.assertEqual(len(names(False)), len(set(names(False))))

    def test_what_must_be_there_is_there(self) -> None:
        for is_quick in (True, False):
            self.assertLessEqual(set(REQUIRED), set(names(is_quick)))

    def test_quick_is_less(self) -> None:
        self.assertLess(len(names(True)), len(names(False)))

    def test_kernels_of_the_software_gpu_have_targets_and_floors(self) -> None:
        rows = [row for rows in softgpu.groups() for row in rows]
        self.assertEqual(len({row.name for row in rows}), 9)
        # How fast code is loaded has nothing beside it: a new text has a target, a known one is for comparison.
        loading = {row.name: row for row in rows if row.value.program == "load"}
        self.assertEqual(set(loading), {"load", "load_again"})
        self.assertTrue(loading["load"].goal)
        for row in rows:
            if row.name in loading:
                continue
            self.assertTrue(row.floor and row.goal and row.value != row.floor)

    def test_only(self) -> None:
        groups = main.chosen("sync_*,burst20", True)
        self.assertEqual({row.name for rows in groups.values() for row in rows},
                         {"sync_tcp", "sync_unix", "sync_shm", "sync_tls", "burst20"})

    def test_a_full_name_is_measured_in_any_case(self) -> None:
        self.assertIn("sizes", main.chosen("h2d_16m", True))
        self.assertNotIn("sizes", main.chosen("h2d_*", True))

    def test_every_row_has_a_contestant(self) -> None:
        for rows in GROUPS.values():
            for row in rows():
                self.assertIn(row.value.side, ("ferry", "floor"))


class StageTests(unittest.TestCase):
    def test_what_a_build_has_not_is_left_out(self) -> None:
        old, new = Stage(None, {}, "--stats"), Stage(None, {}, "--transport --emulate-link")
        for spec in (Spec("ferry", "calls", transport="shm"), Spec("ferry", "calls", link="50us")):
            self.assertIsNotNone(old.obstacle(spec))
            self.assertIsNone(new.obstacle(spec))
        self.assertIsNone(old.obstacle(Spec("ferry", "calls")))
