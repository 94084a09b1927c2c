"""`fewshot --full`: a few labelled sentences make a new model, to which all languages and learnt tasks are carried."""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.cli.keeping import expect_free
from hyperx_cl.cli.loading import load_model
from hyperx_cl.cli.options import Common
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.proving import expect_proof, proof_data
from hyperx_cl.cli.recording import recording
from hyperx_cl.config import FewshotOptions, FullOptions, as_dict
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.registry.records import ModelRecord, StoredLanguage, StoredTask
from hyperx_cl.registry.store import Registry
from hyperx_cl.task_record import TaskRecord
from hyperx_cl.train.progress import reporting

if TYPE_CHECKING:
    from hyperx_cl.train.full_fewshot import FullLearnt

CARRIED = "carried"
"""Method of the records that another model's were copied from, number by number."""

_PAIR_ONLY = ("rank", "folds", "epochs", "rate", "rate_embedding")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be learnt, and where it is to lie.

    Args:
        record: The model that it starts from.
        code: The language.
        task: The task, as its files are read.
        drawn: Sentences to learn from.
        tested: Sentences to measure on, if there are any.
        root: Where the other languages' dev sentences are, if anywhere.
        options: How.
        full: The same.
        name: Of the new model.
        folder: The new model's.
        facts: More to keep with the run.
        said: Where the sentences are from and their licence, as far as it was said; the new model keeps it.
        data: Hashes of the sentences.
    """

    record: ModelRecord
    code: str
    task: Task
    drawn: Sequence[Sentence]
    tested: Sequence[Sentence] | None
    root: DataRoot | None
    options: FewshotOptions
    full: FullOptions
    name: str
    folder: Path
    facts: Mapping[str, Any]
    said: Mapping[str, str]
    data: Mapping[str, str]


UNFINISHED = "unfinished"
"""Lies in a new model's folder until all of it is stored; a process that was killed leaves it there."""


def expect_words(
    full: bool, flags: Collection[str], full_flags: Collection[str], output_dir: Path | None, name: str | None
) -> None:
    """Refuse words that do not go together, before anything is opened.

    Raises:
        UsageError: A flag of the other way of learning, or no place or name for the new model.
    """
    if not full:
        given = [*full_flags, *(["output_dir"] if output_dir else []), *(["name"] if name else [])]
        if given:
            raise UsageError(f"{_flag(given[0])} belongs to --full: without it no new model is made")
        return
    given = [flag for flag in _PAIR_ONLY if flag in flags]
    if given:
        there = " (it has --full-epochs and --full-rate)" if given[0] in ("epochs", "rate", "rate_embedding") else ""
        raise UsageError(f"{_flag(given[0])} is of what belongs to a pair, which --full does not learn{there}")
    for word, value in (("--output-dir", output_dir), ("--name", name)):
        if not value:
            raise UsageError(f"{word} is missing: --full makes a new model, which needs a folder and a name")


def expect_place(registry: Registry, name: str, folder: Path, *, resume: bool) -> ModelRecord | None:
    """Refuse, before anything is read, what would be refused after learning.

    Args:
        registry: Where the name would be.
        name: Of the new model.
        folder: Of the new model.
        resume: Remove first what a killed process has left of it unfinished.

    Returns:
        The model, where the run to go on with is finished.

    Raises:
        UsageError: It cannot name a model.
        ConflictError: The name belongs to a model, or something lies in the folder's place.
    """
    if resume and folder.is_dir():
        if not (folder / UNFINISHED).exists() and any(folder.iterdir()):
            return expect_free(registry, name, folder, resume=True)
        _remove(registry, name, folder)
    if folder.exists():
        raise ConflictError(f"{folder} is there already: --full makes a new folder, choose another --output-dir")
    return expect_free(registry, name, folder, resume=False)


def read_others(
    registry: Registry, record: ModelRecord, task: Task, code: str, root: DataRoot | None, full: FullOptions, seed: int
) -> dict[str, list[Sentence]]:
    """The dev sentences, at most so many, of every other language in use that has some in the task.

    Raises:
        DataError: A file cannot be used.
    """
    from hyperx_cl.train.corpora import draw_some

    if root is None:
        return {}
    known = [stored.language for stored in registry.languages(record.name) if stored.language != code]
    there = [other for other in known if root.labelled(task.name, other, "dev")]
    return {other: draw_some(root.load(task, other, "dev"), full.full_sentences, seed) for other in there}


def learn_fully(
    common: Common, registry: Registry, asked: Asked, *, backbone: str | None, device: str, resume: bool
) -> None:
    """Learn a new model, keep it with all that is carried over, and say what it has cost the other languages.

    Raises:
        HyperXError: It cannot be learnt or kept; then neither folder nor registry have anything of it.
    """
    import torch

    from hyperx_cl.train.full_fewshot import full_fewshot

    record, task, options = asked.record, asked.task.name, asked.options
    others = read_others(registry, record, asked.task, asked.code, asked.root, asked.full, options.seed)
    if not others:
        common.out.note(
            f"No dev sentences of another language to measure harm on{'' if asked.root else ' (give --data-dir DIR)'}: "
            "only how far the adapters of the other pairs move is told."
        )
    loaded = load_model(registry, record, backbone=backbone, device=device, precision=options.precision)
    place = str(Path(backbone).resolve()) if backbone and Path(backbone).is_dir() else backbone
    facts = {
        "model": record.name, "language": asked.code, "task": task, "fewshot": as_dict(options),
        "full": as_dict(asked.full), "name": asked.name, "output_dir": str(asked.folder), **asked.facts,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    data = {**asked.data, **{f"{task}:{other}, dev": content_hash(given) for other, given in others.items()}}
    with (
        reporting(f"few-shot {task} {asked.code}", asked.full.full_epochs, quiet=common.out.quiet) as reporter,
        _whole_or_not_at_all(registry, asked.name, asked.folder),  # around the books: what is finished is in them
        recording(
            registry, "fewshot", config=facts, seed=options.seed, reporter=reporter, data=data, resumed=resume
        ) as run,
    ):
        learnt = full_fewshot(
            loaded, asked.code, task, asked.drawn, options, asked.full, test=asked.tested, others=others,
            reporter=run,
        )  # fmt: skip
        expect_proof(learnt.proof)
        kept = _keep(registry, asked, learnt, place)
        summary = _summary(registry, asked, kept, learnt)
        run.metrics |= summary
    _show(common, asked, summary)


@contextmanager
def _whole_or_not_at_all(registry: Registry, name: str, folder: Path) -> Iterator[None]:
    """Make the model's folder, and take it and the model's rows away again where what happens inside fails.

    Raises:
        UsageError: The folder cannot be made; somebody may have made it meanwhile.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        (folder / UNFINISHED).touch()
    except OSError as error:
        raise UsageError(f"{folder} cannot be made ({error.strerror}): choose another --output-dir") from error
    try:
        yield
        (folder / UNFINISHED).unlink()
    except BaseException:
        _remove(registry, name, folder)
        raise


def _remove(registry: Registry, name: str, folder: Path) -> None:
    """Take away an unfinished model: its rows, and then its folder, by which the next try knows that it must."""
    if any(model.name == name and Path(model.path) == folder for model in registry.list_models()):
        registry.remove_model(name, cascade=True)
    shutil.rmtree(folder, ignore_errors=True)


def _keep(registry: Registry, asked: Asked, learnt: "FullLearnt", backbone: str | None) -> ModelRecord:
    """Write the model and store it with the current records of all languages and tasks of the one before."""
    was, mark = asked.record, learnt.model.save_pretrained(asked.folder)
    languages = [registry.language(stored.language, was.name) for stored in registry.languages(was.name)]
    tasks = [registry.task(stored.task, was.name) for stored in registry.tasks(was.name)]
    origin = {
        "model": was.name, "fingerprint": was.fingerprint, "language": asked.code, "task": asked.task.name,
        "sentences": learnt.digests, "fewshot": as_dict(asked.options), "full": as_dict(asked.full), **asked.said,
    }  # fmt: skip
    config = {**was.config, "backbone": backbone or was.config.get("backbone", ""), "fewshot": origin}
    carried = [
        LanguageRecord(
            language=one.record.language, model=mark, tensors=one.record.tensors, pieces=one.record.pieces,
            transliteration=one.record.transliteration, provenance=_carried(one.stored),
        )
        for one in languages
    ]  # fmt: skip
    registry.add_trained(asked.name, mark, asked.folder, was.backbone, config, carried, method=CARRIED)
    for task in tasks:
        if task.stored.task == asked.task.name:
            facts = _carried(task.stored) | {"method": "fewshot", "fewshot": origin}
            registry.add_task(learnt.model.record_task(asked.task.name, facts))
        else:
            registry.add_task(_carried_task(task.record, mark, _carried(task.stored)))
    return registry.model(asked.name)


def _carried(stored: StoredLanguage | StoredTask) -> dict[str, Any]:
    """Where a record comes from that was copied; what was told of the first one is told under ``carried``."""
    told = {key: stored.provenance[key] for key in ("source", "licence") if key in stored.provenance}
    first = {"model": stored.fingerprint, "hash": stored.hash, "method": stored.first_method}
    return {
        **told, "method": CARRIED, "parent": stored.hash, "carried": first | {"provenance": dict(stored.provenance)},
    }  # fmt: skip


def _carried_task(record: TaskRecord, model: str, provenance: dict[str, Any]) -> TaskRecord:
    return replace(record, model=model, provenance=provenance)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _summary(registry: Registry, asked: Asked, kept: ModelRecord, learnt: "FullLearnt") -> dict[str, Any]:
    moved = {f"{pair.task}:{pair.language}": share for pair, share in learnt.moved.items()}
    target = learnt.target
    return {
        "model": kept.name, "path": kept.path, "fingerprint": kept.fingerprint, "made_from": asked.record.name,
        "language": asked.code, "task": asked.task.name,
        "before": target.before if target else None, "after": target.after if target else None,
        "metric": learnt.metric, "measured_on": "test file" if target else None,
        "others": {
            code: {
                "before": change.before, "after": change.after, "difference": change.difference,
                "sentences": change.sentences,
            }
            for code, change in learnt.others.items()
        },
        "macro_difference": learnt.harm,
        "moved": {
            "before": 0.0, "mean": sum(moved.values()) / len(moved) if moved else 0.0,
            "largest": max(moved.values(), default=0.0), "pairs": moved,
        },
        "languages": [stored.language for stored in registry.languages(kept.name)],
        "tasks": [stored.task for stored in registry.tasks(kept.name)],
        "loss": learnt.loss, "steps": learnt.steps, "digests": learnt.digests, "seconds": learnt.seconds,
        "proof": proof_data(learnt.proof),
    }  # fmt: skip


def show_finished(common: Common, registry: Registry, model: ModelRecord) -> None:
    """Say that the run to go on with is finished, and what it told at its end."""
    common.out.note(f"The model in {model.path} is finished and in the registry: nothing is left to do.")
    kept = [run.metrics for run in registry.list_runs() if run.metrics.get("fingerprint") == model.fingerprint]
    common.out.result(
        {"model": model.name, "path": model.path, "fingerprint": model.fingerprint, **(kept[0] if kept else {})},
        ids=[model.name],
        show=[f"{model.name} is in {model.path}", f"fingerprint {model.fingerprint}"],
    )


def _show(common: Common, asked: Asked, told: Mapping[str, Any]) -> None:
    moved, proof, was = told["moved"], told["proof"], told["made_from"]
    n = f"{told['task']} in {told['language']} with {len(told['digests'])} sentences"
    scored = (
        f"{told['metric']} {100 * told['before']:.1f} before, {100 * told['after']:.1f} after ({told['measured_on']})"
        if told["measured_on"]
        else f"loss {told['loss']:.4f} on these in the last epoch; before and after need other ones, --test FILE"
    )
    rows = [
        (code, f"{100 * c['before']:.1f}", f"{100 * c['after']:.1f}", f"{100 * c['difference']:+.1f}")
        for code, c in told["others"].items()
    ]
    if rows:
        rows.append(("mean", "", "", f"{100 * told['macro_difference']:+.1f}"))
    tasks = f" and the learnt {', '.join(told['tasks'])}" if told["tasks"] else ""
    common.out.result(
        told,
        ids=[told["model"]],
        show=[
            f"{n}: {scored}",
            *([Grid(("language", "before", "after", "difference"), rows)] if rows else []),
            f"adapters of the {len(moved['pairs'])} other pairs: moved by {100 * moved['mean']:.2f} % of their length "
            f"on average, {100 * moved['largest']:.2f} % at most",
            f"{told['model']} is a new model in {told['path']}, with {', '.join(told['languages'])}{tasks}: use it "
            f"with --model {told['model']}",
            f"fingerprint {told['fingerprint']}",
            f"{was} and all that is stored for it stay as they were: hash {proof['before']} and logits unchanged",
        ],
    )
