"""Scores of (task, language) pairs as a table with averages: plain data, Markdown, CSV and JSON."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from hyperx_cl.errors import ConflictError, DataError
from hyperx_cl.evaluate.markdown import table_lines
from hyperx_cl.evaluate.metrics import MLM_LOSS

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class PairScore:
    """One metric of one (task, language) pair.

    Attributes:
        task: Name of the task.
        language: Canonical code.
        metric: The metric's exact name.
        value: The score: a share of 0..1, or nats for a loss.
        low: Lower bound of its interval, in the same unit.
        high: Upper bound of its interval.
        sentences: Sentences scored.
        words: Words scored (masked pieces for a loss).
        seen: Whether the language was in the backbone's pretraining; None if unknown.
        version: Version of the language record; None if the language has none.
        unknown_rate: Share of words with an unknown piece, 0..1; None if not measured.
        pieces_per_word: Mean number of pieces a word; None if not measured.
    """

    task: str
    language: str
    metric: str
    value: float
    low: float
    high: float
    sentences: int
    words: int
    seen: bool | None = None
    version: int | None = None
    unknown_rate: float | None = None
    pieces_per_word: float | None = None


@dataclass(frozen=True, slots=True)
class Average:
    """The unweighted mean of one metric over the languages of a group (`seen`, `unseen` or `all`)."""

    task: str
    metric: str
    group: str
    value: float
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Scores as rows of text: `header`, one row a language, then one row an average."""

    header: tuple[str, ...]
    languages: tuple[tuple[str, ...], ...]
    averages: tuple[tuple[str, ...], ...]


def averages(scores: Iterable[PairScore]) -> list[Average]:
    """Average every (task, metric) over its seen, its unseen and all its languages; empty groups are left out.

    A language of which nobody knows whether the backbone has seen it counts in `all` alone.

    Raises:
        ConflictError: A (task, language, metric) occurs twice.
    """
    cells = _cells(scores)
    found = []
    for task, metric in _columns(cells):
        column = [s for s in cells.values() if (s.task, s.metric) == (task, metric)]
        for group, belongs in _GROUPS.items():
            members = [s for s in column if belongs(s)]
            if members:
                mean = sum(s.value for s in members) / len(members)
                found.append(Average(task, metric, group, mean, tuple(s.language for s in members)))
    return found


def table(scores: Iterable[PairScore]) -> Table:
    """Lay scores out as language x (task, metric), for whoever prints them.

    Shares are shown as percentages with one decimal and their interval, losses with three decimals. The last two
    columns are the share of words with an unknown piece and the pieces per word, over the words of all the language's
    labelled tasks; empty where neither was measured.

    Raises:
        ConflictError: A (task, language, metric) occurs twice.
    """
    cells = _cells(scores)
    columns = _columns(cells)
    header = ("language", "seen", *(f"{task}: {metric}" for task, metric in columns), *_PIECES)
    rows = []
    for language in dict.fromkeys(s.language for s in cells.values()):
        own = {(s.task, s.metric): s for s in cells.values() if s.language == language}
        shown = (_cell(own[c]) if c in own else "" for c in columns)
        rows.append((_language(own.values()), _seen(own.values()), *shown, *_pieces(own.values())))
    means = {(a.group, a.task, a.metric): a for a in averages(cells.values())}
    foot = []
    for group in _GROUPS:
        shown_means = [means.get((group, *column)) for column in columns]
        if any(shown_means):
            foot.append((f"average of {group}", "", *(_mean(mean) for mean in shown_means), *("" for _ in _PIECES)))
    return Table(header, tuple(rows), tuple(foot))


def to_markdown(scores: Sequence[PairScore]) -> str:
    """Render the language x task table, and under it what each score was measured on."""
    shown = table(scores)
    main = _markdown(shown.header, [*shown.languages, *(tuple(_bold(c) for c in row) for row in shown.averages)])
    header = ("task", "language", "metric", "sentences", "words", "words with an unknown piece", "pieces per word")
    rows = [
        (
            s.task,
            s.language,
            s.metric,
            str(s.sentences),
            str(s.words),
            _percent(s.unknown_rate),
            _two(s.pieces_per_word),
        )
        for s in scores
    ]
    return f"{main}\n{_markdown(header, rows)}"


def to_csv(scores: Sequence[PairScore]) -> str:
    """Write one line a score, then one line an average (`row` says which; `group` is set for averages)."""
    out = io.StringIO()
    writer = csv.DictWriter(out, ["row", "group", *_FIELDS], lineterminator="\n", restval="")
    writer.writeheader()
    for score in scores:
        writer.writerow({"row": "score", **{k: _plain(v) for k, v in asdict(score).items()}})
    for mean in averages(scores):
        part = {"task": mean.task, "metric": mean.metric, "value": mean.value, "language": " ".join(mean.languages)}
        writer.writerow({"row": "average", "group": mean.group, **part})
    return out.getvalue()


def to_json(scores: Sequence[PairScore], *, about: Mapping[str, Any] | None = None) -> str:
    """Write scores and averages as JSON: `schema_version`, `about`, `scores`, `averages`.

    Args:
        scores: What was measured.
        about: Whatever else belongs to the run (model, seed, versions), JSON-able.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "about": dict(about or {}),
        "scores": [asdict(score) for score in scores],
        "averages": [asdict(mean) for mean in averages(scores)],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def from_json(text: str) -> list[PairScore]:
    """Read the scores back from `to_json`.

    Raises:
        DataError: The text is not such a report, or has another `schema_version`.
    """
    try:
        content = json.loads(text)
        version = content["schema_version"]
        scores = [PairScore(**score) for score in content["scores"]] if version == SCHEMA_VERSION else None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("the file is not a score report: give one written by evaluate --json") from error
    if scores is None:
        raise DataError(
            f"the score report has schema_version {version}, and this version reads {SCHEMA_VERSION}: make it anew"
        )
    return scores


_PIECES = ("words with UNK, %", "pieces per word")
_FIELDS = [field.name for field in fields(PairScore)]
_GROUPS: dict[str, Callable[[PairScore], bool]] = {
    "seen": lambda score: score.seen is True,
    "unseen": lambda score: score.seen is False,
    "all": lambda score: True,
}


def _cells(scores: Iterable[PairScore]) -> dict[tuple[str, str, str], PairScore]:
    cells: dict[tuple[str, str, str], PairScore] = {}
    for score in scores:
        key = (score.task, score.language, score.metric)
        if key in cells:
            raise ConflictError(f"{score.task} of {score.language!r} was scored twice: report one version at a time")
        cells[key] = score
    return cells


def _columns(cells: Mapping[tuple[str, str, str], PairScore]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((score.task, score.metric) for score in cells.values()))


def _language(scores: Iterable[PairScore]) -> str:
    versions = {s.version for s in scores if s.version is not None}
    language = next(iter(scores)).language
    return f"{language} v{versions.pop()}" if len(versions) == 1 else language


def _seen(scores: Iterable[PairScore]) -> str:
    return {True: "seen", False: "unseen", None: "?"}[next(iter(scores)).seen]


def _pieces(scores: Iterable[PairScore]) -> tuple[str, str]:
    """Unknown rate and pieces per word of a language, each task's file counted once, by its words."""
    measured = {s.task: s for s in reversed([*scores]) if s.unknown_rate is not None and s.pieces_per_word is not None}
    words = sum(s.words for s in measured.values())
    if not words:
        return "", ""
    unknown = sum(s.words * (s.unknown_rate or 0) for s in measured.values()) / words
    pieces = sum(s.words * (s.pieces_per_word or 0) for s in measured.values()) / words
    return f"{100 * unknown:.1f}", _two(pieces)


def _cell(score: PairScore) -> str:
    value, low, high = (_number(x, score.metric) for x in (score.value, score.low, score.high))
    return f"{value} [{low}, {high}]"


def _mean(mean: Average | None) -> str:
    return "" if mean is None else f"{_number(mean.value, mean.metric)} (n={len(mean.languages)})"


def _number(value: float, metric: str) -> str:
    return f"{value:.3f}" if metric == MLM_LOSS else f"{100 * value:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def _bold(cell: str) -> str:
    return f"**{cell}**" if cell else ""


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"{line}\n" for line in table_lines(header, rows))
