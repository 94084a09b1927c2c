"""`runs`: what was trained and scored, with configuration, seed, versions, data hashes and results."""

from dataclasses import asdict
from typing import Annotated

import typer

from hyperx_cl.cli.options import Common, command, group
from hyperx_cl.cli.output import Grid

app = group("runs", "The runs that trained or scored something.")


def list_runs(
    common: Common,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="At most so many.", show_default="all")
    ] = None,
) -> None:
    """List the runs, newest first; --json has everything that is kept of them."""
    with common.registry(readonly=True) as registry:
        found = registry.list_runs(limit)
    rows = [
        tuple(str("" if v is None else v) for v in (r.id, r.command, r.status, r.seed, r.started, r.finished))
        for r in found
    ]
    common.out.result(
        {"runs": [asdict(run) for run in found]},
        ids=[str(run.id) for run in found],
        show=[Grid(("run", "command", "status", "seed", "started", "finished"), rows)] if found else ["No run yet."],
    )


command(app, "list", example="hyperx-cl runs list --limit 3 --json")(list_runs)
