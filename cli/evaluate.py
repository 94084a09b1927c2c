"""`evaluate`: a language x task table of scores with their intervals, on gold data."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from hyperx_cl.cli.completion import complete_language, complete_task
from hyperx_cl.cli.fetching import data_home, have, on_hub
from hyperx_cl.cli.gold import choose_pairs, gold_hashes
from hyperx_cl.cli.loading import find_model, load_model, task_of, tasks_of
from hyperx_cl.cli.options import BackbonePlace, Common, DataDir, Device, LabelMap, ModelName, Precision, command
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.plan import with_label_maps
from hyperx_cl.cli.recording import recording, versions
from hyperx_cl.cli.words import codes, names
from hyperx_cl.data.hub.work import Wanted
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import UsageError
from hyperx_cl.evaluate.report import PairScore, table, to_csv, to_json, to_markdown
from hyperx_cl.registry.hub.scores import SCORED
from hyperx_cl.registry.records import ModelRecord
from hyperx_cl.registry.store import Registry
from hyperx_cl.segment import ExternalSegmenter, Segmenter, segmenter_for
from hyperx_cl.train.peers import Peers, peers
from hyperx_cl.train.progress import reporting

if TYPE_CHECKING:
    from hyperx_cl.evaluate.suite import Listener

POS = "pos"
EXAMPLE = "hyperx-cl evaluate --data-dir DIR --lang mt,ug --task pos --format markdown"

Form = Literal["table", "markdown", "csv", "json"]


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "evaluate", example=EXAMPLE, shared=True)(evaluate)


def evaluate(
    common: Common,
    data_dir: DataDir = None,
    lang: Annotated[
        str | None,
        typer.Option("--lang", help="Languages.", show_default="all with a file", autocompletion=complete_language),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option("--task", help="Tasks, such as pos,ner.", show_default="all", autocompletion=complete_task),
    ] = None,
    split: Annotated[Literal["test", "dev"], typer.Option("--split", help="Which files.")] = "test",
    label_map: LabelMap = None,
    model: ModelName = None,
    backbone: BackbonePlace = None,
    compat: Annotated[
        bool, typer.Option("--compat-hyperx", help="Count POS as the paper's code does.", rich_help_panel="Scoring")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="POS from raw text too: CoNLL-18 aligned F1.", rich_help_panel="Scoring")
    ] = False,
    tokenizer: Annotated[
        str | None,
        typer.Option("--tokenizer", metavar="CMD", help="With --raw: prints CoNLL-U.", rich_help_panel="Scoring"),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=1, help="Resamples of the intervals.", rich_help_panel="Scoring")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the resamples.", rich_help_panel="Scoring")] = 0,
    form: Annotated[Form, typer.Option("--format", help="How to print.")] = "table",
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Score the model's languages and tasks: seen, unseen and all averages, intervals, pieces per word."""

    def prepare(meeting: Peers) -> _Asked:
        if data_dir is None and not lang and not data_home().is_dir():
            raise UsageError(
                "there is nothing to score on: name languages with --lang, whose data is fetched from the Hub, or with "
                "--data-dir the folder that holds ud/LANG/test.conllu and ner/LANG/test.conll"
            )
        with common.registry(readonly=not meeting.first) as registry:
            record = find_model(registry, model, backbone)
            root = DataRoot(data_dir or _from_hub(common, registry, record, codes(lang), names(task)))
            pairs = choose_pairs(registry, record, root, codes(lang), names(task), split, note=common.out.note)
            splitters = _splitters(pairs, tokenizer) if raw else {}
            mapped = with_label_maps(tasks_of(record), label_map or ())
            stored = {language.language: language.version for language in registry.languages(record.name)}
        return _Asked(record, root, pairs, splitters, mapped, gold_hashes(root, mapped, pairs, split), stored)

    with peers() as meeting:
        asked = meeting.turn(lambda: prepare(meeting))
        with common.registry(readonly=not meeting.first) as registry:
            loaded = meeting.turn(
                lambda: load_model(registry, asked.record, backbone=backbone, device=device, precision=precision)
            )
            loaded.tasks.update(asked.tasks)  # how their files are read, and nothing else

            import torch

            from hyperx_cl.data.batches import Pair
            from hyperx_cl.evaluate.raw import evaluate_raw
            from hyperx_cl.evaluate.suite import evaluate_pairs

            about = {
                "model": asked.record.name, "fingerprint": asked.record.fingerprint, "split": split,
                "compat_hyperx": compat, "seed": seed, "samples": samples, "precision": precision,
                "threads": torch.get_num_threads(), "data_dir": str(asked.root.path.absolute()),
                "label_map": list(label_map or ()),
                "segmenters": {code: splitter.name for code, splitter in asked.splitters.items()},
            }  # fmt: skip
            mine, again = meeting.place.share(asked.pairs), meeting.place.share(list(asked.splitters))

            def score(telling: "Listener | None") -> tuple[list[PairScore], list[PairScore]]:
                plain = evaluate_pairs(
                    loaded, asked.root, [Pair(*pair) for pair in mine], split=split, compat=compat, samples=samples,
                    seed=seed, versions=asked.versions, reporter=telling,
                )  # fmt: skip
                aligned = [
                    score
                    for code in again
                    for score in evaluate_raw(
                        loaded, asked.root, code, asked.splitters[code], split=split, samples=samples, seed=seed,
                        versions=asked.versions,
                    )[:-1]
                ]  # fmt: skip
                return plain, aligned

            if not meeting.first:
                meeting.gather(lambda: score(None))
                return
            with (
                reporting("scoring", len(mine), quiet=common.out.quiet) as reporter,
                recording(
                    registry, "evaluate", config=about, seed=seed, reporter=reporter, data=asked.hashes
                ) as run,
            ):  # fmt: skip
                scores = _in_order(asked, meeting.gather(lambda: score(run)))
                plain, aligned = scores[: len(asked.pairs)], scores[len(asked.pairs) :]
                run.metrics |= {f"{score.task}:{score.language}": score.value for score in plain}
                run.metrics |= {f"{score.task}:{score.language}, {score.metric}": score.value for score in aligned}
                run.metrics[SCORED] = [asdict(score) for score in scores]
    _show(common, form, scores, about | {"versions": versions(), "data_hashes": asked.hashes})


class _Asked(NamedTuple):
    """What is to be scored, after everything cheap was checked."""

    record: ModelRecord
    root: DataRoot
    pairs: list[tuple[str, str]]
    splitters: dict[str, Segmenter]
    tasks: dict[str, Task]
    hashes: dict[str, str]
    versions: dict[str, int]


def _in_order(asked: _Asked, parts: list[tuple[list[PairScore], list[PairScore]]]) -> list[PairScore]:
    """The scores of all processes as one would give them: pairs as they were asked for, then those of raw text."""
    plain = {(score.task, score.language): score for part, _ in parts for score in part}
    aligned = [score for code in asked.splitters for _, part in parts for score in part if score.language == code]
    return [plain[pair] for pair in asked.pairs] + aligned


def _from_hub(
    common: Common, registry: Registry, record: ModelRecord, languages: Sequence[str], tasks: Sequence[str]
) -> Path:
    """The folder of fetched data; what is missing in the languages that are named is fetched.

    Tasks that are not named are scored where the Hub has them.
    """
    for code in languages:
        registry.history(code, record.name)
    chosen = [task_of(record, name, labelling=False) for name in tasks]
    found = chosen or [task for task in tasks_of(record).values() if task.kind != "mlm"]
    kinds = [kind for kind in map(on_hub, found) if kind]
    have(common, [Wanted(kind, code) for kind in kinds for code in languages], lenient=not chosen)
    return data_home()


def _splitters(pairs: Sequence[tuple[str, str]], tokenizer: str | None) -> dict[str, Segmenter]:
    """What splits the raw text of each language that parts of speech are scored in.

    Raises:
        UsageError: There is no such language.
    """
    languages = [code for task, code in pairs if task == POS]
    if not languages:
        raise UsageError("--raw scores parts of speech: have pos among the tasks, with files to score on")
    return {code: ExternalSegmenter(tokenizer) if tokenizer else segmenter_for(code) for code in languages}


def _show(common: Common, form: Form, scores: list[PairScore], about: dict[str, Any]) -> None:
    if common.out.json or form == "json":
        common.out.text(to_json(scores, about=about))
    elif form == "csv":
        common.out.text(to_csv(scores))
    elif form == "markdown":
        common.out.text(to_markdown(scores))
    else:
        shown = table(scores)
        ids = [f"{s.task}:{s.language} {s.value:.6f} {s.metric}" for s in scores]
        common.out.result({}, ids=ids, show=[Grid(shown.header, [*shown.languages, *shown.averages])])
