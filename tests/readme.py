"""The README's shell blocks that are marked with the comment ``<!-- test: run -->``, and how a reader runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUN_BLOCKS = re.findall(r"^<!-- test: run -->\n```bash\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def run_block(block: str, folder: Path) -> str:
    """Run a block as it stands, in the folder ``work`` that is made in another one; what it printed.

    Raises:
        AssertionError: It failed.
    """
    command, work = folder / "bin" / "hyperx-cl", folder / "work"
    command.parent.mkdir()
    work.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hyperx_cl.cli "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
