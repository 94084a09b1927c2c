"""Encoded data kept on disk, found again by its content, tokenizer and settings."""

import hashlib
import json
import logging
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
from transformers import PreTrainedTokenizerBase

from hyperx_cl.data.encode import Encoded, Encoder, Ints
from hyperx_cl.data.examples import Sentence, content_hash
from hyperx_cl.writing import shared

_log = logging.getLogger(__name__)

_FORMAT = "hyperx-cl/encoded@2"
_RAGGED = ("ids", "first", "labels")


class EncodedCache:
    """Encodes once: a second call with the same content, tokenizer and settings reads the first one's result.

    A damaged file is written anew; where the folder cannot be written, everything is encoded every time.

    Args:
        folder: Created when first needed.
        writes: Whether what was not there is kept.
    """

    def __init__(self, folder: str | Path, *, writes: bool = True) -> None:
        """Remember the folder."""
        self.folder, self._writes = Path(folder), writes
        self._tokenizers = WeakKeyDictionary[Encoder, str]()  # hashing a large vocabulary takes a second

    def words(
        self, encoder: Encoder, sentences: Sequence[Sentence], label_ids: Mapping[str, int] | None
    ) -> list[Encoded]:
        """Do what `Encoder.words` does, or read what it did before."""
        settings = ["words", None if label_ids is None else sorted(label_ids.items())]
        return self._get(encoder, sentences, settings, lambda: encoder.words(sentences, label_ids))

    def text(self, encoder: Encoder, lines: Sequence[str]) -> list[Encoded]:
        """Do what `Encoder.text` does, or read what it did before."""
        return self._get(encoder, lines, ["text"], lambda: encoder.text(lines))

    def _get(
        self,
        encoder: Encoder,
        items: Sequence[Sentence] | Sequence[str],
        settings: Sequence[object],
        encode: Callable[[], list[Encoded]],
    ) -> list[Encoded]:
        if encoder not in self._tokenizers:
            self._tokenizers[encoder] = tokenizer_hash(encoder.tokenizer)
        key = [_FORMAT, content_hash(items), self._tokenizers[encoder], encoder.max_length, *settings]
        path = self.folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.npz"
        kept = _load(path)
        if kept is None:
            kept = encode()
            if self._writes:
                _save(kept, path)
        return kept


def tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 (64 hex) over all that decides what a fast tokenizer makes of a text: vocabulary, merges, rules."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    # How a tokenizer was last called leaves its truncation and padding behind.
    state["truncation"] = state["padding"] = None
    special = sorted(map(str, tokenizer.all_special_tokens))
    return hashlib.sha256(json.dumps([state, special], sort_keys=True).encode()).hexdigest()


def _save(examples: Sequence[Encoded], path: Path) -> None:
    """Write to a temporary file first, so that no reader ever meets half a file."""
    arrays: dict[str, Ints] = {}
    for name in _RAGGED:
        parts: list[Ints] = [getattr(example, name) for example in examples]
        arrays[name] = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        arrays[f"{name}_sizes"] = np.array([len(part) for part in parts], np.int32)
    for name in ("sentence", "start"):
        arrays[name] = np.array([getattr(example, name) for example in examples], np.int32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with shared(path) as temporary, temporary.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **arrays)
    except OSError as error:
        _log.warning("encoded data is not kept: %s", error)


def _load(path: Path) -> list[Encoded] | None:
    """Read what `_save` wrote; None where there is nothing or it is damaged (zip checksums tell)."""
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
            arrays: dict[str, Ints] = {name: archive[name] for name in archive.files}
        ragged = [_cut(arrays[name], arrays[f"{name}_sizes"]) for name in _RAGGED]
        places = [arrays["sentence"].tolist(), arrays["start"].tolist()]
        return [Encoded(*values) for values in zip(*ragged, *places, strict=True)]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("%s is damaged (%s) and made anew", path, error)
        return None


def _cut(flat: Ints, sizes: Ints) -> list[Ints]:
    ends = np.cumsum(sizes)
    if (ends[-1] if len(ends) else 0) != len(flat):
        raise ValueError("sizes do not add up")
    return [flat[end - size : end] for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]
