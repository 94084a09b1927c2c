"""The registry that commands talk to: every method is one transaction, and hands out frozen records."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry import check, models, runs, shared, tasks, versions
from hyperx_cl.registry.near import near
from hyperx_cl.registry.opened import Opened
from hyperx_cl.registry.records import (
    LoadedLanguage,
    LoadedTask,
    ModelRecord,
    Neighbour,
    Problem,
    RunRecord,
    StoredLanguage,
    StoredTask,
)
from hyperx_cl.registry.search import Wanted, search
from hyperx_cl.task_record import TaskRecord


class Registry(Opened):
    """Models, language records with their versions, learnt tasks, and runs, in one database.

    Where a method takes `model`, it is a name or at least four first digits of a fingerprint; None is the default
    model. Language codes are taken in any form that `hyperx_cl.languages.canonical` knows.

    Raises:
        DataError: From any method: the database is damaged.
        HyperXError: From any method: the database cannot be used; the message says why.
    """

    def add_model(
        self,
        name: str,
        fingerprint: str,
        path: str | os.PathLike[str],
        backbone: Mapping[str, str],
        config: Mapping[str, Any],
        created: str | None = None,
    ) -> ModelRecord:
        """Add a model; the first becomes the default. The same name and fingerprint again only renews the path.

        Args:
            name: What people type; letters, digits, ``.``, ``_``, ``-``, at most 64.
            fingerprint: SHA-256 over its tensors, 64 hexadecimal digits.
            path: Its folder.
            backbone: ``id``, ``revision``, ``fingerprint`` and ``model_type``.
            config: JSON-able.
            created: UTC, ISO 8601; now by default.

        Raises:
            ConflictError: The name belongs to another model, or the model has another name.
            UsageError: A name or fingerprint that cannot be one.
        """
        with self._writing() as session:
            row = models.add(
                session,
                name=name,
                fingerprint=fingerprint,
                path=path,
                backbone=backbone,
                config=config,
                created=created,
            )
            return models.record(row)

    def add_trained(
        self,
        name: str,
        fingerprint: str,
        path: str | os.PathLike[str],
        backbone: Mapping[str, str],
        config: Mapping[str, Any],
        records: Sequence[LanguageRecord],
        *,
        method: str,
        seed: int | None = None,
        steps: int | None = None,
    ) -> ModelRecord:
        """Add a model together with the languages it was trained on: all of them, or nothing.

        Args:
            name: As in `add_model`, like the next four.
            fingerprint: As there.
            path: As there.
            backbone: As there.
            config: As there.
            records: One for each language; each becomes its language's next version, and the one in use.
            method: Of all records, as are the next two.
            seed: Of the training.
            steps: Of the training.

        Raises:
            ConflictError: The name belongs to another model, the model has another name, or a record another model.
            UsageError: A name or fingerprint that cannot be one.
        """
        facts = {"method": method, "seed": seed, "steps": steps}
        with self._writing() as session:
            row = models.add(
                session, name=name, fingerprint=fingerprint, path=path, backbone=backbone, config=config, created=None
            )
            for record in records:
                versions.add(session, record, facts=facts, new_version=True)
            return models.record(row)

    def list_models(self) -> list[ModelRecord]:
        """Return all models, oldest first."""
        with self._reading() as session:
            return [models.record(row) for row in models.listing(session)]

    def model(self, name: str | None = None) -> ModelRecord:
        """Return a model, the default one for None.

        Raises:
            NotFoundError: No such model, none at all, or none that is the default one.
            ConflictError: The digits fit several fingerprints.
        """
        with self._reading() as session:
            return models.record(models.find(session, name))

    def use_model(self, name: str) -> ModelRecord:
        """Make a model the default one."""
        with self._writing() as session:
            return models.record(models.use(session, name))

    def remove_model(self, name: str, *, cascade: bool = False) -> ModelRecord:
        """Forget a model and return what it was; its folder stays. Another becomes the default where it was.

        Raises:
            ConflictError: It still has languages or learnt tasks, and `cascade` is not given.
        """
        with self._writing() as session:
            return models.record(models.remove(session, name, cascade=cascade))

    def add_language(
        self,
        record: LanguageRecord,
        *,
        method: str | None = None,
        seed: int | None = None,
        steps: int | None = None,
        parent: str | None = None,
        new_version: bool = False,
        run: int | None = None,
    ) -> StoredLanguage:
        """Store a record as the next version of its language, all or nothing, and let the name point at it.

        What is given here goes before what the record's provenance says; `method` has to be in one of the two.
        A record that is stored already keeps its numbers and its version, which is returned. Only where it is said
        anew where the text is from (`source`, `licence`), that is corrected, and `corrections` in the provenance
        keeps what it was, when that was, and in which run.

        Args:
            record: What to store.
            method: How it was made.
            seed: Of the learning.
            steps: Of the learning.
            parent: Content hash of the version that it was learnt from.
            new_version: Beside the version that is there.
            run: Number of the run that stores it, for a correction.

        Raises:
            ConflictError: The language is there and `new_version` is not given, or model or backbone are others.
        """
        facts = {"method": method, "seed": seed, "steps": steps, "parent": parent}
        with self._writing() as session:
            row = versions.add(session, record, facts=facts, new_version=new_version, run=run)
            return versions.stored(row)

    def add_shared(
        self, records: Sequence[LanguageRecord], *, learnt: Sequence[TaskRecord] = (),
        model: Mapping[str, Any] | None = None, in_use: bool = False,
    ) -> list[StoredLanguage]:  # fmt: skip
        """Store what came from the Hub or goes there, all or nothing; see `hyperx_cl.registry.shared.add`.

        Raises:
            ConflictError: A name or a task belongs to something else.
        """
        if not (records or learnt or model):
            return []
        with self._writing() as session:
            return shared.add(session, records, learnt=learnt, model=model, in_use=in_use)

    def expect_addable(
        self, code: str, *, model: str | None = None, new_version: bool = False
    ) -> StoredLanguage | None:
        """Refuse, before any training, what `add_language` would refuse after it.

        Returns:
            The current version, which is the parent of the one to come; None for a language not stored yet.

        Raises:
            ConflictError: The language is there and `new_version` is not given.
        """
        with self._reading() as session:
            row = versions.expect_addable(session, code, models.find(session, model), new_version=new_version)
            return versions.stored(row) if row else None

    def language(self, code: str, model: str | None = None, version: int | None = None) -> LoadedLanguage:
        """Return a version of a language with its numbers, verified; the current one for None.

        Raises:
            NotFoundError: Not stored for this model; the message names near ones, or the model that has it.
            DataError: The stored numbers are damaged.
        """
        with self._reading() as session:
            return versions.load(session, versions.find(session, code, models.find(session, model), version))

    def languages(self, model: str | None = None) -> list[StoredLanguage]:
        """Return the current version of every language of a model, by code."""
        with self._reading() as session:
            return search(session, Wanted(), models.find(session, model))

    def search(
        self, wanted: Wanted, model: str | None = None, *, everywhere: bool = False, brief: bool = False
    ) -> list[StoredLanguage]:
        """Return the current versions that fit what is wanted, by code; of one model, or with `everywhere` of all.

        With `brief` their provenances hold losses, scores and author alone, which is several times as quick.

        Raises:
            NotFoundError: A code, family, script or model that does not exist.
        """
        with self._reading() as session:
            return search(session, wanted, None if everywhere else models.find(session, model), brief=brief)

    def history(self, code: str, model: str | None = None) -> list[StoredLanguage]:
        """Return all versions of a language, oldest first."""
        with self._reading() as session:
            return [versions.stored(row) for row in versions.history(session, code, models.find(session, model))]

    def version(self, hash: str) -> StoredLanguage | None:
        """Return the version with a content hash, of whichever model; None where there is none."""
        with self._reading() as session:
            row = versions.by_hash(session, hash)
            return versions.stored(row) if row else None

    def use_language(self, code: str, version: int, model: str | None = None) -> StoredLanguage:
        """Let a language's name point at one of its versions."""
        with self._writing() as session:
            return versions.stored(versions.use(session, code, models.find(session, model), version))

    def rollback_language(self, code: str, model: str | None = None) -> StoredLanguage:
        """Let a language's name point at the version that the one in use was learnt from, or at the one before it.

        Raises:
            ConflictError: There is none before it.
        """
        with self._writing() as session:
            return versions.stored(versions.rollback(session, code, models.find(session, model)))

    def remove_language(self, code: str, version: int | None = None, model: str | None = None) -> list[StoredLanguage]:
        """Remove one version, or all for None, and return what they were; the name points at the newest left."""
        with self._writing() as session:
            return versions.remove(session, code, models.find(session, model), version)

    def near(self, wanted: str | ArrayLike, k: int = 5, model: str | None = None) -> list[Neighbour]:
        """Return the k languages whose embeddings have the greatest cosine with a language's, or with a vector (d,).

        Raises:
            NotFoundError: The language is not stored.
            UsageError: `k` below 1, or a vector of another length.
        """
        with self._reading() as session:
            return near(session, wanted, models.find(session, model), k)

    def add_task(self, record: TaskRecord) -> StoredTask:
        """Store a task that was learnt for a model; its provenance names the method. The same again changes nothing.

        Raises:
            ConflictError: A task of that name is there, or the model is another.
            UsageError: No method is named.
        """
        with self._writing() as session:
            return tasks.stored(tasks.add(session, record))

    def expect_task_addable(self, name: str, model: str | None = None) -> None:
        """Refuse, before any learning, what `add_task` would refuse after it.

        Raises:
            ConflictError: The model was trained for a task of that name, or has learnt one since.
        """
        with self._reading() as session:
            tasks.expect_addable(session, name, models.find(session, model))

    def task(self, name: str, model: str | None = None) -> LoadedTask:
        """Return a learnt task with its numbers, verified.

        Raises:
            NotFoundError: None of that name was added to this model.
            DataError: The stored numbers are damaged.
        """
        with self._reading() as session:
            return tasks.load(session, tasks.find(session, name, models.find(session, model)))

    def tasks(self, model: str | None = None) -> list[StoredTask]:
        """Return the learnt tasks of a model, by name; those of base training are in the model's `config`."""
        with self._reading() as session:
            return [tasks.stored(row) for row in tasks.listing(session, models.find(session, model))]

    def remove_task(self, name: str, model: str | None = None) -> StoredTask:
        """Remove a learnt task and return what it was.

        Raises:
            NotFoundError: None of that name was added to this model.
            ConflictError: A language in use has something of its own for it.
        """
        with self._writing() as session:
            return tasks.remove(session, name, models.find(session, model))

    def start_run(
        self,
        command: str,
        config: Mapping[str, Any],
        seed: int | None,
        versions: Mapping[str, str],
        data_hashes: Mapping[str, str],
    ) -> int:
        """Note that a command has begun, and return the number of the run."""
        given = {"config": config, "versions": versions, "data_hashes": data_hashes}
        with self._writing() as session:
            return runs.start(session, command=command, seed=seed, **given).id

    def log_run(self, run: int, metrics: Mapping[str, Any]) -> RunRecord:
        """Add metrics to a run; those of the same name are replaced, NaN becomes null."""
        with self._writing() as session:
            return runs.record(runs.log(session, run, metrics))

    def finish_run(
        self, run: int, status: str, metrics: Mapping[str, Any], data_hashes: Mapping[str, str] | None = None
    ) -> RunRecord:
        """Note how a run ended: ``done``, ``failed`` or ``interrupted``; hashes of its data join those there are."""
        with self._writing() as session:
            return runs.record(runs.finish(session, run, status, metrics, data_hashes))

    def list_runs(self, limit: int | None = None) -> list[RunRecord]:
        """Return the runs, newest first."""
        with self._reading() as session:
            return [runs.record(row) for row in runs.listing(session, limit)]

    def check(self) -> list[Problem]:
        """Re-hash every vector and follow every name; return what is wrong, row by row."""
        with self._reading() as session:
            return list(check.check(session))
