"""`data`: fetch labelled sentences and text from the Hub, and list what a data folder holds."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from hyperx_cl.cli.fetching import MaxLines, Treebank, data_home
from hyperx_cl.cli.options import Common, DataDir, command, group
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.words import codes, names
from hyperx_cl.data.hub.fetch import fetch
from hyperx_cl.data.hub.sets import SETS
from hyperx_cl.data.hub.source import TEXT, Source, read_source, source_file
from hyperx_cl.data.hub.work import Fetched, Wanted
from hyperx_cl.data.root import SPLITS, DataRoot
from hyperx_cl.errors import HyperXError, UsageError

app = group("data", "Labelled sentences and text from the Hub, and what a data folder holds.")


def get(
    common: Common,
    lang: Annotated[str, typer.Option("--lang", metavar="LANGS", help="Languages: en,mt.")],
    task: Annotated[
        str,
        typer.Option(
            "--task", metavar="TASKS", help="pos: Universal Dependencies; ner: WikiANN; mlm: text of Wikipedia."
        ),
    ] = "pos,ner,mlm",
    data_dir: DataDir = None,
    max_lines: MaxLines = None,
    treebank: Treebank = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look everything up, fetch nothing.")] = False,
) -> None:
    """Fetch labelled sentences and text from the Hub into a data folder; what is there already stays."""
    tasks, languages = names(task), codes(lang)
    if not languages or not tasks:
        raise UsageError("there is nothing to fetch: name languages with --lang, such as en,mt, and tasks with --task")
    wanted = [Wanted(name, code) for name in tasks for code in languages]
    root = data_dir or data_home()
    done = fetch(
        root, wanted, max_lines=max_lines, treebanks=names(treebank), dry_run=dry_run, tell=common.out.note
    )  # fmt: skip
    told = "would be fetched" if dry_run else "fetched"
    common.out.result(
        {
            "data_dir": str(root.absolute()), "dry_run": dry_run,
            "data": [_data(each.source) | {"new": list(each.new), "bytes_on_hub": each.bytes} for each in done],
        },
        ids=[f"{each.source.task}:{each.source.language}" for each in done],
        show=[_grid([each.source for each in done], [_state(each, told) for each in done]), f"in {root}"],
    )  # fmt: skip


def list_data(common: Common, data_dir: DataDir = None) -> None:
    """List the languages and files of a data folder, and where they came from."""
    place = data_dir or data_home()
    if data_dir is None and not any((place / hub_set.folder).is_dir() for hub_set in SETS.values()):
        common.out.result({"data_dir": str(place.absolute()), "data": []}, show=[_NOTHING])
        return
    root = DataRoot(place)
    rows, data = [], []
    for task, hub_set in SETS.items():
        for code in root.languages(task):
            splits = [TEXT] if task == "mlm" else [split for split in SPLITS if root.labelled(task, code, split)]
            source, origin = None, ("files of your own", "")
            try:
                source = read_source(source_file(place, hub_set.folder, code))
            except HyperXError as error:
                common.out.warn(f"{error}.")
            rows.append((task, code, _counted(splits, source), *(_origin(source) if source else origin)))
            known = _data(source) if source else None
            data.append({"task": task, "language": code, "splits": splits, "source": known})
    common.out.result(
        {"data_dir": str(place.absolute()), "data": data},
        ids=[f"{task}:{code}" for task, code, *_ in rows],
        show=[Grid(("task", "language", "files", "from", "licence"), rows), f"in {place}"],
    )


_NOTHING = "No data yet: `hyperx-cl data get --lang CODES` fetches some."


def _state(fetched: Fetched, told: str) -> str:
    return f"{told}: {', '.join(fetched.new)}" if fetched.new else "there already"


def _grid(sources: Sequence[Source], states: Sequence[str]) -> Grid:
    rows = [
        (source.task, source.language, _counted([*source.parts], source), *_origin(source), state)
        for source, state in zip(sources, states, strict=True)
    ]
    return Grid(("task", "language", "files", "from", "licence", ""), rows)


def _counted(splits: Sequence[str], source: Source | None) -> str:
    parts = source.parts if source else {}
    return ", ".join(f"{split} {parts[split].count:,}" if split in parts else split for split in splits)


def _origin(source: Source) -> tuple[str, str]:
    return f"{source.dataset} {source.config} @{source.revision[:12]}", source.licence


def _data(source: Source) -> dict[str, Any]:
    return asdict(source) | {"splits": list(source.splits), "missing": source.missing}


command(app, "get", example="hyperx-cl data get --lang en,mt --task pos,mlm --max-lines 5000")(get)
command(app, "list", example="hyperx-cl data list --data-dir DIR")(list_data)
