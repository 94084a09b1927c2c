"""Scoring a new language in a cell: POS on its test file; NER on all its files, of which none was learnt from."""

from collections.abc import Mapping
from typing import Any

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.encode import Encoded, Encoder
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.data.root import SPLITS, DataRoot
from hyperx_cl.data.tasks import builtin
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.evaluate.metrics import Counts
from hyperx_cl.model.infer import Views, window_length

SCORED = {"pos": ("test",), "ner": SPLITS}
"""Files that are scored, by task. Where a language's training files are learnt from, they must not be among them."""


class Gold:
    """A new language's gold sentences, read once, and encoded once as the language is read.

    Args:
        root: The data.
        code: The language.
        model: Whose tokenizer reads them; with the language's token patch as soon as it has one.
        tasks: By name, the files that are scored.
    """

    def __init__(self, root: DataRoot, code: str, model: Any, *, tasks: Mapping[str, tuple[str, ...]] = SCORED) -> None:
        self._code = code
        self._sentences: dict[str, list[Sentence]] = {}
        for task, splits in tasks.items():
            there = [split for split in splits if root.labelled(task, code, split)]
            if there:
                self._sentences[task] = [s for split in there for s in root.load(builtin(task), code, split)]
        self._length = window_length(model)
        self._encoded = Views(model, self._encode)

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each task's gold sentences."""
        return {task: content_hash(sentences) for task, sentences in self._sentences.items()}

    def counts(self, model: Any, *tasks: str) -> dict[str, Counts]:
        """Score a model that has the language; every task there is gold for, or those named."""
        return {
            task: labelled_counts(model, Pair(task, self._code), self._sentences[task], encoded)
            for task, encoded in self._encoded[self._code].items()
            if not tasks or task in tasks
        }

    def _encode(self, tokenizer: Any) -> dict[str, list[Encoded]]:
        encoder = Encoder(tokenizer, max_length=self._length)
        return {task: encoder.words(sentences, None) for task, sentences in self._sentences.items()}
