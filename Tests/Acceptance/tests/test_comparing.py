"""Comparing results, and reading what a program prints."""

import unittest

import place  # noqa: F401
from kit import answer
from kit.comparing import difference, differences


def results(**values):
    return {name: {"value": value} for name, value in values.items()}


class Differences(unittest.TestCase):
    def test_equal(self):
        one = results(a=1, b="text", c=[1.5, [True, "x"]], d=float("nan"), e=float("inf"))
        self.assertEqual(differences(one, {name: dict(value) for name, value in one.items()}), [])

    def test_missing_and_extra(self):
        self.assertEqual(differences(results(a=1), results(b=1)), ["a: missing", "b: only here"])

    def test_values_and_places(self):
        self.assertEqual(differences(results(a=[1, [2, 3]]), results(a=[1, [2, 4]])),
                         ["a[1][1]: native [1, [2, 3]], here [1, [2, 4]]"])
        self.assertEqual(difference([1, 2], [1]), " (2 and 1 values)")

    def test_kinds(self):
        for one, other in ((True, 1), (1, "1"), (None, 0), ([1], 1), (float("nan"), 1.0), ("a", "b")):
            self.assertEqual(difference(one, other), "", (one, other))
        self.assertIsNone(difference(1, 1.0))

    def test_tolerance(self):
        native = {"a": {"value": [100.0, 0.0], "rtol": 0.01, "atol": 0.1}}
        self.assertEqual(differences(native, results(a=[101.0, 0.1])), [])
        self.assertNotEqual(differences(native, results(a=[101.2, 0.0])), [])
        self.assertNotEqual(differences(native, results(a=[100.0, 0.11])), [])
        self.assertNotEqual(differences(native, results(a=[float("nan"), 0.0])), [])
        # What the other run says of its tolerance does not count.
        self.assertNotEqual(differences(results(a=1.0), {"a": {"value": 2.0, "rtol": 9.0}}), [])

    def test_slices(self):
        scales = {"total": 0.25}
        self.assertEqual(differences(results(total=1000, a=3), results(total=252, a=3), scales), [])
        self.assertNotEqual(differences(results(total=1000), results(total=1000), scales), [])
        self.assertNotEqual(differences(results(total=1000), results(total=254), scales), [])


class Answers(unittest.TestCase):
    def test_last_line(self):
        read = answer.read('noise\n{"seconds": 0.5, "results": {"a": {"value": 1}}, "libraries": ["/x"]}\n\n')
        self.assertEqual((read.seconds, read.results["a"]["value"], read.libraries), (0.5, 1, ["/x"]))

    def test_bad(self):
        for text in ("", "hello", "[1]", '{"seconds": 1}', '{"results": {"a": 1}}', '{"results": {"a": {}}}',
                     '{"seconds": "x", "results": {}}', '{"seconds": NaN, "results": {}}',
                     '{"seconds": -1, "results": {}}', '{"results": {}, "libraries": 3}', '{"results": []}'):
            with self.assertRaises(answer.BadAnswer, msg=text):
                answer.read(text)

    def test_telling_line(self):
        trace = ("Traceback (most recent call last):\n  File x\nRuntimeError: CUDA error: operation not supported\n"
                 "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n")
        self.assertEqual(answer.telling_line("", trace), "RuntimeError: CUDA error: operation not supported")
        self.assertEqual(answer.telling_line("out\n", ""), "out")
        self.assertEqual(answer.telling_line("", "a\nb\n\n"), "b")
        self.assertEqual(answer.telling_line("", ""), "")

    def test_status(self):
        self.assertEqual(answer.status_text(3), "exit status 3")
        self.assertEqual(answer.status_text(139), "ended by SIGSEGV")
        self.assertEqual(answer.status_text(250), "exit status 250")


if __name__ == "__main__":
    unittest.main()
