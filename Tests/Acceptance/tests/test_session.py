"""Programs that hang, crash or talk nonsense are rows; the time there is holds."""

import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import place  # noqa: F401
from fakes import ANSWER, Counting, Plain, answering, script
from kit import table
from kit.budget import RESERVE, Budget
from kit.program import Program
from kit.report import Report
from kit.session import Session

STATISTICS = {"total": {"calls": 2000, "round_trips": 1234, "bytes_sent": 3 << 20, "bytes_received": 1}}


class Sessions(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=place.SCRATCH))
        self.addCleanup(shutil.rmtree, self.folder)
        self.report = Report(self.folder / "out", {})

    def row(self, body, ways=None, seconds=100.0, program=None):
        """The row of one Python program, which knows its way from the variable WAY."""
        file = script(self.folder / "program.py", "import json, os, sys, time\nway = os.environ['WAY']\n" + body)
        ways = ways or (Plain("native"), Plain("ferry"), Plain("slice", 0.25))
        session = Session(ways, Budget(seconds), self.report, self.folder, lambda text: None, lambda: None)
        program = program or Program("program", "python", typical=0.1, limit=20)
        session.run(program, lambda left: [sys.executable, str(file)])
        session.run_slices()
        return self.report.rows[-1]

    def words(self, row):
        return {way: verdict.word for way, verdict in row.verdicts.items()}

    def test_equal(self):
        row = self.row(answering())
        self.assertEqual(self.words(row), {"ferry": "equal", "slice": "equal"})
        self.assertEqual((row.ratio, row.failed, row.ran), (1.0, False, True))

    def test_differs(self):
        row = self.row(f"a = {ANSWER}\na['results']['a']['value'] = way\nprint(json.dumps(a))")
        self.assertEqual(self.words(row), {"ferry": "differs", "slice": "differs"})
        self.assertIn("native native, here ferry", row.verdicts["ferry"].reasons[0])
        self.assertTrue(row.failed and self.report.failed)

    def test_slices_scale(self):
        program = Program("program", "python", typical=0.1, scales=("a",))
        body = f"a = {ANSWER}\na['results']['a']['value'] = 250 if way == 'slice' else 1000\nprint(json.dumps(a))"
        self.assertFalse(self.row(body, program=program).failed)

    def test_crash(self):
        row = self.row(f"if way == 'native': {answering()}\nelse: os.abort()")
        self.assertEqual(self.words(row), {"ferry": "fails", "slice": "fails"})
        self.assertIn("SIGABRT", row.verdicts["ferry"].reasons[0])

    def test_exception(self):
        row = self.row(f"if way == 'native': {answering()}\nelse: raise RuntimeError('no such call')")
        self.assertEqual(row.verdicts["ferry"].reasons, ["exit status 1: RuntimeError: no such call"])

    def test_hangs(self):
        program = Program("program", "python", typical=0.1, limit=0.7)
        row = self.row(f"if way == 'native': {answering()}\nelse: time.sleep(60)", program=program)
        self.assertEqual(self.words(row), {"ferry": "hangs", "slice": "not run"})
        self.assertIn("killed after 2 s", row.verdicts["ferry"].reasons[0])

    def test_bad_answer(self):
        row = self.row(f"if way == 'native': {answering()}\nelse: print('{{')")
        self.assertEqual(self.words(row)["ferry"], "bad answer")

    def test_native_fails(self):
        row = self.row("sys.exit(3)")
        self.assertEqual((row.note, row.failed, row.ran, row.verdicts), ("native fails", False, False, {}))

    def test_not_installed(self):
        row = self.row("import no_such_package")
        self.assertEqual((row.note, row.failed), ("not installed", False))

    def test_wrong_driver(self):
        ways = (Plain("native", own="/driver"), Plain("ferry", own="/client"), Plain("slice", 0.25, own="/client"))
        body = answering(libraries=["/driver/libcuda.so.580", "/any/libnvidia-ml.so.1"])
        row = self.row(body, ways)
        self.assertEqual(self.words(row), {"ferry": "wrong driver", "slice": "wrong driver"})
        other = self.row(body.replace("/driver", "/client"), ways)
        self.assertEqual(other.note, "native run used /client/libcuda.so.580")

    def test_statistics(self):
        good = json.dumps(STATISTICS)
        row = self.row(answering(), (Plain("native"), Counting("ferry", good), Counting("slice", good)))
        self.assertEqual((row.total("round_trips"), row.total("bytes_sent", "bytes_received")), (1234, (3 << 20) + 1))
        self.assertIn("1,234     3.0 MiB", table.text([row]))
        told = json.dumps({**STATISTICS, "calls": [{"name": "cuGraphLaunch", "failures": 2}, {"name": "cuInit"},
                                                   {"name": "cuGetProcAddress_v2", "failures": 9}]})
        row = self.row(f"if way == 'native': {answering()}\nelse: sys.exit(1)",
                       (Plain("native"), Counting("ferry", told), Counting("slice", good)))
        self.assertEqual(row.verdicts["ferry"].reasons[1:], ["calls that failed: cuGraphLaunch 2 times"])
        for bad in ("{", "[]", '{"total": {"calls": 1}}'):
            row = self.row(answering(), (Plain("native"), Counting("ferry", bad), Counting("slice", good)))
            self.assertEqual(self.words(row)["ferry"], "bad answer")
            self.assertIn("statistics.json", row.verdicts["ferry"].reasons[0])

    def test_no_time(self):
        slow = Program("slow", "python", typical=8)
        row = self.row(answering(), seconds=RESERVE + 10, program=slow)
        self.assertEqual((row.note, row.failed, row.native), ("out of time", False, None))

    def test_time_cuts_short(self):
        program = Program("program", "python", typical=0.1, limit=60)
        row = self.row("time.sleep(60)", seconds=RESERVE + 1, program=program)
        self.assertEqual((row.note, row.failed), ("out of time", False))

    def test_report_is_whole(self):
        self.row(answering())
        self.report.write(complete=True, gpu="A | B")
        whole = json.loads((self.folder / "out" / "report.json").read_text())
        self.assertEqual(whole["counted"], {"equal": 1, "failed": 0, "not_run": 0})
        self.assertEqual(whole["rows"][0]["ferry"]["verdict"], "equal")
        self.assertIn("| program |", (self.folder / "out" / "table.md").read_text())


class Budgets(unittest.TestCase):
    def test_counts_down(self):
        now = [100.0]
        budget = Budget(60, lambda: now[0])
        self.assertEqual(budget.left(), 60 - RESERVE)
        self.assertEqual(budget.limit(20), (20, False))
        now[0] += 40
        self.assertEqual(budget.limit(20), (20 - RESERVE, True))
        self.assertEqual(budget.left(100), 0)
        now[0] += 100
        self.assertEqual((budget.left(), budget.spent), (0, 140))


class Tables(unittest.TestCase):
    def test_fits(self):
        from kit.catalogue import PROGRAMS
        from kit.rows import Row, Verdict
        rows = []
        for program in PROGRAMS:
            row = Row(program, note=program.hardware)
            row.verdicts = {} if program.hardware else {"ferry": Verdict("differs", ["x" * 300, "y"]),
                                                        "slice": Verdict("wrong driver", ["two\nlines"])}
            rows.append(row)
        text = table.text(rows)
        self.assertEqual([line for line in text.splitlines() if len(line) > table.COLUMNS], [])
        self.assertIn("(and 1 more)", text)

    def test_units(self):
        self.assertEqual([table.duration(x) for x in (None, 0.0, 2e-6, 0.0123, 5, 123.4)],
                         ["-", "0.00 us", "2.00 us", "12.3 ms", "5.00 s", "123 s"])
        self.assertEqual([table.size(x) for x in (None, 5, 2048, 3 << 20, 5 << 30)],
                         ["-", "5 B", "2.0 KiB", "3.0 MiB", "5.0 GiB"])
        self.assertEqual(table.escaped("a|b<c"), "a\\|b&lt;c")


if __name__ == "__main__":
    unittest.main()
