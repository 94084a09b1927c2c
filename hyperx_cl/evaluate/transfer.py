"""What adding languages one after another does to each of them: the transfer matrix and the numbers read from it.

Two definitions of forgetting are in use and both are here: against the score right after a language was added (the
negative of BWT), and against the best score it ever had since. No number here has a meaning for a loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperx_cl.errors import DataError, UsageError
from hyperx_cl.evaluate.markdown import table_lines
from hyperx_cl.evaluate.metrics import MLM_LOSS

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class Stream:
    """Scores of N languages before the first was added and after each was; language j is added at step j + 1.

    Attributes:
        languages: The languages in the order in which they were added, N of them.
        matrix: R, float64, shape [step, language] = (N + 1, N), shares of 0..1: ``R[0]`` was measured before any of
            them was added, ``R[i]`` after the i-th. A language is scored before its own step too, with whatever
            stands in for its vector until then; FWT depends on that choice.
        metric: The exact name of what was scored; more must be better.
        untrained: Scores with a random vector, float64, shape [language]; only FWT needs them.

    Raises:
        DataError: There is no language, one is there twice, or scores are missing, too many or no shares of 0..1.
        UsageError: The metric is a loss.
    """

    languages: tuple[str, ...]
    matrix: NDArray[np.float64]
    metric: str
    untrained: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Check everything, and keep copies that nobody else can change."""
        object.__setattr__(self, "languages", _checked_languages(self.languages))
        if self.metric == MLM_LOSS:
            raise UsageError("transfer is not defined for a loss, where less is better: give a metric such as accuracy")
        n = len(self.languages)
        object.__setattr__(self, "matrix", _checked_scores(self.matrix, (n + 1, n), "matrix"))
        if self.untrained is not None:
            object.__setattr__(self, "untrained", _checked_scores(self.untrained, (n,), "untrained"))

    @property
    def before(self) -> NDArray[np.float64]:
        """Each language's score just before it was added, ``R[j, j]``: float64, shape [language]."""
        return self.matrix[:-1].diagonal()

    @property
    def added(self) -> NDArray[np.float64]:
        """Each language's score right after it was added, ``R[j + 1, j]``: float64, shape [language]."""
        return self.matrix[1:].diagonal()

    @property
    def last(self) -> NDArray[np.float64]:
        """Each language's score after the last step, ``R[N, j]``: float64, shape [language]."""
        row: NDArray[np.float64] = self.matrix[-1]
        return row

    @property
    def acc(self) -> float:
        """Mean of the last row, 0..1 (ACC of Lopez-Paz and Ranzato 2017, GEM)."""
        return float(self.last.mean())

    @property
    def bwt(self) -> float | None:
        """Backward transfer: the mean of ``last - added`` over all languages but the last one, -1..1.

        Lopez-Paz and Ranzato 2017 (GEM); negative means that earlier languages were forgotten. None with fewer than
        two languages: nothing was added after any.
        """
        return _mean((self.last - self.added)[:-1])

    @property
    def fwt(self) -> float | None:
        """Forward transfer: the mean of ``before - untrained`` over all languages but the first one, -1..1.

        Lopez-Paz and Ranzato 2017 (GEM): what earlier languages gave to one that was not there yet. None with fewer
        than two languages (nothing was added before any), or where no random vector was scored.
        """
        return None if self.untrained is None else _mean((self.before - self.untrained)[1:])

    @property
    def forgetting_diagonal(self) -> float | None:
        """Mean of ``added - last`` over all languages but the last one, -1..1: exactly ``-bwt``, None where that is."""
        return _mean((self.added - self.last)[:-1])

    @property
    def forgetting_max(self) -> float | None:
        """Mean of ``best - last`` over all languages but the last one, -1..1, never below `forgetting_diagonal`.

        ``best`` is the highest score of a language from the step that added it to step N - 1 (Chaudhry et al. 2018,
        who take all earlier steps: those before its addition say nothing about what was learnt and then lost). None
        with fewer than two languages.
        """
        best = np.array([self.matrix[j + 1 : -1, j].max() for j in range(len(self.languages) - 1)])
        return _mean(best - self.last[:-1])


def to_json(stream: Stream) -> dict[str, Any]:
    """Return a stream as JSON-able values: `schema_version`, what it holds, and under `summary` what follows from it.

    Numbers that are not defined are None.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "metric": stream.metric,
        "languages": list(stream.languages),
        "matrix": stream.matrix.tolist(),
        "untrained": None if stream.untrained is None else stream.untrained.tolist(),
        "summary": {name: getattr(stream, name) for name in _MEASURES},
    }


def from_json(content: Mapping[str, Any]) -> Stream:
    """Read a stream back from `to_json`; the summary is worked out anew.

    Raises:
        DataError: The content is no such stream, has another `schema_version`, or its scores are malformed.
        UsageError: The metric is a loss.
    """
    try:
        version = content["schema_version"]
        parts = [content[name] for name in ("languages", "matrix", "metric", "untrained")]
    except (KeyError, TypeError) as error:
        raise DataError("the content is not a transfer matrix: give what to_json of a stream returned") from error
    if version != SCHEMA_VERSION:
        raise DataError(
            f"the transfer matrix has schema_version {version}, and this version reads {SCHEMA_VERSION}: make it anew"
        )
    languages, matrix, metric, untrained = parts
    if not isinstance(metric, str):
        raise DataError(f"the transfer matrix names its metric as {metric!r}: write the metric's exact name")
    return Stream(languages, matrix, metric, untrained)


def to_markdown(stream: Stream) -> str:
    """Render language x step in % with one decimal, and under it the summary, differences in points."""
    header = ["language", "before any", *(f"after {language}" for language in stream.languages)]
    rows = [_row(stream, j) for j in range(len(stream.languages))]
    if stream.untrained is not None:
        header.append("random vector")
        rows = [[*row, _percent(score)] for row, score in zip(rows, stream.untrained.tolist(), strict=True)]
    caption = f"{stream.metric}, in %; bold: right after the language was added."
    summary = [[words, _summary(name, getattr(stream, name))] for name, words in _MEASURES.items()]
    return f"{caption}\n\n{_markdown(header, rows)}\n{_markdown(['summary', '% or points'], summary)}"


_MEASURES = {
    "acc": "ACC: mean after the last step",
    "bwt": "BWT: last - right after its addition",
    "fwt": "FWT: just before its addition - random vector",
    "forgetting_diagonal": "forgetting: right after its addition - last",
    "forgetting_max": "forgetting: best since its addition - last",
}


def _mean(gaps: NDArray[np.float64]) -> float | None:
    return float(gaps.mean()) if len(gaps) else None


def _checked_languages(languages: Sequence[str]) -> tuple[str, ...]:
    if not (isinstance(languages, list | tuple) and languages and all(isinstance(code, str) for code in languages)):
        raise DataError(f"a stream needs the codes of at least one language, not {languages!r}: list what was added")
    twice = [language for language in dict.fromkeys(languages) if languages.count(language) > 1]
    if twice:
        raise DataError(f"{twice[0]!r} was added twice in one stream: list every language once, in order")
    return tuple(languages)


def _checked_scores(scores: Any, shape: tuple[int, ...], name: str) -> NDArray[np.float64]:
    try:
        found = np.array(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"`{name}` of the stream is not made of numbers in rows of one length: mend it") from error
    if found.shape != shape:
        raise DataError(
            f"`{name}` of the stream has shape {found.shape} instead of {shape}: "
            "give one score a language, and in the matrix one row before the first addition and one after each"
        )
    wrong = found[~((found >= 0) & (found <= 1))]
    if wrong.size:
        raise DataError(f"`{name}` of the stream holds {wrong[0]:g}: every score must be there, as a share of 0..1")
    found.setflags(write=False)
    return found


def _row(stream: Stream, language: int) -> list[str]:
    cells = [_percent(score) for score in stream.matrix[:, language].tolist()]
    cells[language + 1] = f"**{cells[language + 1]}**"
    return [stream.languages[language], *cells]


def _summary(name: str, value: float | None) -> str:
    if value is None:
        return "not defined"
    return _percent(value) if name == "acc" else f"{100 * value:+z.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"{line}\n" for line in table_lines(header, rows))
