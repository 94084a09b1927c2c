"""Changes of a good repository that nobody thought of: drawn by hypothesis, one to three at a time."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.hostile.forging import as_json, sha256
from tests.hostile.pack import CONFIG, INDEX, MT, NUMBER, UG, WEIGHTS, good

Draw = st.DrawFn
PATHS = sorted(good())
JSON = [path for path in PATHS if path.endswith(".json")]
TENSORS = [path for path in PATHS if path.endswith(".safetensors")]
SIZES = st.sampled_from([0, 1, 2, 7, 8, 64, 255, 2**16, 2**31, 2**32, 2**40, 2**62, 2**63, 2**64 - 1, -1, 10**30])
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["../../x", "/etc/passwd", "\x1b]0;x\x07", "[red]", "\u202ex", "", "mt", "MT", "x" * 3000, "e5" * 32]
    ),
)
LEAVES = st.one_of(st.none(), st.booleans(), SIZES, st.floats(), TEXTS)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6
)  # fmt: skip


class Mutant(dict[str, bytes]):
    """The files of a repository that was good; shown by what is changed of it."""

    def __repr__(self) -> str:
        right = good()
        told = [f"{path}: {self.get(path, b'gone')[:600]!r}" for path in sorted({*self, *right})
                if self.get(path) != right.get(path)]  # fmt: skip
        return "\n".join(told) or "nothing is changed"


@st.composite
def mutated(draw: Draw) -> Mutant:
    """A repository that was good."""
    files = Mutant(good())
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        draw(st.sampled_from(MUTATIONS))(draw, files)
    return files


def _path(draw: Draw, files: dict[str, bytes], paths: list[str] = PATHS) -> str:
    there = [path for path in paths if path in files]
    return draw(st.sampled_from(there or sorted(files)))


def _bytes(draw: Draw, files: dict[str, bytes]) -> None:
    """A byte flipped, a piece left out, put in or made zero."""
    path = _path(draw, files)
    data = files[path]
    place, length = draw(st.integers(0, len(data))), draw(st.sampled_from([1, 1, 2, 8, 100]))
    piece = draw(st.sampled_from([b"", b"\0" * length, b"\xff", b" ", b"{", b'"', b"1", b"\x80\x04."]))
    how = draw(st.sampled_from(["flip", "replace", "insert", "cut"]))
    if how == "flip" and place < len(data):
        piece, length = bytes([data[place] ^ (1 << draw(st.integers(0, 7)))]), 1
    files[path] = data[:place] if how == "cut" else data[:place] + piece + data[place + length * (how != "insert") :]


def _sealed_bytes(draw: Draw, files: dict[str, bytes]) -> None:
    """The same in a file of tensors, of which the note then tells."""
    before = dict(files)
    _bytes(draw, files)
    _seal(files, before)


def _header(draw: Draw, files: dict[str, bytes]) -> None:
    """Something else in the header of a file of tensors, of which the note then tells."""
    path = _path(draw, files, TENSORS)
    data, before = files[path], dict(files)
    length = int.from_bytes(data[:8], "little")
    header = _loaded(data[8 : 8 + length])
    if not isinstance(header, dict):
        return
    _edit(draw, header)
    text = _dumped(header)
    size = draw(st.sampled_from([len(text)] * 6 + [2**40, 2**63, 0, len(data)]))
    files[path] = size.to_bytes(8, "little") + text + data[8 + length :]
    if draw(st.booleans()):
        _seal(files, before)


def _json(draw: Draw, files: dict[str, bytes]) -> None:
    """Something else in a JSON file."""
    path = _path(draw, files, JSON)
    told = _loaded(files[path])
    if isinstance(told, dict):
        _edit(draw, told)
        files[path] = _dumped(told)


def _twice(draw: Draw, files: dict[str, bytes]) -> None:
    """A key of a JSON file twice, with the same value or another."""
    path = _path(draw, files, JSON)
    told = _loaded(files[path])
    if isinstance(told, dict) and told:
        key = draw(st.sampled_from(sorted(told)))
        value = told[key] if draw(st.booleans()) else draw(VALUES)
        files[path] = _dumped(told).rstrip(b"} \n") + b", " + json.dumps(key).encode() + b": " + _dumped(value) + b"}"


def _spaced(draw: Draw, files: dict[str, bytes]) -> None:
    """The same JSON in other bytes."""
    path = _path(draw, files, JSON)
    told = _loaded(files[path])
    if told is not None:
        files[path] = json.dumps(
            told, indent=draw(st.sampled_from([None, 0, 4])), sort_keys=draw(st.booleans())
        ).encode()


def _swapped(draw: Draw, files: dict[str, bytes]) -> None:
    one, other = _path(draw, files), _path(draw, files)
    files[one], files[other] = files[other], files[one]


def _renamed(draw: Draw, files: dict[str, bytes]) -> None:
    path = _path(draw, files)
    other = draw(st.sampled_from([*PATHS, "x.bin", path + ".bak", path.replace("mt", "MT"), path.replace("mt", "fo"),
                                  path.replace("languages", "tasks"), path.replace("/", "\\"),
                                  f"../{path}"]))  # fmt: skip
    if draw(st.booleans()):
        files[other] = files[path]
    else:
        files[other] = files.pop(path)


def _gone(draw: Draw, files: dict[str, bytes]) -> None:
    files.pop(_path(draw, files))


MUTATIONS = [
    _bytes,
    _bytes,
    _sealed_bytes,
    _header,
    _header,
    _json,
    _json,
    _json,
    _twice,
    _spaced,
    _swapped,
    _renamed,
    _gone,
]


def _edit(draw: Draw, told: dict[str, Any]) -> None:
    """Go some steps into a document, and drop, replace, rename or add something there."""
    place: Any = told
    while isinstance(place, dict) and (
        inner := [key for key in sorted(place) if isinstance(place[key], dict) and place[key]]
    ):
        if draw(st.booleans()):
            break
        place = place[draw(st.sampled_from(inner))]
    key = draw(st.sampled_from(sorted(place))) if place else "x"
    how = draw(st.sampled_from(["drop", "replace", "replace", "nudge", "rename", "add"]))
    if how == "drop":
        place.pop(key, None)
    elif how == "nudge" and isinstance(place.get(key), int | float):
        place[key] += draw(st.sampled_from([1, -1, 0.5]))
    elif how == "nudge" and isinstance(place.get(key), str):
        place[key] += draw(TEXTS)
    elif how == "rename":
        place[draw(TEXTS)] = place.pop(key, None)
    elif how == "add":
        place[draw(TEXTS)] = draw(VALUES)
    else:
        place[key] = draw(VALUES)


def _seal(files: dict[str, bytes], before: dict[str, bytes]) -> None:
    """Let notes tell of the tensors that lie beside them now."""
    for record in (MT, UG, NUMBER):
        numbers, note = f"{record.path}.safetensors", f"{record.path}.json"
        told = _loaded(files.get(note, b""))
        if numbers in files and files[numbers] != before.get(numbers) and isinstance(told, dict):
            files[note] = as_json(told | {"file": {"sha256": sha256(files[numbers]), "size": len(files[numbers])}})


def _loaded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _dumped(told: Any) -> bytes:
    return json.dumps(told).encode("utf-8", "surrogatepass")


assert {CONFIG, INDEX} <= {*JSON} and WEIGHTS in TENSORS
