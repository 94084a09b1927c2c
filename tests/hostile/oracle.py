"""What a pull of a changed repository may end in, said without a line of the code that pulls.

Only what a hash vouches for is certain: changed numbers,
weights and identities have to be refused; a file that says the
same in other bytes has to be taken. What is only told (provenance, scores, the index) may be refused or taken.
"""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from tests.hostile.forging import language_hash, model_fingerprint, sha256, task_hash
from tests.hostile.pack import CONFIG, INDEX, MODEL, MT, NUMBER, UG, WEIGHTS, Record, good

RECORDS = (MT, UG, NUMBER)
IDENTITY = ("format", "kind", "name", "hash", "model", "numbers", "tasks", "file", "definition", "pieces", "rules")
_DTYPES = {"F16": np.float16, "F32": np.float32}


class Verdict(Enum):
    """What has to happen."""

    TAKEN = "taken"
    EITHER = "taken or refused"
    REFUSED = "refused"


def judged(files: Mapping[str, bytes]) -> tuple[Verdict, list[str]]:
    """The verdict on a repository that was the good one, and the content hashes that it gives where it is taken."""
    right = good()
    whole = [record for record in RECORDS if {*record.files} <= {*files}]
    verdicts = [_record(record, files) for record in whole]
    if CONFIG in files and WEIGHTS in files:
        verdicts += [_weights(files[WEIGHTS]), _config(files[CONFIG])]
    else:
        verdicts.append(Verdict.REFUSED)
    strangers = [path for path in files if path not in right and path.startswith(("languages/", "tasks/"))]
    if files.get(INDEX) != right[INDEX] or strangers:
        verdicts.append(Verdict.EITHER)
    hashes = [str(record.note["hash"]) for record in whole]
    for verdict in (Verdict.REFUSED, Verdict.EITHER):
        if verdict in verdicts:
            return verdict, hashes
    return Verdict.TAKEN, hashes


def _record(record: Record, files: Mapping[str, bytes]) -> Verdict:
    numbers, text = files[f"{record.path}.safetensors"], files[f"{record.path}.json"]
    note = _read(text)
    if not isinstance(note, dict) or any(key not in note for key in record.note):
        return Verdict.REFUSED
    right = {"sha256": sha256(numbers), "size": len(numbers)}
    told = isinstance(note["file"], dict) and _same({key: note["file"].get(key) for key in right}, right)
    rest = all(_same(note[key], record.note[key]) for key in IDENTITY if key != "file")
    if not told or not rest or _hash(record, numbers) != record.note["hash"]:
        return Verdict.REFUSED
    same = _same(note, record.note) and numbers == record.data
    return Verdict.TAKEN if same else Verdict.EITHER


def _weights(data: bytes) -> Verdict:
    if data == good()[WEIGHTS]:
        return Verdict.TAKEN
    try:
        length = int.from_bytes(data[:8], "little")
        header, body = _read(data[8 : 8 + length]), data[8 + length :]
        tensors = {name: _tensor(one, body) for name, one in header.items() if name != "__metadata__"}
        same = model_fingerprint(MODEL.config, tensors) == MODEL.mark
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        same = False
    return Verdict.EITHER if same else Verdict.REFUSED


def _config(text: bytes) -> Verdict:
    told = _read(text)
    if not isinstance(told, dict):
        return Verdict.REFUSED
    if _same(told, MODEL.config):
        return Verdict.TAKEN
    rest = {key: value for key, value in told.items() if key != "backbone"}
    identity = {key: value for key, value in MODEL.config.items() if key != "backbone"}
    return Verdict.EITHER if _same(rest, identity) else Verdict.REFUSED


def _hash(record: Record, data: bytes) -> str:
    """The content hash of a file, as the format tells; empty where it cannot be read."""
    try:
        length = int.from_bytes(data[:8], "little")
        header, body = _read(data[8 : 8 + length]), data[8 + length :]
        told = _read(header.pop("__metadata__")["hyperx-cl"].encode())
        tensors = {name: _tensor(one, body) for name, one in header.items()}
        if record is NUMBER:
            return task_hash(told["model"], told["definition"], tensors)
        return language_hash(told["language"], told["model"], tensors, told["pieces"], told["transliteration"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        return ""


def _tensor(told: Mapping[str, Any], body: bytes) -> np.ndarray:
    start, end = told["data_offsets"]
    return np.frombuffer(body[start:end], _DTYPES[told["dtype"]]).reshape(told["shape"]).astype(np.float32)


def _read(data: bytes) -> Any:
    """JSON without a key twice; None for what is none."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        return json.loads(data.decode(), object_pairs_hook=once, parse_constant=lambda text: 1 / 0)
    except (ValueError, RecursionError, ZeroDivisionError):
        return None


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON, where 1 and true are two things."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
