"""Push: languages and learnt tasks of a model, and the model itself, from a registry into a repository on the Hub."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, NotFoundError, UsageError
from hyperx_cl.languages import canonical
from hyperx_cl.registry.hub.licences import chain, licences_of
from hyperx_cl.registry.hub.scores import scores_of
from hyperx_cl.registry.records import LoadedLanguage, ModelRecord, RunRecord, StoredLanguage
from hyperx_cl.registry.store import Registry
from hyperx_cl.share.layout import CONFIG, WEIGHTS
from hyperx_cl.share.model_files import ModelFiles, read_model
from hyperx_cl.share.note import joined_scores
from hyperx_cl.share.packed import Packed, pack_language, pack_task
from hyperx_cl.share.publish import Published, publish
from hyperx_cl.share.remote import Remote
from hyperx_cl.share.travel import JOINT, travelling


@dataclass(frozen=True)
class Pushed:
    """How a push ended.

    Attributes:
        published: What was written where.
        model: Name of the model that the records belong to.
        with_model: Whether its files were to be pushed too.
        languages: Code to content hash, of what travels.
        tasks: Learnt tasks, name to content hash.
        rounded: Languages whose matrices were rounded to fp16; the rounded version is the one in use now.
        lists: What is spelled out in the records: a line for each token patch and transliteration.
    """

    published: Published
    model: str
    with_model: bool
    languages: Mapping[str, str]
    tasks: Mapping[str, str]
    rounded: Sequence[str]
    lists: Sequence[str]


def push(
    repo_id: str, *, languages: Sequence[str] | None = None, model: bool = False, of: str | None = None,
    private: bool = False, tag: str | None = None, create_pr: bool = False, dry_run: bool = False,
    licence: str | None = None, message: str | None = None, token: str | bool | None = None,
    revision: str | None = None, registry: Registry | None = None, tell: Callable[[str], None] = lambda line: None,
) -> Pushed:  # fmt: skip
    """Push the current versions of languages, and the model.

    With neither `languages` nor `model`, all languages and learnt tasks go with the model. A language takes the learnt
    tasks along that it has something of its own for; the model its base languages.

    A record's matrices travel in fp16. Where that rounds them, the rounded record is a version of its own: it is
    stored, and in use, in this registry too once it is pushed, so that all compute with the same numbers.

    Args:
        repo_id: ``org/name``; made where it is not there.
        languages: Codes.
        model: Push the model's files.
        of: Which model, by name or first digits of its fingerprint; the default one for None.
        private: Make a new repository visible to its owners alone.
        tag: Name for the commit.
        create_pr: Open a pull request instead.
        dry_run: Look, and change nothing.
        licence: Of data of which the records name none.
        message: Of the commit.
        token: For the Hub; None for the one that is logged in.
        revision: Branch to write to; main by default.
        registry: Where from; the user's own by default.
        tell: Told what is spelled out in the records, before anything is sent.

    Raises:
        UsageError: Data without a licence, or what cannot be a repository.
        NotFoundError: No such model or language.
        ConflictError: The repository is of another model.
        NetworkError: The Hub cannot be reached, or may not be written to.
    """
    if registry is None:
        with Registry.open(readonly=dry_run) as opened:
            return push(
                repo_id, languages=languages, model=model, of=of, private=private, tag=tag, create_pr=create_pr,
                dry_run=dry_run, licence=licence, message=message, token=token, revision=revision, registry=opened,
                tell=tell,
            )  # fmt: skip
    remote = Remote(repo_id, token=token, revision=revision)
    everything = languages is None and not model
    chosen = _Chosen(registry, registry.model(of), licence)
    files = _model_files(chosen.model) if model or everything else None
    if everything:
        languages = [stored.language for stored in registry.languages(chosen.model.name)]
    if files is not None:
        for code in chosen.model.config.get("languages", ()):
            chosen.add_base(code)
    for code in dict.fromkeys(canonical(code) for code in languages or ()):
        chosen.add(code)
    for stored in registry.tasks(chosen.model.name):
        if everything or stored.task in chosen.needed:
            chosen.add_task(stored.task)
    if not chosen.packed and files is None:
        raise NotFoundError("there is nothing to push: name languages with --lang, or push the model with --model")
    if not any(each.note.licences for each in chosen.packed.values()):
        raise UsageError("no licence of any data is known for what is pushed: name it with --licence")
    for line in chosen.lists:
        tell(line)
    published = publish(
        remote, list(chosen.packed.values()), files, private=private, tag=tag, create_pr=create_pr, dry_run=dry_run,
        message=message,
    )  # fmt: skip
    if not dry_run:
        registry.add_shared(list(chosen.rounded.values()), in_use=True)
    return Pushed(
        published, chosen.model.name, files is not None, dict(sorted(chosen.languages.items())), chosen.tasks,
        sorted(record.language for record in chosen.rounded.values()), chosen.lists,
    )  # fmt: skip


class _Chosen:
    """What is to be pushed, gathered record by record."""

    def __init__(self, registry: Registry, model: ModelRecord, licence: str | None) -> None:
        self.model, self._registry, self._licence = model, registry, licence
        self._runs: list[RunRecord] = registry.list_runs()
        self.packed: dict[str, Packed] = {}
        self.languages: dict[str, str] = {}
        self.tasks: dict[str, str] = {}
        self.rounded: dict[str, LanguageRecord] = {}
        self.lists: list[str] = []
        self.needed: set[str] = set()

    def add(self, code: str) -> None:
        """Take the version of a language that is in use."""
        loaded = self._registry.language(code, self.model.name)
        record = self._take(loaded)
        self.languages[code] = record.hash
        self.needed |= set(record.tasks)
        words = any(len(piece.removeprefix("##")) > 1 for piece in record.pieces)  # ours are of one character each
        said = {
            f"pieces of its token patch, in letters{', words among them' if words else ''}": record.pieces,
            "rules of its transliteration, in letters": record.transliteration,
        }
        self.lists += [f"The record of {code} lists the {len(found)} {what}." for what, found in said.items() if found]

    def add_base(self, code: str) -> None:
        """Take the version of a base language that base training left, or that was carried into the model."""
        try:
            history = self._registry.history(code, self.model.name)
        except NotFoundError:
            return  # removed from the registry; its numbers are in the model
        first = next((stored for stored in history if stored.method == JOINT), history[0])
        self._take(self._registry.language(code, self.model.name, first.version))

    def add_task(self, name: str) -> None:
        """Take a learnt task."""
        loaded = self._registry.task(name, self.model.name)
        links = [(loaded.stored.method, loaded.stored.provenance)]
        packed = pack_task(loaded.record, licences=licences_of(f"task {name}", links, self._licence))
        self.packed[loaded.record.hash] = packed
        self.tasks[name] = loaded.record.hash

    def _take(self, loaded: LoadedLanguage) -> LanguageRecord:
        stored = loaded.stored
        links = chain(stored, self._registry.history(stored.language, self.model.name))
        licences = licences_of(
            f"language {stored.language}", [(link.method, link.provenance) for link in links], self._licence
        )
        record = travelling(replace(loaded.record, provenance=stored.provenance))
        if record.hash != loaded.record.hash and stored.current:
            self.rounded[record.hash] = record
        self.packed[record.hash] = pack_language(record, licences=licences, scores=self._scores(stored, links))
        return record

    def _scores(self, stored: StoredLanguage, links: Sequence[StoredLanguage]) -> tuple[Mapping[str, Any], ...]:
        """Its own scores; of a rounded version those of the numbers before too, where it has none of that task."""
        own = scores_of(stored, self._runs)
        if "rounded" not in stored.provenance or len(links) < 2:
            return own
        measured = {(score["task"], score["metric"], score["split"]) for score in own}
        before = scores_of(links[1], self._runs)
        return joined_scores(own, [s for s in before if (s["task"], s["metric"], s["split"]) not in measured])


def _model_files(model: ModelRecord) -> ModelFiles:
    """The model's two files, verified, without any path of this machine.

    Raises:
        NotFoundError: They are not where they were.
        ConflictError: Another model lies there now.
    """
    folder = Path(model.path)
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise NotFoundError(f"model {model.name!r} is not in {folder} any more: put the folder back")
    files = read_model(folder / CONFIG, folder / WEIGHTS, f"model {model.name!r}", ours=True)
    if files.fingerprint != model.fingerprint:
        raise ConflictError(
            f"the model in {folder} has fingerprint {files.fingerprint[:12]}…, but {model.name!r} was stored with "
            f"{model.fingerprint[:12]}…: put its files back"
        )
    backbone = dict(files.config["backbone"])
    if os.path.isabs(str(backbone["id"])):
        backbone["id"] = os.path.basename(str(backbone["id"]))
    config = {**files.config, "backbone": backbone}
    return replace(files, config=config, text=(json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode())
