"""What the tests need to find: the kit and the suite, and a folder to write in."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ACCEPTANCE = Path(__file__).resolve().parent.parent
SCRATCH = Path(tempfile.mkdtemp(prefix="acceptance-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
os.environ.setdefault("FERRY_CONFORMANCE_WORK", str(SCRATCH / "conformance"))
for folder in (ACCEPTANCE, ACCEPTANCE.parent / "Conformance"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
