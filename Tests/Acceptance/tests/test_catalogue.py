"""The list of programs fits the files, and the suite's output is understood."""

import ast
import unittest

import place
from kit.catalogue import CONFORMANCE, PROGRAMS, chosen
from kit.conformance import QUICK, parse
from suite.catalogue import all_cases


class Catalogue(unittest.TestCase):
    def test_files(self):
        folder = place.ACCEPTANCE / "programs"
        listed = {program.source for program in PROGRAMS if program.name != CONFORMANCE}
        helpers = {"report.py", "torch_setup.py", "cupy_setup.py", "gpt.py"}
        self.assertEqual(listed | helpers, {path.name for path in folder.iterdir() if path.suffix in (".py", ".cu")})
        for path in folder.glob("*.py"):
            ast.parse(path.read_text(), str(path))
        for path in folder.iterdir():
            if path.is_file():
                self.assertNotIn("ferry", path.read_text().lower(), path)

    def test_names(self):
        names = [program.name for program in PROGRAMS]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([len(name) for name in names if len(name) > 18], [])

    def test_quick_conformance_cases(self):
        self.assertEqual(set(QUICK) - {case.name for case in all_cases()}, set())

    def test_chosen(self):
        self.assertEqual(len(chosen(False, False, [])), len(PROGRAMS))
        self.assertTrue(0 < len(chosen(True, False, [])) < len(PROGRAMS))
        self.assertEqual([p.name for p in chosen(True, False, ["torch_conv", "*pools"])], ["torch_conv", "nvcc_pools"])

    def test_suite_output(self):
        cases = parse("compiled 2 of 2\nok   native       vector_add[cu13-static]       1.25 s\n"
                      "FAIL ferry-native error_kernel.null[cu13-static]     0.50 s\n"
                      "       exit status 1, not 0\n         more\n1 passed, 1 failed\n")
        self.assertEqual([(c.passed, c.target, c.name, c.seconds) for c in cases],
                         [(True, "native", "vector_add[cu13-static]", 1.25),
                          (False, "ferry-native", "error_kernel.null[cu13-static]", 0.5)])
        self.assertEqual(cases[1].reasons, ["exit status 1, not 0", "more"])


if __name__ == "__main__":
    unittest.main()
