"""A process that runs command lines, one after another, for tests that need a Hub: see the fixture `online`."""

import contextlib
import io
import json
import os
import sys
from typing import Any

from hyperx_cl.cli.app import run


def only_the_hub(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a connection to anything but the configured Hub (an audit hook of Python)."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host, port = arguments[1][:2]
        if f"http://{host}:{port}" != os.environ["HF_ENDPOINT"]:
            raise PermissionError(f"something else than the Hub was asked for: {host}:{port}")


def main() -> None:
    """Run each line of standard input, a home and words, and answer with exit code, output and errors."""
    sys.addaudithook(only_the_hub)
    for line in sys.stdin:
        home, words = json.loads(line)
        os.environ["HYPERX_HOME"] = home
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(words)
        print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)


if __name__ == "__main__":  # not when it is read for doctests
    main()
