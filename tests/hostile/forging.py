"""Files of a shared repository made by hand, byte by byte: what `hyperx_cl` would refuse to write can be written too.

Hashes are computed here a second time, from what `docs/format.md` says of them.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

PACK, MODEL, TASK = "hyperx-cl/pack@1", "hyperx-cl/model@1", "hyperx-cl/task@1"
_DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "uint8": "U8", "bool": "BOOL"}
Tensors = Mapping[str, np.ndarray]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def as_json(value: Any) -> bytes:
    """JSON, with NaN and halves of characters where they are in it."""
    return json.dumps(value, indent=1, sort_keys=True).encode()


def raw(header: Any, body: bytes = b"") -> bytes:
    """A safetensors file with that header, whatever it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def described(tensors: Tensors) -> tuple[dict[str, Any], bytes]:
    """Header and body of some tensors."""
    header, body = {}, b""
    for name, array in sorted(tensors.items()):
        data = np.ascontiguousarray(array).tobytes()
        span = [len(body), len(body) + len(data)]
        header[name] = {"dtype": _DTYPES[str(array.dtype)], "shape": list(array.shape), "data_offsets": span}
        body += data
    return header, body


def safetensors(tensors: Tensors, identity: Any) -> bytes:
    """A file with an identity in its metadata; a text as it is."""
    header, body = described(tensors)
    told = identity if isinstance(identity, str) else json.dumps(identity, sort_keys=True)
    return raw({"__metadata__": {"hyperx-cl": told}, **header}, body)


def language_hash(
    language: str, model: str, tensors: Tensors, pieces: Sequence[str] = (), rules: Sequence[Sequence[str]] = ()
) -> str:  # fmt: skip
    """The content hash of a language record."""
    more = [json.dumps({"pieces": list(pieces)})] if pieces else []
    more += [json.dumps({"transliteration": [list(rule) for rule in rules]})] if rules else []
    return _hashed(("hyperx-cl/language@1", language, model), tensors, more)


def task_hash(model: str, definition: Mapping[str, Any], tensors: Tensors) -> str:
    """The content hash of a learnt task."""
    return _hashed((TASK, model, json.dumps(definition, sort_keys=True)), tensors, ())


def model_fingerprint(config: Mapping[str, Any], tensors: Tensors) -> str:
    """The fingerprint of a model."""
    told = {key: value for key, value in config.items() if key not in ("backbone", "fingerprint")}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for name, array in sorted(tensors.items()):
        digest.update(f"\n{name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array, "<f4").tobytes())
    return digest.hexdigest()


def _hashed(texts: Sequence[str], tensors: Tensors, more: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        _feed(digest, text.encode("utf-8", "surrogatepass"))
    for name, array in sorted(tensors.items()):
        _feed(digest, json.dumps([name, "float32", list(array.shape)]).encode())
        _feed(digest, array.astype("<f4").tobytes())
    for text in more:
        _feed(digest, text.encode())
    return digest.hexdigest()


def _feed(digest: "hashlib._Hash", data: bytes) -> None:
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


def numbers_of(tensors: Tensors) -> int:
    return sum(math.prod(array.shape) for array in tensors.values())
