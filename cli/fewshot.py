"""`fewshot`: a few labelled sentences move what belongs to one language in one task, and nothing else."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperx_cl.cli.completion import complete_language, complete_task
from hyperx_cl.cli.fetching import data_home, have, on_hub, origin
from hyperx_cl.cli.fewshot_full import Asked, expect_place, expect_words, learn_fully, show_finished
from hyperx_cl.cli.loading import find_model, load_model, task_of, tasks_of
from hyperx_cl.cli.made_of import of_sentences
from hyperx_cl.cli.options import BackbonePlace, Common, Config, DataDir, Device, LabelMap, ModelName, command
from hyperx_cl.cli.output import Grid
from hyperx_cl.cli.plan import with_label_maps
from hyperx_cl.cli.proving import expect_proof, proof_data, proof_lines
from hyperx_cl.cli.recording import end_killed, recording
from hyperx_cl.config import FewshotOptions, FullOptions, as_dict
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.data.hub.work import Wanted
from hyperx_cl.data.root import DataRoot, read_sentences
from hyperx_cl.data.tasks import Task, check_labels
from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.languages import canonical
from hyperx_cl.registry.records import ModelRecord, StoredLanguage
from hyperx_cl.registry.store import Registry
from hyperx_cl.settings import resolve
from hyperx_cl.train.progress import reporting

if TYPE_CHECKING:
    from hyperx_cl.train.fewshot import Learnt

EXAMPLE = "hyperx-cl fewshot --lang ug --task pos --n 20 --data-dir DIR"


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "fewshot", example=EXAMPLE)(fewshot)


def fewshot(
    common: Common,
    flags: Annotated[dict[str, Any], FewshotOptions],
    full_flags: Annotated[dict[str, Any], FullOptions],
    lang: Annotated[str, typer.Option("--lang", help="The language.", autocompletion=complete_language)],
    task: Annotated[str, typer.Option("--task", help="The task, such as pos.", autocompletion=complete_task)],
    data: Annotated[
        Path | None, typer.Option("--data", help="Labelled sentences: CoNLL-U or IOB2.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    test: Annotated[
        Path | None, typer.Option("--test", help="Measure on these instead of by k-fold.", show_default=False)
    ] = None,
    label_map: LabelMap = None,
    model: ModelName = None,
    backbone: BackbonePlace = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Where the sentences are from.", show_default=False)
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="The sentences' licence.", show_default=False)
    ] = None,
    config: Config = None,
    full: Annotated[
        bool, typer.Option("--full", help="Move the hypernetwork too: a new model, and its harm to others.")
    ] = False,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", help="With --full: new folder for the new model.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="With --full: name of the new model.", show_default=False)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="After an interruption: learn anew what has not been stored.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Learn from a few labelled sentences: a new version of the language, or none where nothing is gained.

    It is short and keeps no checkpoint. With --resume, what was stored before an interruption is not learnt again.
    """
    code = canonical(lang)
    options = resolve(FewshotOptions, file=config, flags=flags)
    full_options = resolve(FullOptions, file=config, flags=full_flags)
    expect_words(full, flags, full_flags, output_dir, name)
    if data and data_dir and not full:
        raise UsageError("give either --data FILE or --data-dir DIR, of which the language's train split is drawn from")
    made, folder = name or "", Path(os.path.abspath(output_dir or ""))
    with common.registry() as registry:
        record = find_model(registry, model, backbone)
        if full and (finished := expect_place(registry, made, folder, resume=resume)):
            show_finished(common, registry, finished)
            return
        parent = registry.language(code, record.name).stored
        task_of(record, task)  # it is there, and labels words
        chosen = with_label_maps(tasks_of(record), label_map or ())[task]
        told: dict[str, Any] = {}
        if data is None and data_dir is None:
            data_dir, told = data_home(), _from_hub(common, chosen, code)
        sentences = read_labelled(chosen, data) if data else DataRoot(data_dir or "").load(chosen, code, "train")
        tested = read_labelled(chosen, test) if test else None

        from hyperx_cl.train.fewshot import draw

        drawn = draw(sentences, options.n, options.seed)
        data_hashes = {"sentences": content_hash(drawn)}
        if test and tested is not None:
            expect_apart(drawn, tested, test)
            data_hashes["test"] = content_hash(tested)
        place = (data or data_dir or Path()).resolve()
        files = {"data": str(place), "test": str(test) if test else None, "label_map": list(label_map or ())}
        said = {key: value for key, value in (("source", source), ("licence", licence)) if value}
        if full:
            asked = Asked(
                record=record, code=code, task=chosen, drawn=drawn, tested=tested, options=options, full=full_options,
                root=DataRoot(data_dir) if data_dir else None, name=made, folder=folder, data=data_hashes,
                facts=files, said=said,
            )  # fmt: skip
            learn_fully(common, registry, asked, backbone=backbone, device=device, resume=resume)
            return
        chosen_pair = LabelledPair(record, code, task, drawn, tested, options, data_hashes, files)
        digests = [sentence.digest for sentence in drawn]
        if resume and of_sentences(parent.provenance, task, digests, options):
            end_killed(registry, "fewshot", chosen_pair.config(parent.parent), "done")
            _say_anew(common, registry, parent, said)
            _show_finished(common, parent, task)
            return
        # A record travels: the way to the file stays here.
        facts = (told or {"data": place.name}) | ({"label_map": list(label_map)} if label_map else {}) | said
        stored, learnt = learn_pair(
            common, registry, chosen_pair, facts, backbone=backbone, device=device, resume=resume
        )
        _show(common, record.name, code, task, stored, learnt)


@dataclass(frozen=True)
class LabelledPair:
    """What one pair is to learn from.

    Args:
        model: The model.
        code: The language.
        task: Name of the task.
        drawn: The sentences.
        tested: Sentences to measure on, if there are any.
        options: How.
        hashes: Of the sentences.
        place: Where they lie, for the run's configuration.
    """

    model: ModelRecord
    code: str
    task: str
    drawn: Sequence[Sentence]
    tested: Sequence[Sentence] | None
    options: FewshotOptions
    hashes: Mapping[str, str]
    place: Mapping[str, Any]

    def config(self, parent: str | None) -> dict[str, Any]:
        """What the books say that was asked for, on the version of the language with that hash."""
        return {
            "model": self.model.name, "language": self.code, "task": self.task, "parent": parent,
            "fewshot": as_dict(self.options), **self.place,
        }  # fmt: skip


def learn_pair(
    common: Common, registry: Registry, asked: LabelledPair, facts: Mapping[str, Any], *, backbone: str | None,
    device: str, resume: bool = False,
) -> "tuple[StoredLanguage | None, Learnt]":  # fmt: skip
    """Learn what belongs to a pair on the version of its language that is in use, and store what is gained.

    Args:
        common: For progress.
        registry: Has the model and gets the version.
        asked: What from.
        facts: To keep in the record, which travels: no paths.
        backbone: Where the backbone lies, if elsewhere than in training.
        device: Where to compute.
        resume: Whether a killed process may have left a row of the same run.

    Returns:
        The new version, or None where nothing was gained; and how it went.
    """
    import torch

    from hyperx_cl.train.fewshot import fewshot

    model, code, task, options = asked.model, asked.code, asked.task, asked.options
    parent = registry.language(code, model.name).stored
    loaded = load_model(registry, model, backbone=backbone, device=device, precision=options.precision)
    config = asked.config(parent.hash) | {"threads": torch.get_num_threads()}
    with (
        reporting(f"few-shot {task} {code}", options.folds * options.epochs, quiet=common.out.quiet) as reporter,
        recording(
            registry, "fewshot", config=config, seed=options.seed, reporter=reporter, data=asked.hashes,
            resumed=resume,
        ) as run,
    ):  # fmt: skip
        learnt = fewshot(
            loaded, code, task, asked.drawn, options, test=asked.tested, provenance=facts, reporter=run,
        )  # fmt: skip
        expect_proof(learnt.proof)
        stored = (
            registry.add_language(learnt.record, method="fewshot", parent=parent.hash, new_version=True)
            if learnt.record
            else None
        )
        run.metrics |= _summary(model.name, code, task, stored, learnt)
    return stored, learnt


def _from_hub(common: Common, task: Task, code: str) -> dict[str, Any]:
    """See to it that the task's sentences in the language are fetched, and tell where they are from.

    Raises:
        UsageError: No data set of the Hub is of this kind.
    """
    name = on_hub(task)
    if name is None:
        raise UsageError(f"the Hub's data has no {task.name}: give --data FILE or --data-dir DIR")
    (done,) = have(common, [Wanted(name, code)])
    return {"data": origin(done.source), "licence": done.source.licence}


def read_labelled(task: Task, path: Path) -> list[Sentence]:
    """Read a task's sentences from a file: CoNLL-U by its name or for labels of words, else a word and its tag a line.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is malformed, or has a label that is none of the task's.
    """
    sentences = read_sentences(task, path)
    check_labels(sentences, task, path)
    return sentences


def expect_apart(drawn: Sequence[Sentence], tested: Sequence[Sentence], path: Path) -> None:
    """Refuse to measure on what was learnt from: sentences of the same words, however they are labelled.

    Raises:
        DataError: Some of them are in both.
    """
    test = {_spelled(sentence) for sentence in tested}
    both = [sentence for sentence in drawn if _spelled(sentence) in test]
    if both:
        raise DataError(
            f"{path} holds {len(both)} of the {len(drawn)} sentences to learn from, first {' '.join(both[0].words)!r}: "
            "take them out of one of the two files, or draw others with --seed"
        )


def _say_anew(common: Common, registry: Registry, stored: StoredLanguage, said: Mapping[str, str]) -> None:
    """Correct in the books where the sentences of a version are from, if that is said otherwise now."""
    new = {key: value for key, value in said.items() if stored.provenance.get(key) != value}
    if not new:
        return
    record = registry.language(stored.language, stored.model, stored.version).record
    registry.add_language(replace(record, provenance={**record.provenance, **new}), new_version=True)
    common.out.note(f"Corrected in version {stored.version}: {', '.join(new)}; what was said before is kept.")


def _show_finished(common: Common, stored: StoredLanguage, task: str) -> None:
    told = stored.provenance
    common.out.note(f"Version {stored.version} was learnt from these sentences: nothing is left to do.")
    facts = {key: told[key] for key in ("chosen", "folds", "before", "after", "measured_on", "seconds")}
    common.out.result(
        {
            "model": stored.model, "language": stored.language, "task": task, "stored": True,
            "version": stored.version, "hash": stored.hash, **facts, "digests": told["sentences"],
        },
        ids=[f"{stored.language}@{stored.version}"],
        show=[f"version {stored.version} of {stored.language} for model {stored.model}: {told['chosen']}"],
    )  # fmt: skip


def _spelled(sentence: Sentence) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", word) for word in sentence.words)


def _summary(model: str, code: str, task: str, stored: StoredLanguage | None, learnt: "Learnt") -> dict[str, Any]:
    return {
        "model": model, "language": code, "task": task, "stored": stored is not None,
        "version": stored.version if stored else None, "hash": stored.hash if stored else None,
        "chosen": learnt.chosen, "folds": dict(learnt.folds), "before": learnt.before, "after": learnt.after,
        "metric": learnt.metric, "measured_on": learnt.measured_on, "digests": list(learnt.digests),
        "seconds": learnt.seconds, "proof": proof_data(learnt.proof),
    }  # fmt: skip


def _show(common: Common, model: str, code: str, task: str, stored: StoredLanguage | None, learnt: "Learnt") -> None:
    n = len(learnt.digests)
    folds = [(candidate, f"{100 * score:.1f}") for candidate, score in learnt.folds.items()]
    outcome = (
        f"stored as version {stored.version} of {code} for model {model}: {learnt.chosen}"
        if stored
        else f"the zero-shot vector of {code} is not beaten and stays; nothing was stored"
    )
    common.out.result(
        _summary(model, code, task, stored, learnt),
        ids=[f"{stored.language}@{stored.version}"] if stored else [],
        show=[
            f"{task} in {code} with {n} sentences: {learnt.metric} {100 * learnt.before:.1f} before, "
            f"{100 * learnt.after:.1f} after ({learnt.measured_on})",
            Grid(("candidate", f"k-fold inside the {n} sentences, %"), folds),
            outcome,
            *proof_lines(learnt.proof),
        ],
    )
