"""A process that runs command lines, one after another, for tests that need a Hub: see the fixture `online`."""

import contextlib
import io
import json
import os
import sys

from hyperx_cl.cli.app import run

for line in sys.stdin:
    home, words = json.loads(line)
    os.environ["HYPERX_HOME"] = home
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
