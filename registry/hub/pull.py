"""Pull: languages, learnt tasks and a model out of a repository on the Hub, verified, then stored all or nothing."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.errors import ConflictError, DataError, NetworkError, NotFoundError, UsageError, did_you_mean
from hyperx_cl.languages import canonical
from hyperx_cl.registry.clock import now
from hyperx_cl.registry.home import home
from hyperx_cl.registry.hub.placing import expect_room, put_model
from hyperx_cl.registry.models import expect_name
from hyperx_cl.registry.records import ModelRecord, StoredLanguage
from hyperx_cl.registry.store import Registry
from hyperx_cl.share.index import Index, ordered
from hyperx_cl.share.layout import CONFIG, LANGUAGES, TASKS, WEIGHTS, Place
from hyperx_cl.share.model_files import ModelFiles, base_records, parse_config, read_model
from hyperx_cl.share.note import Note
from hyperx_cl.share.packed import unpack_language, unpack_task
from hyperx_cl.share.remote import Head, Remote
from hyperx_cl.share.travel import JOINT
from hyperx_cl.share.verify import Fits, expect_bounds, expect_fits, expect_task_fits
from hyperx_cl.task_record import TaskRecord


@dataclass(frozen=True)
class Pulled:
    """How a pull ended.

    Attributes:
        repo_id: ``org/name``.
        revision: The commit that everything came from, 40 hexadecimal digits.
        model: Name of the model that the records belong to.
        new_model: Whether it was stored by this pull, or would be.
        languages: Versions that were stored; in a dry run none.
        there: Codes of languages whose version was there already.
        wanted: Code to content hash of all languages that were asked for.
        tasks: Learnt tasks that were stored, or would be.
        others: Code to the hashes of further versions that the repository holds and that were not taken.
        bytes: Size of all files that were asked for.
    """

    repo_id: str
    revision: str
    model: str
    new_model: bool
    languages: Sequence[StoredLanguage]
    there: Sequence[str]
    wanted: Mapping[str, str]
    tasks: Sequence[str]
    others: Mapping[str, Sequence[str]]
    bytes: int


def pull(
    repo_id: str, *, languages: Sequence[str] | None = None, model: bool = False, name: str | None = None,
    revision: str | None = None, dry_run: bool = False, offline: bool = False, token: str | bool | None = None,
    cache_dir: str | Path | None = None, registry: Registry | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Pulled:  # fmt: skip
    """Pull languages and their model, and store them; everything is verified before anything is stored.

    With neither `languages` nor `model`, everything is pulled. A language that is there in another version gets a new
    one, which is in use then; a version that is there already changes nothing.

    Args:
        repo_id: ``org/name``.
        languages: Codes; ``mt@HASH`` (first digits) for a version that is not the newest.
        model: Pull the model with its base languages.
        name: What to call it here; the repository's own name by default.
        revision: Branch, tag or commit.
        dry_run: Look, and change nothing.
        offline: Serve from the cache alone.
        token: For the Hub; None for the one that is logged in.
        cache_dir: Of huggingface_hub; its own by default.
        registry: Where to; the user's own by default.
        tell: Told what is fetched.

    Raises:
        NotFoundError: No such repository, revision, language or version; or its model is not here.
        NetworkError: The Hub cannot be reached, or is not to be asked and something is not in the cache.
        DataError: Something is damaged, or not what it says it is; nothing is stored then.
        ConflictError: A name, or a learnt task, belongs to something else here.
    """
    if registry is None:
        with Registry.open(readonly=dry_run) as opened:
            return pull(
                repo_id, languages=languages, model=model, name=name, revision=revision, dry_run=dry_run,
                offline=offline, token=token, cache_dir=cache_dir, registry=opened, tell=tell,
            )  # fmt: skip
    remote = Remote(repo_id, revision=revision, token=token, offline=offline, cache_dir=cache_dir)
    head = remote.resolve()
    work = _Work(remote, head, remote.index(head), registry)
    everything = languages is None and not model
    work.choose_model(wanted=model or everything, name=name)
    work.choose(None if everything else languages or ())
    tell(f"{repo_id} at commit {head.commit}: {work.size():,} bytes")
    if dry_run:
        return work.result([], list(work.tasks))
    return work.store()


@dataclass
class _Work:
    """One pull: chosen, verified, stored."""

    remote: Remote
    head: Head
    index: Index
    registry: Registry
    known: ModelRecord | None = None
    fetch_model: bool = False
    name: str = ""
    chosen: dict[str, Place] = field(default_factory=dict)
    base: dict[str, list[Place]] = field(default_factory=dict)
    tasks: dict[str, Place] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)

    def choose_model(self, *, wanted: bool, name: str | None) -> None:
        """Find the model that the records belong to: here, or in the repository."""
        marks = self.index.models()
        if len(marks) != 1:
            told = "is empty" if not marks else "mixes records of several models"
            raise DataError(f"{self.remote.repo_id} {told}: report it to whoever shared it")
        (mark,) = marks
        self.known = next((model for model in self.registry.list_models() if model.fingerprint == mark), None)
        here, there = self.known is not None, self.index.model is not None
        if name and not (wanted and there and not here):
            said = f"the model is here already as {self.known.name!r}" if self.known else "no model is pulled"
            raise UsageError(f"{said}: leave --as out, which names one")
        if wanted and there and not here:
            self.fetch_model, self.name = True, name or self.remote.repo_id.split("/")[-1][:64]
            expect_name(self.name)
            if self.name in {model.name for model in self.registry.list_models()}:
                raise ConflictError(f"the name {self.name!r} belongs to another model here: choose one with --as NAME")
            expect_room(home() / "models" / self.name, mark)
        elif not here:
            hint = f"pull it with `hyperx-cl pull {self.remote.repo_id} --model`" if there else "pull or copy it first"
            raise NotFoundError(f"the records need model {mark[:12]}…, which is not in the registry: {hint}")
        else:
            assert self.known is not None
            self.name = self.known.name

    def choose(self, wanted: Sequence[str] | None) -> None:
        """Choose the newest version of each language, or the one that is named; all languages for None."""
        offered = self.index.languages()
        asked = [(code, "") for code in offered] if wanted is None else [_asked(word) for word in wanted]
        for code, digits in dict(asked).items():
            rows = [row for row in offered.get(code, ()) if str(row["hash"]).startswith(digits)]
            if not rows:
                raise self._missing(code, digits, offered)
            if digits and len(rows) > 1:
                raise ConflictError(f"{digits!r} fits {len(rows)} versions of {code}: give more digits")
            self.chosen[code] = Place(LANGUAGES, code, str(rows[0]["hash"]))
            versions = ordered(offered[code])
            rest = [row for row in versions if row is not rows[0] and not _older(row, rows[0], versions)]
            self.others |= {code: [str(row["hash"]) for row in rest]} if rest else {}
        needed = {task for code, place in self.chosen.items() for task in self.index.records[place]["tasks"]}
        for place, _row in self.index.records.items():
            if place.kind == TASKS and (wanted is None or place.name in needed):
                if place.name in self.tasks:
                    raise ConflictError(f"{self.remote.repo_id} has task {place.name!r} twice: report it")
                self.tasks[place.name] = place
        if self.fetch_model and self.index.model:
            base = set(self.index.model["languages"])
            self.base = {code: [Place(LANGUAGES, code, str(row["hash"])) for row in rows]
                         for code, rows in offered.items() if code in base}  # fmt: skip

    def size(self) -> int:
        """Bytes of all files that are asked for."""
        places = {
            *self.chosen.values(),
            *self.tasks.values(),
            *(place for rows in self.base.values() for place in rows),
        }
        paths = [path for place in places for path in (place.numbers, place.note)]
        paths += [CONFIG, WEIGHTS] if self.fetch_model else []
        return sum(self.head.files[path].size for path in paths if path in self.head.files)

    def store(self) -> Pulled:
        """Fetch and verify everything, then store it in one transaction."""
        repo = self.remote.repo_id
        model = None
        if self.fetch_model:
            config = self.remote.file(self.head, CONFIG)
            parse_config(config.read_bytes(), repo)
            model = read_model(config, self.remote.file(self.head, WEIGHTS), repo)
            if model.fingerprint not in self.index.models():
                raise DataError(f"{repo} holds another model than its index tells: report it to whoever shared it")
        mark = model.fingerprint if model else self.known.fingerprint if self.known else ""
        config_here = self._registry_config(model) if model else dict(self.known.config) if self.known else {}
        learnt = tuple(task["name"] for task in self.known.tasks) if self.known else ()
        fits = Fits.of(config_here, (*learnt, *self.tasks))
        tasks = [self._task(place, mark, fits) for place in self.tasks.values()]
        held = {task.hash for task in self.registry.tasks(self.name)} if self.known else set()
        records = [self._language(place, mark, fits) for place in self.chosen.values()]
        own = base_records(model, repo) if model else []
        for record in own:
            expect_fits(record, fits, repo)
        self._expect_joint(records, own)
        if model is None:
            stored = self.registry.add_shared(records, learnt=tasks)
        else:
            base = self._base(own, mark, fits)
            stored = self._store_model(model, config_here, [*base, *records], tasks)
        return self.result(
            [one for one in stored if one.language in self.chosen],
            [task.name for task in tasks if task.hash not in held],
        )

    def result(self, stored: Sequence[StoredLanguage], tasks: Sequence[str]) -> Pulled:
        """What is told of it."""
        new = {one.hash for one in stored}
        wanted = {code: place.hash for code, place in self.chosen.items()}
        held = {version.hash for code in wanted for version in self._history(code)} - new
        return Pulled(
            self.remote.repo_id, str(self.head.commit), self.name, self.fetch_model, stored,
            [code for code, mark in wanted.items() if mark in held], wanted, tasks, self.others,
            self.size(),
        )  # fmt: skip

    def _history(self, code: str) -> list[StoredLanguage]:
        try:
            return self.registry.history(code, self.name)
        except NotFoundError:
            return []

    def _language(self, place: Place, mark: str, fits: Fits) -> LanguageRecord:
        note = self.remote.note(self.head, place)
        record = unpack_language(self.remote.file(self.head, place.numbers), note)
        source = f"{place.name} {place.hash[:12]} of {self.remote.repo_id}"
        self._expect_model(record.model, mark, source)
        expect_bounds(record, source)
        expect_fits(record, fits, source)
        return replace(record, provenance={**record.provenance, "hub": self._origin(note)})

    def _task(self, place: Place, mark: str, fits: Fits) -> TaskRecord:
        note = self.remote.note(self.head, place)
        record = unpack_task(self.remote.file(self.head, place.numbers), note)
        source = f"task {place.name} of {self.remote.repo_id}"
        self._expect_model(record.model, mark, source)
        expect_bounds(record, source)
        expect_task_fits(record, fits, source)
        return replace(record, provenance={**record.provenance, "hub": self._origin(note)})

    def _expect_joint(self, records: Sequence[LanguageRecord], own: Sequence[LanguageRecord]) -> None:
        """Refuse a record that says base training left it, and that the model does not hold.

        Raises:
            DataError: There is one.
        """
        held = {record.hash for record in own}
        for record in records:
            if record.provenance["method"] == JOINT and record.hash not in held:
                if record.hash not in {version.hash for version in self._history(record.language)}:
                    raise DataError(
                        f"{record.language} of {self.remote.repo_id} is not what its model holds: report it"
                    )

    def _base(self, own: Sequence[LanguageRecord], mark: str, fits: Fits) -> list[LanguageRecord]:
        """The base languages: the model's own numbers, with what the repository tells of them."""
        found = []
        for record in own:
            told = [self._language(place, mark, fits) for place in self.base.get(record.language, ())]
            self._expect_joint(told, own)
            joint = next((one for one in told if one.hash == record.hash), None)
            carried = [one for one in told if one.provenance["method"] == "carried"]
            origin = {"hub": self._origin(None)}
            found += [joint] if joint else carried[:1] or [replace(record, provenance={"method": JOINT, **origin})]
        return found

    def _store_model(
        self, model: ModelFiles, config: Mapping[str, Any], records: Sequence[LanguageRecord],
        tasks: Sequence[TaskRecord],
    ) -> list[StoredLanguage]:  # fmt: skip
        """Put the model's files into the user's folder and store it with its records, or leave nothing behind."""
        folder = home() / "models" / self.name
        backbone = model.config["backbone"]
        row = {
            "name": self.name, "fingerprint": model.fingerprint, "path": folder, "config": config, "created": now(),
            "backbone": {key: str(backbone[key] or "") for key in ("id", "revision", "fingerprint", "model_type")},
        }  # fmt: skip
        made = put_model(model, folder)
        try:
            return self.registry.add_shared(records, learnt=tasks, model=row)
        except BaseException:
            if made:
                shutil.rmtree(folder, ignore_errors=True)
            raise

    def _registry_config(self, model: ModelFiles) -> dict[str, Any]:
        told, backbone = model.config, model.config["backbone"]
        return {
            "backbone": str(backbone["id"]), "model": dict(told["model"]), "tasks": list(told["tasks"]),
            "languages": sorted(told["languages"]), "hub": self._origin(None),
            **{key: backbone[key] for key in ("layers", "hidden", "vocabulary")},
        }  # fmt: skip

    def _origin(self, note: Note | None) -> dict[str, Any]:
        origin: dict[str, Any] = {"repo": self.remote.repo_id, "revision": self.head.commit}
        if note is not None:
            origin |= {"licences": list(note.licences), "scores": [dict(score) for score in note.scores]}
        return origin

    def _expect_model(self, found: str, mark: str, source: str) -> None:
        if found != mark:
            raise ConflictError(f"{source} was made for model {found[:12]}…, not for {mark[:12]}…: pull it elsewhere")

    def _missing(self, code: str, digits: str, offered: Mapping[str, Any]) -> NotFoundError | NetworkError:
        what = f"{code} in a version {digits}…" if digits else repr(code)
        if self.remote.offline:
            return NetworkError(f"{self.remote.repo_id} has no {what} in the cache: pull it once without --offline")
        known = ", ".join([*offered][:20] + ["…"] * (len(offered) > 20)) or "none"
        return NotFoundError(f"{self.remote.repo_id} has no {what}{did_you_mean(code, offered)}: choose from {known}")


def _asked(word: str) -> tuple[str, str]:
    """``mt@1a2b`` as a code and first digits of a hash."""
    code, _, digits = word.partition("@")
    return canonical(code), digits.strip().lower()


def _older(row: Mapping[str, Any], of: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a version is among those that another was learnt from."""
    known = {str(one["hash"]): one for one in rows}
    seen, parent = set(), of["told"].get("parent")
    while parent in known and parent not in seen:
        if parent == row["hash"]:
            return True
        seen.add(parent)
        parent = known[str(parent)]["told"].get("parent")
    return False
