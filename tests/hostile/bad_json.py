"""JSON that means two things, or none, or more than there is memory for: in notes, configuration and index."""

import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.attack import Attack, let_alone
from tests.hostile.forging import PACK, as_json, described, raw
from tests.hostile.pack import CONFIG, INDEX, MODEL, MT, NUMBER, REPO, Files, part

DEEP, NEVER_DEEPER = 10_000, 300
NOTE, TASK_NOTE = f"{MT.path}.json", f"{NUMBER.path}.json"
NO_NOTE, NO_CONFIG = "is not the note of a shared record", "is none of a hyperx-cl model"


def spoilt(told: dict[str, Any], key: str) -> Iterator[tuple[str, bytes]]:
    """Ways to spoil a JSON object that has a key which is looked at."""
    text, value = json.dumps(told), json.dumps(told[key])
    yield "a key twice", f'{text[:-1]}, "{key}": {value}}}'.encode()
    yield "a key twice, spelt in two ways", f'{text[:-1]}, "\\u{ord(key[0]):04x}{key[1:]}": {value}}}'.encode()
    for what, wrong in (
        ("NaN", "NaN"), ("Infinity", "-Infinity"), ("more than a float holds", "1e999"), ("beyond 64 bits", str(2**63)),
        ("a number of 5,000 digits", "9" * 5000), ("half a character", '"\\ud800"'), ("a NUL", '"\\u0000"'),
        (f"{DEEP:,} lists in each other", "[" * DEEP + "]" * DEEP),
        (f"{DEEP:,} objects in each other", '{"a":' * DEEP + "1" + "}" * DEEP),
        (f"{NEVER_DEEPER} lists in each other", "[" * NEVER_DEEPER + "]" * NEVER_DEEPER),
    ):  # fmt: skip
        yield what, f'{text[:-1]}, "more": {wrong}}}'.encode()
    yield "UTF-16", text.encode("utf-16")
    yield "Latin-1", text.replace("{", '{"é": 1, ', 1).encode("latin-1")
    yield "a byte order mark", b"\xef\xbb\xbf" + text.encode()
    yield "nothing", b""
    yield "a list", f"[{text}]".encode()
    yield "a number", b"1"
    yield "null", b"null"
    yield "two documents", f"{text} {text}".encode()
    yield "half of it", text.encode()[: len(text) // 2]
    yield "a comment", f"{text} // told".encode()
    yield "a path, as of a link", b"../../../../../../etc/passwd"
    yield "more values than there is memory for", f'{text[:-1]}, "more": [{"[]," * 340_000}0]}}'.encode()


def attacks() -> Iterator[Attack]:
    """All of them."""
    for what, data in spoilt(MT.note, "licences"):
        yield Attack(f"note: {what}", {NOTE: data}, NOTE, NO_NOTE if len(data) < 2**20 else "")
    for what, data in spoilt(NUMBER.note, "definition"):
        if len(data) < 2**20:
            yield Attack(f"note of a task: {what}", {TASK_NOTE: data}, TASK_NOTE, NO_NOTE)
    for what, data in spoilt(MODEL.config, "languages"):
        said = NO_CONFIG if len(data) < 2**20 else "at most 1,048,576"
        yield Attack(f"configuration: {what}", {CONFIG: data}, REPO, said)
    for what, data in spoilt({"format": PACK, "model": None, "records": []}, "records"):
        yield let_alone(f"index: {what}", {INDEX: data})
    yield from _metadata()
    yield from _kinds()
    yield from _sizes()
    yield from _indexes()


def _metadata() -> Iterator[Attack]:
    header, body = described(part())
    for what, told in spoilt(json.loads(json.loads(_header(MT.data))["__metadata__"]["hyperx-cl"]), "hash"):
        if what not in ("UTF-16", "Latin-1") and len(told) < 2**20:  # in the header it is a text, whatever it was
            text = {"__metadata__": {"hyperx-cl": told.decode("latin-1")}, **header}
            yield Attack(
                f"metadata: {what}",
                MT.with_data(raw(text, body)),
                "mt",
                "" if "memory" in what else "not a language record of",
            )
    for what, data in spoilt(json.loads(_header(MT.data)), "embedding"):
        if len(data) < 2**20:
            yield Attack(f"header: {what}", MT.with_data(raw(data, body)), "mt", "")


def _header(data: bytes) -> bytes:
    return data[8 : 8 + int.from_bytes(data[:8], "little")]


WRONG: tuple[Any, ...] = (None, True, 1, -1, 1.5, "x", [], ["x"], [[]], {}, {"x": 1}, [{}])


def _kinds() -> Iterator[Attack]:
    """Every key of a note missing, or of another kind."""
    for record, path in ((MT, NOTE), (NUMBER, TASK_NOTE)):
        for key, right in record.note.items():
            wrong = [value for value in WRONG if type(value) is not type(right)]
            if isinstance(right, list):
                wrong += [[1], [None], [["x"]], [True]]
            for value in (..., *wrong):
                told = "no more" if value is ... else f"as {json.dumps(value)}"
                yield Attack(
                    f"{path[:8]} note: {key} {told}", record.with_note(**{key: value}), REPO if key == "model" else ""
                )
    for key, right in MODEL.config.items():
        for value in (..., *(value for value in WRONG if type(value) is not type(right))):
            config = {name: old for name, old in (MODEL.config | {key: value}).items() if old is not ...}
            told = "no more" if value is ... else f"as {json.dumps(value)}"
            yield Attack(f"configuration: {key} {told}", {CONFIG: as_json(config)}, REPO)
    for key, value in (("value", "high"), ("value", True), ("low", None), ("task", 1), ("of", []), ("more", {"a": 1})):
        yield Attack(
            f"a score whose {key} is {value!r}", MT.with_note(scores=[MT.note["scores"][0] | {key: value}]), NOTE
        )


def _sizes() -> Iterator[Attack]:
    yield Attack("a note of 100 MB", lambda: {NOTE: b" " * 10**8}, NOTE, "at most 1,048,576 are read")
    yield Attack("an index of 17 MiB", lambda: {INDEX: b" " * (17 * 2**20)}, INDEX, "at most 16,777,216 are read")
    yield Attack("a configuration of 2 MiB", lambda: {CONFIG: b" " * 2**21}, CONFIG, "at most 1,048,576 are read")
    yield Attack("numbers of 17 MiB", lambda: MT.with_data(bytes(17 * 2**20)), MT.path, "at most 16,777,216 are read")
    yield let_alone("a card of 100 MB", lambda: {"README.md": b"#" * 10**8})


def _indexes() -> Iterator[Attack]:
    """Indexes that lie where nothing can be checked against a hash."""
    note = {"kind": "languages", "name": "mt", "hash": MT.note["hash"], "model": MODEL.mark, "numbers": 1, "size": 1,
            "sha256": "", "tasks": [], "licences": [], "scores": [], "pieces": 0, "rules": 0, "labels": 0, "note": "",
            "told": {"method": "mlm"}}  # fmt: skip
    for key, value in (
        ("tasks", [[]]), ("tasks", [{"a": 1}]), ("licences", [None]), ("scores", [1]), ("told", {"parent": []}),
        ("told", {"created": {}}), ("name", "../../x"), ("hash", []), ("kind", None),
    ):  # fmt: skip
        files: Files = {INDEX: as_json({"format": PACK, "model": None, "records": [note | {key: value}]})}
        yield let_alone(f"an index whose {key} is {json.dumps(value)}", files)
    for key, value in (("languages", [[]]), ("tasks", [1]), ("backbone", []), ("files", None)):
        model = {"fingerprint": MODEL.mark, "numbers": 1, "tasks": {}, "languages": [], "backbone": {"id": "x"},
                 "files": {}} | {key: value}  # fmt: skip
        yield let_alone(f"an index whose model's {key} is {json.dumps(value)}",
                        {INDEX: as_json({"format": PACK, "model": model, "records": []})})  # fmt: skip
