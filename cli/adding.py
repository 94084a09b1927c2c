"""Adding one language, as `add-language` and `languages redo` do it: read its text, learn, prove, store."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.cli.loading import load_model
from hyperx_cl.cli.made_of import of_text
from hyperx_cl.cli.options import Common
from hyperx_cl.cli.proving import expect_proof
from hyperx_cl.cli.recording import end_killed, recording
from hyperx_cl.cli.telling import like_summary, summary
from hyperx_cl.config import AddOptions, as_dict
from hyperx_cl.registry.home import home
from hyperx_cl.registry.records import ModelRecord, StoredLanguage
from hyperx_cl.registry.store import Registry
from hyperx_cl.relatives import Relative
from hyperx_cl.train.progress import Silent, reporting

if TYPE_CHECKING:
    from hyperx_cl.data.text import Text
    from hyperx_cl.model.hyperx import HyperX
    from hyperx_cl.train.add_language import Added
    from hyperx_cl.transliteration import Transliteration


class Asked(NamedTuple):
    """One language to add, as it was asked for."""

    code: str
    parent: StoredLanguage | None
    letters: "Letters"
    file: Path | None
    facts: dict[str, Any]


class Adding:
    """One language to add, after everything cheap was checked."""

    def __init__(
        self, registry: Registry, record: ModelRecord, asked: Asked, options: AddOptions, backbone: str | None,
        device: str, versions: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.registry, self.record, self.options = registry, record, options
        self.code, self.parent, self.letters, _, self.facts = asked
        self._backbone, self._device, self._versions = backbone, device, versions

    def like(self, common: Common, others: list[str], near: Sequence[Relative]) -> StoredLanguage:
        """Make the language out of others: those that were named, or those that are near."""
        import torch

        from hyperx_cl.train.add_language import like

        model = self._load()
        rules = self.letters.rules(model.tokenizer, common)
        config = {
            "model": self.record.name, "language": self.code, "like": others, "threads": torch.get_num_threads(),
            "transliteration": self.letters.wanted, **self.facts,
        }  # fmt: skip
        facts = self.facts | ({"method": "code", "near": [asdict(other) for other in near]} if near else {})
        known = self._versions or {}
        data = {c: self.registry.language(c, self.record.name, known.get(c)).stored.hash for c in others}
        with recording(
            self.registry, "add-language", config=config, seed=None, reporter=Silent(), data=data
        ) as run:  # fmt: skip
            made = like(model, self.code, others, facts, transliteration=rules)
            stored = self._store(common, made, run.begin())
            run.metrics |= like_summary(stored, others, near)
        return stored

    def finished(self, text: "Text", folder: Path) -> StoredLanguage | None:
        """The version that is there, where a killed process has learnt it from this very text with these options."""
        from hyperx_cl.train.checkpoint import remove_checkpoint

        if not (self.parent and of_text(self.parent.provenance, text.sha256, self.options)):
            return None
        end_killed(self.registry, "add-language", self._config(text), "done")
        remove_checkpoint(folder)
        return self.parent

    def learn(self, common: Common, text: "Text", folder: Path, *, resume: bool) -> "tuple[StoredLanguage, Added]":
        """Learn the language from its text."""
        import torch

        from hyperx_cl.train.add_language import add_language
        from hyperx_cl.train.checkpoint import remove_checkpoint

        model = self._load()
        rules = self.letters.rules(model.tokenizer, common)
        config = self._config(text) | {"threads": torch.get_num_threads()}
        with (
            reporting(f"learning {self.code}", self.options.steps, quiet=common.out.quiet) as reporter,
            recording(
                self.registry, "add-language", config=config, seed=self.options.seed, reporter=reporter,
                data={"text": text.sha256}, resumed=resume,
            ) as run,
        ):  # fmt: skip
            added = add_language(
                model, self.code, text, self.options, transliteration=rules, checkpoint=folder, resume=resume,
                provenance=self.facts, reporter=run,
            )  # fmt: skip
            expect_proof(added.proof)
            stored = self._store(common, added.record, run.begin())
            run.metrics |= summary(stored, added)
        remove_checkpoint(folder)
        return stored, added

    def _config(self, text: "Text") -> dict[str, Any]:
        """What the books say that was asked for."""
        return {
            "model": self.record.name, "language": self.code, "add_language": as_dict(self.options),
            "transliteration": self.letters.wanted, "text": os.path.abspath(text.path), **self.facts,
        }  # fmt: skip

    def _load(self) -> "HyperX":
        return load_model(
            self.registry, self.record, backbone=self._backbone, device=self._device,
            precision=self.options.precision, versions=self._versions,
        )  # fmt: skip

    def _store(self, common: Common, record: LanguageRecord, run: int) -> StoredLanguage:
        parent = self.parent.hash if self.parent else None
        stored = self.registry.add_language(record, parent=parent, new_version=self.parent is not None, run=run)
        for correction in stored.provenance.get("corrections", ()):
            if correction["run"] == run:
                common.out.note(
                    f"Version {stored.version} has these very numbers. Corrected with it: "
                    f"{', '.join(correction['is'])}; what was said before is kept."
                )
        return stored


class Letters:
    """The transliteration that is wanted: a table, one that is known and needed, or none.

    Args:
        wanted: The table's file, ``auto`` or ``none``.
        code: The language.
        table: The rules of the table, where they are known; else its file is read.

    Raises:
        DataError: The table is none.
        NotFoundError: There is no such file.
    """

    def __init__(self, wanted: str, code: str, table: "Transliteration | None" = None) -> None:
        from hyperx_cl.data.transliteration import read_transliteration

        self.wanted, self._code = wanted, code
        if table is None:
            table = () if wanted in ("auto", "none") else read_transliteration(wanted)
        self._table = table

    def rules(self, tokenizer: Any, common: Common) -> "Transliteration":
        """The rules, and a word about those that nobody has named."""
        from hyperx_cl.data.transliteration import needed_transliteration

        if self.wanted != "auto":
            return self._table
        rules = needed_transliteration(self._code, tokenizer)
        if rules:
            common.out.note(
                f"The backbone does not know all letters of '{self._code}': they are read as the table of this package "
                "says (another one: --transliteration FILE; none: --transliteration none)."
            )
        return rules


def checkpoint_of(model: str, code: str, output_dir: Path | None = None, *, alone: bool = True) -> Path:
    """Folder of the checkpoint of a language that is being learnt, alone or beside others."""
    place = output_dir if output_dir and alone else (output_dir or home() / "checkpoints") / f"{model}-{code}"
    return place / "checkpoint"


def read(common: Common, file: Path) -> "Text":
    """Read a language's text, and say what of it is left out.

    Raises:
        DataError: It cannot be used.
    """
    from hyperx_cl.data.text import read_text

    with reporting("reading the text", file.stat().st_size, quiet=common.out.quiet) as bar:
        text: Text = read_text(
            file,
            progress=None if common.out.quiet else lambda done, _: bar.step(done, f"{done / 1e6:,.0f} MB"),
        )
    if account := text.account():
        common.out.note(account)
    return text


def learnt(registry: Registry, model: ModelRecord, versions: Mapping[str, int] | None = None) -> list[str]:
    """The stored languages that have learnt something, unlike those made out of others."""
    stored = [one for one in registry.languages(model.name) if versions is None or one.language in versions]
    return [one.language for one in stored if one.first_method not in ("like", "code")]
