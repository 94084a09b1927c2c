"""Whether something was learnt already: from the same text or sentences, by the same options."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from hyperx_cl.config import AddOptions, FewshotOptions
from hyperx_cl.errors import UsageError

Options = TypeVar("Options", AddOptions, FewshotOptions)


def of_text(told: Mapping[str, Any], text: str, options: object) -> bool:
    """Whether a version was learnt from a text.

    Args:
        told: The version's provenance.
        text: The text's hash.
        options: What it is learnt by.
    """
    same = text_in(told) == text and options_in(told.get("options"), AddOptions) == options
    return told.get("method") == "mlm" and same


def of_sentences(told: Mapping[str, Any], task: str, digests: Sequence[str], options: object) -> bool:
    """Whether a version was moved by labelled sentences.

    Args:
        told: The version's provenance.
        task: Of the pair.
        digests: The sentences' hashes, in order.
        options: What it is learnt by.
    """
    same = told.get("task") == task and list(told.get("sentences", ())) == list(digests)
    return told.get("method") == "fewshot" and same and options_in(told.get("options"), FewshotOptions) == options


def text_in(told: Mapping[str, Any]) -> str:
    """Hash of the text in a provenance, empty where there is none."""
    return str(dict(told.get("text") or {}).get("sha256") or "")


def options_in(kept: Any, cls: type[Options]) -> Options | None:
    """Options out of a provenance or run, None where this version does not take them."""
    try:
        return cls(**kept)
    except (UsageError, TypeError):
        return None
