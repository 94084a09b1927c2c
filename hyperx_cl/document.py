"""A text to be tagged, from CoNLL-U, split words or raw text, and what is written of it: CoNLL-U, IOB2 or JSON.

Whatever it came from, a document is kept as the rows of a CoNLL-U file, and labels are written into those rows: UPOS
for the task `pos`, `NER=B-PER` in MISC for `ner`, `Task=label` in MISC for every other task. So CoNLL-U that nothing
was added to is written back byte for byte.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.rows import UPOS, Block, Row, parse_rows, read_utf8
from hyperx_cl.segment import Segmenter, Token, locate

SCHEMA_VERSION = 1
Format = Literal["conllu", "words", "text"]
FORMATS: tuple[Format, ...] = ("conllu", "words", "text")


class Sentence:
    """One sentence: its syntactic words, and the labels they were given.

    Attributes:
        block: The CoNLL-U rows behind it.
        text: The text that offsets count in: this sentence's own for CoNLL-U, the whole document's otherwise.
        offsets: Start and end, in code points of `text`, of each surface token.
    """

    def __init__(self, block: Block, *, text: str | None = None, offsets: Sequence[tuple[int, int]] | None = None):
        """Wrap rows; without `text` and `offsets` both are taken from the ``# text`` comment or the forms."""
        self.block = block
        self._words = [row for row in block.rows if row.is_word]
        self._tagged: list[str] = []
        if text is None or offsets is None:
            text, offsets = _own_text(block)
        self.text = text
        self.offsets = tuple(offsets)

    @property
    def words(self) -> tuple[str, ...]:
        """The syntactic words to tag: multiword ranges and empty nodes are left out."""
        return tuple(row.form for row in self._words)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that were set, in that order."""
        return tuple(self._tagged)

    def set_labels(self, task: str, labels: Sequence[str | None]) -> None:
        """Give each syntactic word its label.

        Args:
            task: The task's name; it decides where the label is written.
            labels: One label a word; None for a word that has none.

        Raises:
            DataError: There are more or fewer labels than words.
        """
        if len(labels) != len(self._words):
            raise DataError(
                f"a sentence of {len(self._words)} words was given {len(labels)} {task} labels: give one a word"
            )
        for row, label in zip(self._words, labels, strict=True):
            if task == "pos":
                row.columns[UPOS] = label or "_"
            else:
                row.set_misc(misc_key(task), label)
        if task not in self._tagged:
            self._tagged.append(task)

    def labels(self, task: str) -> tuple[str | None, ...]:
        """Return the words' labels, set here or read from the file; None where a word has none."""
        if task == "pos":
            return tuple(None if row.columns[UPOS] == "_" else row.columns[UPOS] for row in self._words)
        return tuple(row.misc(misc_key(task)) for row in self._words)


class Document:
    """Sentences, with what is needed to write them as they came.

    Attributes:
        sentences: In the text's order.
        text: The text itself: the raw text or the split words as given, for CoNLL-U the sentences' texts joined.
        segmenter: Name of what split the raw text; None where the words were given.
        multiword: ``"given"``: as the input, or the tool that split it, has them. ``"whole"``: nobody looked inside
            surface tokens, so a multiword token carries one label.
        offsets: Whether the sentences' offsets count in their own text or in the document's.
    """

    def __init__(
        self,
        sentences: Iterable[Sentence],
        *,
        text: str,
        multiword: Literal["given", "whole"],
        segmenter: str | None = None,
        offsets: Literal["sentence", "document"],
        head: str = "",
    ) -> None:
        """Use the `from_…` functions instead."""
        self.sentences = tuple(sentences)
        self.text = text
        self.multiword = multiword
        self.offsets = offsets
        self.segmenter = segmenter
        self._head = head

    @classmethod
    def from_conllu(cls, text: str, *, name: str = "the input") -> "Document":
        """Read CoNLL-U, keeping comments, multiword ranges, empty nodes and every column.

        Args:
            text: The file's content.
            name: What to call it in an error.

        Raises:
            DataError: It is malformed (with the line) or holds no sentence.
        """
        head, blocks = parse_rows(text, name=name)
        sentences = [Sentence(block) for block in blocks]
        return cls(sentences, text=_joined(sentences), multiword="given", offsets="sentence", head=head)

    @classmethod
    def from_words(cls, text: str, *, name: str = "the input") -> "Document":
        """Read words that are already split: one sentence a line, words separated by blanks or tabs.

        Raises:
            DataError: There is no word.
        """
        lines = [
            [
                Token(match[0], match.start() + start, match.end() + start)
                for match in re.finditer(r"[^ \t\r\ufeff]+", line)
            ]
            for start, line in _lines(text)
        ]
        return cls._from_tokens([line for line in lines if line], text, name, None)

    @classmethod
    def from_text(cls, text: str, segmenter: Segmenter, *, name: str = "the input") -> "Document":
        """Split a raw text.

        Raises:
            DataError: There is no word, or the segmenter refuses the text.
        """
        return cls._from_tokens(segmenter(text), text, name, segmenter)

    @classmethod
    def read(cls, path: Path, *, form: Format, segmenter: Segmenter | None = None) -> "Document":
        """Read a UTF-8 file.

        Args:
            path: The file.
            form: ``"conllu"``, ``"words"`` (split, one sentence a line) or ``"text"`` (raw).
            segmenter: What splits raw text; needed for ``"text"`` alone.

        Raises:
            NotFoundError: There is no such file.
            DataError: It cannot be used.
            UsageError: The form is unknown, or raw text comes without a segmenter.
        """
        text = read_utf8(path)
        if form == "conllu":
            return cls.from_conllu(text, name=str(path))
        if form == "words":
            return cls.from_words(text, name=str(path))
        if form != "text" or segmenter is None:
            raise UsageError(f"cannot read {path} as {form!r}: use {', '.join(FORMATS)}, raw text with a segmenter")
        return cls.from_text(text, segmenter, name=str(path))

    @classmethod
    def _from_tokens(cls, split: list[list[Token]], text: str, name: str, segmenter: Segmenter | None) -> "Document":
        if not split:
            raise DataError(f"{name} holds no word: give text to tag")
        notes = [f"# segmenter = {segmenter.name}\n"] if segmenter else []
        if whole := segmenter is not None and segmenter.whole:
            notes.append("# multiword_tokens = whole: every surface token carries one label\n")
        sentences = [
            Sentence(
                Block([*(notes if i == 1 else []), *_comments(i, tokens, text), *_rows(tokens)], "\n"),
                text=text,
                offsets=[(token.start, token.end) for token in tokens],
            )
            for i, tokens in enumerate(split, 1)
        ]
        return cls(
            sentences,
            text=text,
            multiword="whole" if whole else "given",
            segmenter=segmenter.name if segmenter else None,
            offsets="document",
        )

    def to_conllu(self) -> str:
        """Write CoNLL-U: the rows as they came, with the labels that were set."""
        return self._head + "".join(str(sentence.block) for sentence in self.sentences)

    def to_iob2(self, *tasks: str) -> str:
        """Write one syntactic word a line with a tab and its label for each task, a blank line behind a sentence.

        Args:
            tasks: Which labels; all that were set if none is named. A missing label is written ``_``.
        """
        lines: list[str] = []
        for sentence in self.sentences:
            columns = [sentence.labels(task) for task in tasks or sentence.tasks]
            for word, *labels in zip(sentence.words, *columns, strict=True):
                lines.append("\t".join([str(word), *(label or "_" for label in labels)]))
            lines.append("")
        return "\n".join(lines) + "\n"

    def to_json(self) -> str:
        """Write JSON.

        The object has `schema_version`, `segmenter`, `multiword_tokens` (``"given"`` or ``"whole"``), `offsets`
        (``"document"``: into the input; ``"sentence"``: into the sentence's `text`) and `sentences`, each with
        `id`, `text` and `tokens`. A token has `id`, `form`, `start`, `end` (code points; null for words inside a
        multiword token), `space_after` (null for those too), `multiword` (whether it is a range over words, which
        then follow and carry the tags) and `tags` by task. Empty nodes are left out.
        """
        content = {
            "schema_version": SCHEMA_VERSION,
            "segmenter": self.segmenter,
            "multiword_tokens": self.multiword,
            "offsets": self.offsets,
            "sentences": [self._sentence_object(i, sentence) for i, sentence in enumerate(self.sentences, 1)],
        }
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"

    def _sentence_object(self, number: int, sentence: Sentence) -> dict[str, Any]:
        surface = sentence.block.surface()
        places = {id(row): place for row, place in zip(surface, sentence.offsets, strict=True)}
        labels = {task: iter(sentence.labels(task)) for task in sentence.tasks}
        tokens = []
        for row in sentence.block.rows:
            if row.first:
                tags = {task: next(values) for task, values in labels.items()} if row.is_word else {}
                tokens.append(_token_object(row, places.get(id(row)), tags))
        text = sentence.text
        if self.offsets == "document":
            text = text[sentence.offsets[0][0] : sentence.offsets[-1][1]]
        return {"id": sentence.block.comment("sent_id") or str(number), "text": text, "tokens": tokens}


def looks_like_conllu(text: str) -> bool:
    """Whether the first line that is neither empty nor a comment has ten columns and a number in the first."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            columns = line.split("\t")
            return len(columns) == 10 and columns[0][:1].isdigit()
    return False


def misc_key(task: str) -> str:
    """Return the MISC key a task's labels stand under: ``NER`` for `ner`, else the name with a capital."""
    return "NER" if task == "ner" else task[:1].upper() + task[1:]


def _token_object(row: Row, place: tuple[int, int] | None, tags: dict[str, str | None]) -> dict[str, Any]:
    start, end = place or (None, None)
    return {
        "id": row.columns[0],
        "form": row.form,
        "start": start,
        "end": end,
        "space_after": _space_after(row) if place else None,
        "multiword": row.is_range,
        "tags": tags,
    }


def _space_after(row: Row) -> bool:
    return row.misc("SpaceAfter") != "No"


def _own_text(block: Block) -> tuple[str, list[tuple[int, int]]]:
    """Return a CoNLL-U sentence's text and where its surface tokens lie in it.

    The ``# text`` comment is believed only if the tokens are found in it; else the forms and SpaceAfter make the text.
    """
    surface = block.surface()
    if text := block.comment("text"):
        try:
            return text, locate([row.form for row in surface], text)
        except DataError:
            pass  # some treebanks correct typing errors in the comment or in the forms alone
    text, places = "", []
    for row in surface:
        places.append((len(text), len(text) + len(row.form)))
        text += row.form + (" " if _space_after(row) else "")
    return text.rstrip(" "), places


def _joined(sentences: Sequence[Sentence]) -> str:
    """Join the sentences' texts as they stood: a blank line before a new paragraph, else a blank where one was."""
    text = ""
    for before, sentence in zip([None, *sentences], sentences, strict=False):
        if before is not None:
            new = sentence.block.has_comment("newpar") or sentence.block.has_comment("newdoc")
            text += "\n\n" if new else " " if _space_after(before.block.surface()[-1]) else ""
        text += sentence.text
    return text


def _lines(text: str) -> Iterable[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _comments(number: int, tokens: Sequence[Token], text: str) -> list[str]:
    shown = " ".join(text[tokens[0].start : tokens[-1].end].split())
    return [f"# sent_id = {number}\n", f"# text = {shown}\n"]


def _rows(tokens: Sequence[Token]) -> list[Row]:
    rows: list[Row] = []
    number = 0
    for token in tokens:
        first, last = number + 1, number + max(1, len(token.words))
        misc = ([] if token.space_after else ["SpaceAfter=No"]) + [f"TokenRange={token.start}:{token.end}"]
        place = str(first) if not token.words else f"{first}-{last}"
        rows.append(_row(place, token.form, first, last, "|".join(misc)))
        rows += [_row(str(first + i), word, first + i, first + i, "_") for i, word in enumerate(token.words)]
        number = last
    return rows


def _row(place: str, form: str, first: int, last: int, misc: str) -> Row:
    return Row([place, form, "_", "_", "_", "_", "_", "_", "_", misc], "\n", first, last)
