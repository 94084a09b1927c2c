"""One step of a language that `languages redo` looks at, and what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hyperx_cl.cli.loading import JOINT
from hyperx_cl.cli.redo_lineage import CODE, FEWSHOT, LIKE, TEXT, Step
from hyperx_cl.config import AddOptions, FewshotOptions
from hyperx_cl.data.examples import Sentence
from hyperx_cl.errors import HyperXError
from hyperx_cl.registry.records import ModelRecord, StoredLanguage

if TYPE_CHECKING:
    from hyperx_cl.data.finding import Finder

TO_DO, THERE, DONE, NO_GAIN = "to do", "there", "done", "no gain"
MISSING, REFUSED, WAITING, FAILED = "not found", "refused", "waits", "failed"


@dataclass
class Item:
    """One step of one language, and how it stands with the new model.

    Args:
        step: What was learnt for the old model.
        state: ``to do``, ``there`` (the new model has it), ``done``, ``no gain`` (few-shot that k-fold speaks
            against), ``not found``, ``refused``, ``waits`` (for another step of the language), or ``failed``.
        why: More about the state, for people.
        file: The text, or where the sentences are.
        hash: Of the text to learn from.
        hash_before: Of the text learnt from before.
        other_text: Whether that is another text than the one learnt from before.
        options: What is learnt by, where something is.
        sentences: To learn from.
        version: The version that the new model has of it.
        error: Why it cannot be done.
    """

    step: Step
    state: str = TO_DO
    why: str = ""
    file: Path | None = None
    hash: str = ""
    hash_before: str = ""
    other_text: bool = False
    options: AddOptions | FewshotOptions | None = None
    sentences: Sequence[Sentence] = ()
    version: StoredLanguage | None = None
    error: HyperXError | None = None

    @property
    def code(self) -> str:
        """The language."""
        return self.step.stored.language

    @property
    def what(self) -> str:
        """The step in a few words."""
        if self.step.method == FEWSHOT:
            return f"few-shot {self.step.told.get('task', '')}".strip()
        ways = {TEXT: "learn from text", LIKE: "mean of others", CODE: "mean of relatives", JOINT: "base training"}
        return ways.get(self.step.method, self.step.method)

    @property
    def seconds(self) -> float:
        """How long it took before."""
        return float(self.step.told.get("seconds") or 0)

    @property
    def steps(self) -> int:
        """How many optimiser steps it took before."""
        return int(self.step.told.get("steps") or 0)

    def stop(self, state: str, error: HyperXError) -> None:
        """Say that it cannot be done, and why."""
        self.state, self.why, self.error = state, str(error), error


@dataclass(frozen=True)
class Wanted:
    """What is to be redone.

    Args:
        old: The model that has the languages.
        new: The one that is to get them.
        given: Language to a file with its text.
        other_text: Whether such a file may hold another text than before.
        new_version: Whether to store a version beside one that was learnt in another way.
        finder: Looks for files.
    """

    old: ModelRecord
    new: ModelRecord
    given: Mapping[str, Path]
    other_text: bool
    new_version: bool
    finder: "Finder"
