"""Pieces of work that several processes share: each takes whole pieces, and the first one shows what all have done."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hyperx_cl.cli.output import Grid, Output
from hyperx_cl.errors import HyperXError
from hyperx_cl.train.peers import Peers


class Told(NamedTuple):
    """What is shown of one piece.

    Args:
        data: For ``--json``.
        ids: For ``--quiet``.
        show: Lines and tables.
        warnings: Said on stderr afterwards.
    """

    data: dict[str, Any]
    ids: list[str]
    show: list[str | Grid]
    warnings: list[str]


def each(output: Output, meeting: Peers, names: Sequence[str], work: Callable[[str], Told], *, what: str) -> None:
    """Do every piece, and show them all in their order, whoever has done them.

    A piece that fails does not keep the others from being done.

    Args:
        output: Of the command.
        meeting: The processes.
        names: Of the pieces.
        work: Does one.
        what: Name of the list of several pieces in the JSON document.

    Raises:
        HyperXError: Of the first piece that failed, after everything else is done and shown.
    """

    def mine() -> dict[str, Told | HyperXError]:
        return {name: _tried(work, name) for name in meeting.place.share(names)}

    done = {name: told for part in meeting.gather(mine) for name, told in part.items()}
    good = [told for name in names if isinstance(told := done[name], Told)]
    bad = [(name, error) for name in names if isinstance(error := done[name], HyperXError)]
    if good:
        output.result(
            good[0].data if len(names) == 1 else {what: [told.data for told in good]},
            ids=[shown for told in good for shown in told.ids],
            show=[line for told in good for line in told.show],
        )
    for text in [text for told in good for text in told.warnings] + [f"{name}: {error}" for name, error in bad[1:]]:
        output.warn(text)
    if bad and not meeting.first:
        raise SystemExit(bad[0][1].exit_code)
    if bad:
        name, error = bad[0]
        raise error if len(names) == 1 else type(error)(f"{name}: {error}") from error


def _tried(work: Callable[[str], Told], name: str) -> Told | HyperXError:
    try:
        return work(name)
    except HyperXError as error:
        return error
