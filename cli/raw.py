"""POS scores from raw text: the gold file's own text is split and tagged, then aligned with it (CoNLL 2018 rules)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hyperx_cl.data.root import DataRoot
from hyperx_cl.document import Document
from hyperx_cl.errors import UsageError
from hyperx_cl.evaluate.aligned import aligned_scores, surface_tokens
from hyperx_cl.rows import read_utf8
from hyperx_cl.segment import ExternalSegmenter, segmenter_for

if TYPE_CHECKING:
    from hyperx_cl.model.hyperx import HyperX

TASK = "pos"


@dataclass(frozen=True)
class RawText:
    """One language's gold document, and the same text split anew.

    Args:
        language: Its code.
        segmenter: What split the text.
        gold: With gold words and tags.
        found: Still without tags.
    """

    language: str
    segmenter: str
    gold: Document
    found: Document


@dataclass(frozen=True)
class RawScore:
    """Scores of one language's raw text.

    Args:
        language: Its code.
        segmenter: What split the text.
        words: F1 of the words alone, 0 to 1.
        tags: F1 of words with their tag, 0 to 1.
        accuracy: Share of the aligned words whose tag is right, 0 to 1.
    """

    language: str
    segmenter: str
    words: float
    tags: float
    accuracy: float

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def row(self) -> tuple[str, ...]:
        """For a table."""
        numbers = (f"{100 * value:.1f}" for value in (self.words, self.tags, self.accuracy))
        return (self.language, self.segmenter, *numbers)


def raw_texts(root: DataRoot, pairs: Sequence[tuple[str, str]], *, split: str, tokenizer: str | None) -> list[RawText]:
    """Read and split the texts of the POS pairs; nothing is tagged yet.

    Args:
        root: The gold data.
        pairs: (task, language), each with a file; other tasks than ``pos`` are left out.
        split: Which files.
        tokenizer: A command that splits text, or None for what suits the language.

    Raises:
        UsageError: No POS pair among them.
        DataError: A text cannot be split, as Han script without a tokenizer.
    """
    languages = [code for task, code in pairs if task == TASK]
    if not languages:
        raise UsageError("--raw scores parts of speech: have pos among the tasks, with files to score on")
    return [_read(root, code, split, tokenizer) for code in languages]


def raw_scores(model: "HyperX", texts: Sequence[RawText]) -> list[RawScore]:
    """Tag the texts, each in its language, and score words and tags."""
    from hyperx_cl.predict import tag_many

    if texts:
        tag_many(model, [(text.found, text.language) for text in texts], [TASK])
    return [_score(text) for text in texts]


def _read(root: DataRoot, code: str, split: str, tokenizer: str | None) -> RawText:
    path = root.labelled(TASK, code, split)
    assert path is not None  # pairs have a file
    gold = Document.from_conllu(read_utf8(path), name=str(path))
    segmenter = ExternalSegmenter(tokenizer) if tokenizer else segmenter_for(code)
    found = Document.from_text(gold.text, segmenter, name=f"the text of {path}")
    return RawText(code, segmenter.name, gold, found)


def _score(text: RawText) -> RawScore:
    scores = aligned_scores(surface_tokens(text.gold), surface_tokens(text.found))
    return RawScore(text.language, text.segmenter, scores.words.f1, scores.tags.f1, scores.aligned_accuracy)
