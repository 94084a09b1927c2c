"""Safetensors files that claim what they do not hold, and numbers that no learning leaves behind."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.hostile import forging
from tests.hostile.attack import Attack
from tests.hostile.forging import described, raw
from tests.hostile.pack import (
    HIDDEN,
    LAYERS,
    MODEL,
    MT,
    NUMBER,
    WEIGHTS,
    WIDTH,
    Files,
    Model,
    alone,
    head,
    instead,
    language,
    numbers,
    part,
    task,
    weights,
)

GIGABYTES = 2**36


def attacks() -> Iterator[Attack]:
    """All of them."""
    for what, data in headers(MT.data):
        yield Attack(f"numbers: {what}", MT.with_data(data), "mt", "cannot be used, for")
    for what, data in headers(NUMBER.data):
        yield Attack(f"numbers of a task: {what}", NUMBER.with_data(data), "number", "cannot be used, for")
    for what, data in headers(MODEL.files[WEIGHTS] or b""):
        yield Attack(f"weights: {what}", {WEIGHTS: data}, "weights of org/pack", "cannot be used, for")
    yield from _hashes()
    yield from _values()
    yield from _shapes()
    yield from _models()


def headers(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Headers that do not add up, before or instead of good ones."""
    length = int.from_bytes(good[:8], "little")
    told, body = good[8 : 8 + length], good[8 + length :]
    for what, claimed in (("a terabyte", 2**40), ("2^63 bytes", 2**63), ("all bytes there are", 2**64 - 1)):
        yield f"a header of {what}", claimed.to_bytes(8, "little") + good[8:]
    yield "nothing", b""
    yield "seven bytes", good[:7]
    yield "a byte less", good[:-1]
    yield "a byte more", good + b"\0"
    yield "a header of 5 MiB", raw(told + b" " * (5 * 2**20), body)
    yield "a tensor that claims gigabytes", _one("F32", [GIGABYTES // 4], 0, GIGABYTES)
    yield "gigabytes in a shape alone", _one("F32", [2**16, 2**16, 2**16], 0, 4)
    yield "a shape whose product runs over", _one("F32", [2**32, 2**32], 0, 0)
    yield "no numbers beside gigabytes", _one("F32", [GIGABYTES, 0], 0, 0)
    yield "a negative shape", _one("F32", [-1, -1], 0, 4)
    yield "a shape of fractions", _one("F32", [1.0], 0, 4)
    yield "a shape of truths", _one("F32", [True], 0, 4)
    yield "nine dimensions", _one("F32", [1] * 9, 0, 4)
    yield "offsets backwards", _one("F32", [1], 4, 0)
    yield "offsets behind the end", _one("F32", [1], 4, 8)
    yield "no offsets", raw({"a": {"dtype": "F32", "shape": [1]}}, bytes(4))
    yield "a tensor that is none", raw({"a": 1}, bytes(4))
    yield "no tensors", raw({})
    yield "tensors that overlap", raw({"a": _told([1], 0, 4), "b": _told([1], 0, 4)}, bytes(4))
    yield "tensors that overlap by half", raw({"a": _told([2], 0, 8), "b": _told([2], 4, 12)}, bytes(12))
    yield "a gap between tensors", raw({"a": _told([1], 0, 4), "b": _told([1], 8, 12)}, bytes(12))
    for dtype in ("F64", "I64", "BF16", "U8", "BOOL", "F8_E4M3", "f32", "", None, ["F32"]):
        yield f"numbers of type {dtype}", _one(dtype, [1], 0, 8 if dtype == "F64" else 4)


def _told(shape: list[Any], start: int, end: int, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def _one(dtype: Any, shape: list[Any], start: int, end: int) -> bytes:
    return raw({"embedding": _told(shape, start, end, dtype)}, bytes(8 if dtype == "F64" else 4))


def _hashes() -> Iterator[Attack]:
    path, data = f"{MT.path}.safetensors", MT.data
    yield Attack("a byte flipped", {path: data[:-1] + bytes([data[-1] ^ 1])}, "mt", "SHA-256")
    yield Attack("cut short", {path: data[:-10]}, "mt", "bytes")
    yield Attack(
        "another SHA-256 in the note", MT.with_note(file={"sha256": "0" * 64, "size": len(data)}), "mt", "SHA-256"
    )
    yield Attack(
        "another size in the note", MT.with_note(file={"sha256": MT.note["file"]["sha256"], "size": 5}), "mt", "bytes"
    )
    yield Attack(
        "numbers of another hash", instead(language(MODEL.mark, part(), identity={"hash": "0" * 64})), "mt", "hashes to"
    )
    other = MT.with_data(forging.safetensors(part() | {"embedding": numbers(99, WIDTH)}, _identity()))
    yield Attack("other numbers under the same hash", other, "mt", "hashes to")
    yield Attack("a note that tells of more numbers", MT.with_note(numbers=3), "mt", "than its note tells")
    yield Attack("a note that tells of pieces", MT.with_note(pieces=1), "mt", "than its note tells")
    yield Attack("a note that tells of a task", MT.with_note(tasks=["pos"]), "mt", "than its note tells")
    yield Attack(
        "another task than its note tells",
        NUMBER.with_note(definition=NUMBER.note["definition"] | {"labels": ["a", "b"]}),
        "number",
        "than its note tells",
    )
    stranger = instead(language("d4" * 32, part()))
    yield Attack("a record of another model", stranger, "org/pack", "mixes records of several models")
    yield Attack(
        "numbers of another model",
        instead(language(MODEL.mark, part(), identity={"model": "d4" * 32})),
        "mt",
        "hashes to",
    )


def _identity() -> dict[str, Any]:
    return {"format": forging.PACK, "language": "mt", "model": MODEL.mark, "hash": MT.note["hash"], "pieces": [],
            "transliteration": []}  # fmt: skip


def _mt(changes: dict[str, Any], **more: Any) -> Files:
    """Mt with other tensors and true hashes; ``...`` takes one away."""
    told = {name: array for name, array in (part() | changes).items() if array is not ...}
    return instead(language(MODEL.mark, told, **more))


def _values() -> Iterator[Attack]:
    for what, value, said in (
        ("NaN", np.nan, "not finite"), ("Inf", np.inf, "not finite"), ("-Inf", -np.inf, "not finite"),
        ("a huge norm", 200.0, "root mean square"), ("numbers near the largest float", 3e38, "a number of"),
        ("numbers beyond fp16", 65_600.0, "a number of"),
    ):  # fmt: skip
        for name in ("embedding", "part.up", "part.down_bias"):
            halves = abs(value) < 6e4 or not np.isfinite(value)
            yield Attack(f"{what} in {name}", _mt({name: np.full_like(part()[name], value)}, halves=halves), "mt", said)
            if name == "embedding":
                yield Attack(
                    f"{what} in a task",
                    instead(task(MODEL.mark, head() | {name: np.full(WIDTH, value, np.float32)})),
                    "number",
                    said,
                )
                base = Model.of(weights() | {"generator.weight": np.full((32, 16), value, np.float32)})
                yield Attack(f"{what} in the weights", alone(base), "weights of org/pack", said)
    one = np.zeros(WIDTH, np.float32)
    one[3] = np.nan
    yield Attack("one NaN among numbers", _mt({"embedding": one}), "mt", "not finite")


def _shapes() -> Iterator[Attack]:
    up, down = part()["part.up"], part()["part.down"]
    fit, shapes = "does not fit its model", "expected"
    wide = part(hidden=HIDDEN + 1)
    for what, changes, said in (
        ("no embedding", {"embedding": ...}, "needs its 'embedding'"),
        ("a longer embedding", {"embedding": numbers(1, 9)}, fit),
        ("a matrix for an embedding", {"embedding": numbers(1, 2, WIDTH)}, shapes),
        ("more layers than the model", part(layers=LAYERS + 1), fit),
        ("parts of another width", wide, fit), ("half a part", {"part.up": ...}, shapes),
        ("a part that does not fit together", {"part.up": up[:, :, :1]}, shapes),
        ("a part as wide as its rank", {"part.down": numbers(1, 2, HIDDEN, 7), "part.down_bias": numbers(1, 2,
        HIDDEN), "part.up": numbers(1, 2, 7, HIDDEN)}, fit),
        ("a flat part", {"part.down": down[0]}, shapes),
        ("a tensor of no record", {"evil": numbers(1, 3)}, "no tensor of a language record"),
        ("a tensor named as a path", {"../../evil": numbers(1, 3)}, "no tensor of a language record"),
        ("ids of a shift that run backwards", {"shift.ids": np.array([7, 5, 1], np.float32)}, "no token ids"),
        ("negative ids of a shift", {"shift.ids": np.array([-1, 5, 7], np.float32)}, "no token ids"),
        ("ids beyond the vocabulary", {"shift.ids": np.array([1, 2, 200], np.float32)}, fit),
        ("half a shift", {"shift.basis": ...}, shapes),
        ("a patch without pieces", {"patch.embeddings": numbers(1, 2, HIDDEN)}, "token patch"),
    ):  # fmt: skip
        yield Attack(what, _mt(changes), "mt", said)
    patch = {"patch.embeddings": numbers(1, 2, HIDDEN), "patch.bias": numbers(2, 2)}
    yield Attack("a piece twice", _mt(patch, pieces=("a", "a")), "mt", "twice")
    yield Attack("a piece of controls", _mt(patch, pieces=("a", "\x1b[31m")), "mt", "cannot be a piece")
    yield Attack("rules that bite each other", _mt({}, rules=(("a", "b"), ("b", "c"))), "mt", "transliteration")
    yield Attack(
        "a pair of a task that there is not", _mt({"pair.evil.embedding": numbers(1, WIDTH)}), "mt", "'evil'", 4
    )
    for what, tensors in (
        ("a longer vector of a task", head() | {"embedding": numbers(7, 9)}),
        ("a wider head", head() | {"head.weight": numbers(8, 2, HIDDEN + 1)}),
        ("a head of three labels", head() | {"head.weight": numbers(8, 3, HIDDEN)}),
        ("a task's tensor too many", head() | {"evil": numbers(1, 1)}),
    ):  # fmt: skip
        yield Attack(what, instead(task(MODEL.mark, tensors)), "number")


def _models() -> Iterator[Attack]:
    good, about = MODEL.files, "org/pack"
    config, data = good["config.json"], good[WEIGHTS] or b""
    yield Attack("weights with a byte flipped", {WEIGHTS: data[:-1] + bytes([data[-1] ^ 1])}, about, "fingerprint")
    yield Attack(
        "weights of another model",
        {WEIGHTS: Model.of(weights() | {"base.en.own.embedding": numbers(50, WIDTH)}).files[WEIGHTS]},
        about,
        "fingerprint",
    )
    yield Attack("a configuration of another model", {"config.json": Model.of(tasks=[]).files["config.json"]}, about)
    yield Attack("no weights", {WEIGHTS: None}, MODEL.mark[:12], "which is not in the registry", 3)
    for what, tensors in (
        ("a base language without numbers", {name: array for name, array in weights().items() if "tr" not in name}),
        ("a base language of another size", weights() | {"base.tr.own.embedding": numbers(11, WIDTH + 1)}),
        ("a base language's tensor of no record", weights() | {"base.tr.own.evil": numbers(11, 3)}),
        ("fewer numbers than the configuration tells", {name: array for name,
        array in weights().items() if "." in name and "weight" not in name}),
    ):  # fmt: skip
        yield Attack(what, alone(Model.of(tensors)), about)
    halves = {name: array.astype(np.float16) for name, array in weights().items()}
    header, body = described(halves)
    yield Attack(
        "weights in fp16", alone(MODEL) | {WEIGHTS: raw(header, body), "config.json": config}, about, "dtype F16"
    )
