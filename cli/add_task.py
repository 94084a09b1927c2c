"""`add-task`: a new task from labelled sentences; its vector and head are learnt, nothing else of the model changes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperx_cl.cli.completion import complete_language
from hyperx_cl.cli.loading import find_model, load_model
from hyperx_cl.cli.options import BackbonePlace, Common, Config, DataDir, Device, LabelMap, ModelName, Resume, command
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.plan import with_label_maps
from hyperx_cl.cli.proving import expect_proof, proof_data
from hyperx_cl.cli.recording import recording
from hyperx_cl.cli.words import codes, names, pairs
from hyperx_cl.config import AddTaskOptions, as_dict
from hyperx_cl.data.examples import content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.languages import canonical
from hyperx_cl.registry.home import home
from hyperx_cl.registry.records import ModelRecord, StoredTask
from hyperx_cl.registry.store import Registry
from hyperx_cl.settings import resolve
from hyperx_cl.task_record import expect_task_name
from hyperx_cl.train.progress import reporting

if TYPE_CHECKING:
    from hyperx_cl.train.add_task import AddedTask
    from hyperx_cl.train.proof import Proof
    from hyperx_cl.train.task_data import Labelled

EXAMPLE = "hyperx-cl add-task number --data-dir DIR --lang en,ar,tr --column feats.Number"

_FORM = "CODE=FILE, such as en=train.conllu"


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "add-task", example=EXAMPLE)(add_task)


def add_task(
    common: Common,
    flags: Annotated[dict[str, Any], AddTaskOptions],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the task is to be called.")],
    data_dir: DataDir = None,
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang", metavar="LANGS", help="Languages to learn in.", show_default="the model's with a train file",
            autocompletion=complete_language,
        ),
    ] = None,
    train: Annotated[
        list[str] | None,
        typer.Option("--train", metavar="CODE=FILE", help="Instead: sentences of a language.", show_default=False),
    ] = None,
    dev: Annotated[
        list[str] | None,
        typer.Option("--dev", metavar="CODE=FILE", help="To choose by.", show_default="a tenth of --train"),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option("--column", help="Of CoNLL-U: feats.Number, deprel.coarse, xpos, …", show_default=False),
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", help="The label set.", show_default="all in the training sentences")
    ] = None,
    label_map: LabelMap = None,
    model: ModelName = None,
    backbone: BackbonePlace = None,
    config: Config = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir", help="Keeps checkpoints.", show_default="checkpoints/MODEL-task-NAME in HYPERX_HOME"
        ),
    ] = None,
    resume: Resume = False,
    device: Device = "auto",
) -> None:  # fmt: skip
    """Add a task from labelled sentences: only its own vector and head are learnt, for all languages at once."""
    expect_task_name(name)
    options = resolve(AddTaskOptions, file=config, flags=flags)
    source = _Source(data_dir, _files(train, "--train"), _files(dev, "--dev"), codes(lang))
    with common.registry() as registry:
        record = find_model(registry, model, backbone)
        registry.expect_task_addable(name, record.name)
        known = [stored.language for stored in registry.languages(record.name)]
        for code in source.languages:
            registry.history(code, record.name)
        task, data = source.read(name, known, column, names(labels), label_map or ())
        folder = (output_dir or home() / "checkpoints" / f"{record.name}-task-{name}") / "checkpoint"
        if resume and not folder.is_dir():
            common.out.note(f"There is no checkpoint in {folder}: learning starts from the beginning.")
        place = {"backbone": backbone, "device": device, "precision": options.precision}
        stored, added = _learn(common, registry, record, task, data, options, source, folder, place, resume=resume)
    _show(common, stored, added)


class _Source:
    """Where labelled sentences come from: a data root, or a file for each language.

    Raises:
        UsageError: Neither is given, or both are.
    """

    def __init__(
        self, data_dir: Path | None, train: Mapping[str, Path], dev: Mapping[str, Path], languages: Sequence[str]
    ) -> None:
        if (data_dir is None) == (not train):
            raise UsageError("give either --data-dir DIR, or --train CODE=FILE for each language")
        if data_dir is None and languages:
            raise UsageError("--lang chooses in --data-dir: with --train the languages are those that are named there")
        if data_dir is not None and dev:
            raise UsageError("--dev belongs to --train: in --data-dir the dev files are those of the folder")
        self._root = DataRoot(data_dir) if data_dir is not None else None
        self._train, self._dev = train, dev
        self.languages = [*languages, *train]

    @property
    def place(self) -> dict[str, Any]:
        """Where it is, for the run's configuration."""
        if self._root is not None:
            return {"data_dir": str(self._root.path.absolute())}
        both = {"train": self._train, "dev": self._dev}
        return {key: {code: str(file) for code, file in files.items()} for key, files in both.items()}

    def read(
        self, name: str, known: Sequence[str], column: str | None, labels: Sequence[str], label_maps: Sequence[str]
    ) -> "tuple[Task, dict[str, Labelled]]":
        """The task with its label set, and the sentences of each language.

        Raises:
            NotFoundError: None of the model's languages has a training file.
        """
        from hyperx_cl.train.task_data import complete, define, from_files, from_root

        renamed = with_label_maps({name: Task(name, "words")}, label_maps)[name].label_map
        root, languages = self._root, self.languages
        if root is not None and not languages:
            languages = [code for code in known if root.labelled(name, code, "train")]
            if not languages:
                raise NotFoundError(f"{root.path} has no training file for {name} in {', '.join(known)}: put one there")
        files = [root.labelled(name, code, "train") for code in languages] if root else [*self._train.values()]
        spans = any(file is not None and ".conllu" not in file.suffixes for file in files)
        task = define(name, column=column, spans=spans, labels=labels, label_map=renamed)
        data = from_root(root, task, languages) if root else from_files(task, self._train, self._dev)
        return complete(task, data), data


def _learn(
    common: Common, registry: Registry, record: ModelRecord, task: Task, data: "Mapping[str, Labelled]",
    options: AddTaskOptions, source: _Source, folder: Path, place: dict[str, Any], *, resume: bool,
) -> "tuple[StoredTask, AddedTask]":  # fmt: skip
    import torch

    from hyperx_cl.train.add_task import add_task as learn
    from hyperx_cl.train.checkpoint import remove_checkpoint

    loaded = load_model(registry, record, **place)
    facts = {
        "model": record.name, "task": task.name, "column": task.column, "labels": list(task.labels),
        "label_map": dict(task.label_map), "languages": list(data), "add_task": as_dict(options),
        "threads": torch.get_num_threads(), **source.place,
    }  # fmt: skip
    hashes = {f"{task.name}:{code}": content_hash(labelled.train) for code, labelled in data.items()}
    hashes |= {f"{task.name}:{code}, dev": content_hash(labelled.dev) for code, labelled in data.items()}
    with (
        reporting(f"learning {task.name}", options.steps, quiet=common.out.quiet) as reporter,
        recording(
            registry, "add-task", config=facts, seed=options.seed, reporter=reporter, data=hashes
        ) as run,
    ):  # fmt: skip
        added = learn(loaded, task, data, options, checkpoint=folder, resume=resume, reporter=run)
        expect_proof(added.proof)
        stored = registry.add_task(added.record)
        run.metrics |= _summary(stored, added)
    remove_checkpoint(folder)
    return stored, added


def _files(items: Sequence[str] | None, flag: str) -> dict[str, Path]:
    """Language to file.

    Raises:
        UsageError: One is not of that form, or a language comes twice.
        NotFoundError: There is no such language or file.
    """
    found: dict[str, Path] = {}
    for code, file in pairs(items or (), flag=flag, form=_FORM):
        short = canonical(code)
        if short in found:
            raise UsageError(f"{flag} {code}={file}: this language has a file already, put its sentences into one")
        if not Path(file).is_file():
            raise NotFoundError(f"there is no file {file}: check the path")
        found[short] = Path(file)
    return found


def _summary(stored: StoredTask, added: "AddedTask") -> dict[str, Any]:
    return {
        "model": stored.model, "task": stored.task, "hash": stored.hash, "labels": list(stored.definition["labels"]),
        "column": stored.definition["column"], "numbers": stored.numbers, "start": added.start,
        "screened": dict(added.screened), "scores": dict(added.scores), "metric": added.metric, "steps": added.steps,
        "tokens": added.tokens, "seconds": added.seconds, "proof": proof_data(added.proof),
    }  # fmt: skip


def _proof_lines(proof: "Proof") -> list[str]:
    return [
        f"hash of the model and its {proof.languages} languages: {proof.before}, afterwards "
        + ("unchanged" if proof.before == proof.after else f"CHANGED to {proof.after}"),
        "logits of all other tasks in these on a fixed probe: "
        + ("bit-identical" if proof.probe else "NOT identical"),
    ]  # fmt: skip


def _show(common: Common, stored: StoredTask, added: "AddedTask") -> None:
    labels = stored.definition["labels"]
    common.out.result(
        _summary(stored, added),
        ids=[stored.task],
        show=[
            f"{stored.task} ({len(labels)} labels: {' '.join(labels)}) is a task of model {stored.model} now: started "
            f"from {added.start}, {added.steps} steps, {added.tokens:,} tokens, {added.seconds:.0f} s, "
            f"{stored.numbers:,} numbers",
            Grid(("language", f"{added.metric}, dev %"), [(k, f"{100 * v:.1f}") for k, v in added.scores.items()]),
            *_proof_lines(added.proof),
        ],
    )
