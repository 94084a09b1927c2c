"""The data of base training: which pairs there are, what of them is learnt on, and what validates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.cache import EncodedCache
from hyperx_cl.data.encode import Encoded, Encoder
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import Task, check_labels, label_set
from hyperx_cl.data.text import LEAST_LINES, read_text, split_text
from hyperx_cl.errors import DataError, NotFoundError
from hyperx_cl.evaluate.labelled import labelled_counts
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches, masked_score
from hyperx_cl.processes import ALONE, Place

HELD_OUT_SHARE = 10
"""One sentence in so many validates where there is no dev file and enough to train on."""

ENOUGH_TO_HOLD_OUT = 200

Item = TypeVar("Item")


@dataclass(frozen=True)
class Corpus:
    """What one pair brings.

    Args:
        train: Encoded windows to learn on.
        train_hash: SHA-256 of the sentences or lines learnt on.
        dev: Labelled sentences to validate on; for MLM lines of text. Empty where there is none.
    """

    train: list[Encoded]
    train_hash: str
    dev: Sequence[Sentence] | Sequence[str]


def load_corpora(
    root: DataRoot, tasks: Mapping[str, Task], languages: Mapping[str, Sequence[str]], encoder: Encoder, *,
    max_sentences: int = 0, validation_sentences: int = 64, seed: int = 0, cache: Path | None = None,
    writes: bool = True,
) -> tuple[dict[Pair, Corpus], dict[str, Task]]:  # fmt: skip
    """Read, check and encode every pair. Test splits are never opened.

    Args:
        root: Where the files lie.
        tasks: Tasks by name; one without labels gets those that its training files have.
        languages: For each task, its languages.
        encoder: Of the backbone's tokenizer.
        max_sentences: Sentences used of each training file, drawn with `seed` (0: all).
        validation_sentences: Sentences kept of each dev file.
        seed: Of the draws.
        cache: Folder of encoded data, or none.
        writes: Whether what is encoded is kept there.

    Returns:
        Corpora by pair, and the tasks with their label sets.

    Raises:
        DataError: A file is malformed or has a label outside its task's set.
        NotFoundError: A pair has no training file.
    """
    store = EncodedCache(cache, writes=writes) if cache else None
    complete, corpora = dict(tasks), {}
    for name, codes in languages.items():
        if tasks[name].kind == "mlm":
            for code in codes:
                corpora[Pair(name, code)] = _text(root, code, encoder, store, max_sentences, validation_sentences, seed)
            continue
        read = {code: labelled_parts(root, tasks[name], code) for code in codes}
        if not tasks[name].labels:
            labels = label_set([s for train, _ in read.values() for s in train])
            complete[name] = replace(tasks[name], labels=labels)
        for code, (train, dev) in read.items():
            check_labels(train, complete[name], root.labelled(name, code, "train") or name)
            train, dev = draw_some(train, max_sentences, seed), draw_some(dev, validation_sentences, seed)
            encoded = _encode(store, encoder, train, complete[name].label_ids)
            corpora[Pair(name, code)] = Corpus(encoded, content_hash(train), dev)
    return corpora, complete


class Validator:
    """Scores a model on the dev part of every pair.

    Args:
        model: The model in training.
        corpora: Its data.
        encoder: Of its tokenizer.
    """

    def __init__(self, model: HyperX, corpora: Mapping[Pair, Corpus], encoder: Encoder) -> None:
        self._model = model
        self._masked: dict[Pair, list[Batch]] = {}
        self._labelled: dict[Pair, tuple[Sequence[Sentence], list[Encoded]]] = {}
        for pair, corpus in corpora.items():
            if not corpus.dev:
                continue
            if model.tasks[pair.task].kind == "mlm":
                lines = [line for line in corpus.dev if isinstance(line, str)]
                self._masked[pair] = masked_batches(model, pair.language, encoder.text(lines), seed=0)
            else:
                sentences = [s for s in corpus.dev if isinstance(s, Sentence)]
                self._labelled[pair] = sentences, encoder.words(sentences, None)

    def scores(self, place: Place = ALONE) -> dict[Pair, float]:
        """Word accuracy, strict span F1, or accuracy on masked pieces of each pair that falls to a process, 0 to 1."""
        return {pair: self._score(pair) for pair in place.share(sorted([*self._masked, *self._labelled]))}

    def _score(self, pair: Pair) -> float:
        if pair in self._masked:
            return masked_score(self._model, self._masked[pair]).accuracy
        return labelled_counts(self._model, pair, *self._labelled[pair]).value


def labelled_parts(root: DataRoot, task: Task, code: str) -> tuple[list[Sentence], list[Sentence]]:
    """A language's sentences to learn on and to validate on: its dev file, or a tenth of a training file large enough.

    Raises:
        DataError: A file is malformed or has a label outside its task's set.
        NotFoundError: There is no training file.
    """
    if root.labelled(task.name, code, "train") is None:
        raise NotFoundError(
            f"There is no training file for {task.name} in '{code}' under {root.path}; "
            f"{task.name} has {', '.join(root.languages(task.name)) or 'no languages there'}."
        )
    train = root.load(task, code, "train")
    if root.labelled(task.name, code, "dev") is not None:
        return train, root.load(task, code, "dev")
    return held_out(train)


def draw_some(items: list[Item], most: int, seed: int) -> list[Item]:
    """Draw at most so many items (0: all), in their order."""
    if not most or len(items) <= most:
        return items
    return [items[i] for i in sorted(np.random.default_rng([seed, len(items)]).choice(len(items), most, replace=False))]


def held_out(train: list[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """Hold out a tenth to validate on, by hash; nothing of less than `ENOUGH_TO_HOLD_OUT` sentences."""
    if len(train) < ENOUGH_TO_HOLD_OUT:
        return train, []
    held = [int(s.digest[:8], 16) % HELD_OUT_SHARE == 0 for s in train]
    return [s for s, h in zip(train, held, strict=True) if not h], [s for s, h in zip(train, held, strict=True) if h]


def _text(
    root: DataRoot, code: str, encoder: Encoder, store: EncodedCache | None, most: int, validation: int, seed: int
) -> Corpus:
    file = root.text(code)
    if file is None:
        raise NotFoundError(f"There is no text for '{code}' under {root.path / 'mlm'}; put it there.")
    text = read_text(file)
    if len(text.lines) < LEAST_LINES:
        raise DataError(f"{file} has {len(text.lines)} lines to learn from; give it at least {LEAST_LINES}.")
    parts = split_text(text.lines)
    lines = draw_some(list(parts.train), most, seed)
    encoded = encoder.text(lines) if store is None else store.text(encoder, lines)
    return Corpus(encoded, content_hash(lines), draw_some(list(parts.stop), validation, seed))


def _encode(
    store: EncodedCache | None, encoder: Encoder, sentences: list[Sentence], ids: Mapping[str, int]
) -> list[Encoded]:
    return encoder.words(sentences, ids) if store is None else store.words(encoder, sentences, ids)
