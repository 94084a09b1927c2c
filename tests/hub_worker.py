"""A process that runs command lines, one after another, for tests that need a Hub: see the fixture `online`."""

import contextlib
import io
import json
import os
import sys

from hyperx_cl.cli.app import run


def main() -> None:
    """Run each line of standard input, a home and words, and answer with exit code, output and errors."""
    for line in sys.stdin:
        home, words = json.loads(line)
        os.environ["HYPERX_HOME"] = home
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(words)
        print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)


if __name__ == "__main__":  # not when it is read for doctests
    main()
