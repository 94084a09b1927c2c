"""What a folder of files brings into a registry is verified as what comes from the Hub is: all, or nothing."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperx_cl.cli.output import visible
from hyperx_cl.errors import HyperXError
from hyperx_cl.registry.store import Registry
from hyperx_cl.registry.taking_in import import_folder
from tests.hostile.bad_json import spoilt
from tests.hostile.bad_names import ESCAPES, PICKLE
from tests.hostile.bad_numbers import headers
from tests.hostile.exporting import BACKBONE, CONFIG, MARK, changed, write
from tests.hostile.forging import raw
from tests.hostile.pack import DEFINITION, HIDDEN, LAYERS, POS, PROVENANCE, WIDTH, head, numbers, part
from tests.hostile.pulling import dump, expect_one_sentence

Make = Callable[[Path], object]


def cases() -> Iterator[tuple[str, Make]]:
    """Every bad folder and how it is made."""
    yield from _numbers()
    yield from _names()
    yield from _rows()
    yield from _facts()
    yield from _documents()
    yield from _files()


def _with(**changes: Any) -> Make:
    return lambda folder: write(folder, **changes)


def _numbers() -> Iterator[tuple[str, Make]]:
    for what, value in (("NaN", np.nan), ("Inf", np.inf), ("-Inf", -np.inf), ("a huge norm", 200.0), ("3e38", 3e38)):
        for name in ("embedding", "part.up"):
            yield f"{what} in {name}", _with(tensors=part() | {name: np.full_like(part()[name], value)})
        yield f"{what} in a task", _with(task_tensors=head() | {"embedding": np.full(WIDTH, value, np.float32)})
    for what, tensors in (
        ("a longer embedding", part() | {"embedding": numbers(1, WIDTH + 1)}), ("more layers", part(layers=LAYERS + 1)),
        ("another width", part(hidden=HIDDEN + 1)),
        ("doubles", part() | {"embedding": numbers(1, WIDTH).astype(np.float64)}),
        ("no embedding", {"part.down": numbers(1, 1, 1, 4)}),
        ("an empty tensor", part() | {"embedding": numbers(1, 0)}),
        ("a tensor of no record", part() | {"../../x": numbers(1, 3)}),
        ("ids beyond the vocabulary", part() | {"shift.ids": np.array([1, 2, 200], np.float32)}),
    ):  # fmt: skip
        yield what, _with(tensors=tensors)
    yield "a task's wider head", _with(task_tensors=head() | {"head.weight": numbers(8, 2, HIDDEN + 1)})
    for what, identity in (
        ("hash", "0" * 64),
        ("model", "d4" * 32),
        ("language", "ug"),
        ("format", "hyperx-cl/language@9"),
    ):
        yield f"numbers of another {what}", _with(identity={what: identity})


def _names() -> Iterator[tuple[str, Make]]:
    for code in ("../../x", "MT", "mlt", "zzzzz", "", "/etc", *ESCAPES):
        yield f"a language called {code!r}", _with(code=code)
    for name in ("../../x", "a/b", "", ".x", "x" * 65, *ESCAPES):
        yield f"a model called {name!r}", _with(name=name)
        yield f"a task called {name!r}", _with(definition=DEFINITION | {"name": name})
    for text in ESCAPES:
        yield f"a label {text!r}", _with(definition=DEFINITION | {"labels": ["a", text]})
        yield f"a base label {text!r}", _with(config=CONFIG | {"tasks": [POS | {"labels": [text]}]})


def _rows() -> Iterator[tuple[str, Make]]:
    configurations: dict[str, tuple[Any, ...]] = {
        "tasks": ([1], [[]], {}, [{"name": "pos"}], [POS | {"name": "../x"}]), "model": ([], {"exec": 1},
        {"embedding": "8"}, {"projected": 0}),
        "languages": ([1], "en", {}), "layers": ("3", True, None), "vocabulary": ([200], {}), "hidden": ([],),
    }  # fmt: skip
    for key, values in configurations.items():
        for value in values:
            if (key, value) not in (("tasks", {}), ("languages", "en"), ("languages", {})):
                yield f"a configuration whose {key} is {value}", _with(config=CONFIG | {key: value})
    rows: dict[str, tuple[Any, ...]] = {
        "fingerprint": ("x", 1, "A1" * 32), "backbone": ({}, [], BACKBONE | {"fingerprint": "x"}), "config": ([], None),
        "path": (1,), "created": (None,), "default": (1,), "format": ("hyperx-cl/model@9",), "languages": ([],
        {"mt": 1}),
        "tasks": ([], {"x": 1}, {"x": {"hash": "../../x", "note": "0" * 64}}),
    }  # fmt: skip
    for key, values in rows.items():
        for value in values:
            yield f"a row whose {key} is {str(value)[:40]}", _with(**{key: value})


def _facts() -> Iterator[tuple[str, Make]]:
    for key, value in (
        ("text", {"lines": {"train": "x"}}), ("text", 1), ("losses", [1]), ("created", 5), ("created", "x" * 41),
        ("method", None),
        ("method", ["mlm"]), ("steps", "many"), ("before", []), ("carried", "x"), ("corrections", {"a": 1}),
        ("parent", "p" * 65),
        ("author", {}), ("options", []), ("n", True), ("backbone", {"fingerprint": "e" * 64}),
    ):  # fmt: skip
        yield f"a provenance whose {key} is {str(value)[:30]}", _with(provenance=PROVENANCE | {key: value})


def _documents() -> Iterator[tuple[str, Make]]:
    def in_note(kind: str, data: bytes) -> Make:
        return lambda folder: changed(write(folder), f"{kind}/*.json", data)

    def in_row(data: bytes) -> Make:
        return lambda folder: (write(folder) / "models" / f"{MARK}.json").write_bytes(data)

    def in_file(kind: str, data: bytes) -> Make:
        return lambda folder: changed(write(folder), f"{kind}/*.safetensors", data)

    told = {"format": "hyperx-cl/language@1", "language": "mt", "provenance": dict(PROVENANCE)}
    for what, data in spoilt(told, "provenance"):
        yield f"note: {what}", in_note("languages", data)
        yield f"note of a task: {what}", in_note("tasks", data)
        yield f"row: {what}", in_row(data)
        text = raw(
            {
                "__metadata__": {"hyperx-cl": data.decode("latin-1")},
                "embedding": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            },
            bytes(4),
        )
        yield f"metadata: {what}", in_file("languages", text)
    for what, data in headers(raw({"embedding": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4))):
        yield f"numbers: {what}", in_file("languages", data)
    for kind in ("languages", "tasks"):
        yield f"a pickle as numbers of {kind}", in_file(kind, PICKLE)


def _files() -> Iterator[tuple[str, Make]]:
    def sparse(kind: str, size: int) -> Make:
        def make(folder: Path) -> None:
            (file,) = write(folder).glob(kind)
            os.truncate(file, size)

        return make

    def other(kind: str, put: Callable[[Path], object]) -> Make:
        def make(folder: Path) -> None:
            (file,) = write(folder).glob(kind)
            file.unlink()
            put(file)

        return make

    for kind in ("languages/*.safetensors", "languages/*.json", "tasks/*.json", "models/*.json"):
        yield f"{kind} of 20 GB", sparse(kind, 20 * 10**9)
        yield f"{kind} that leads to /dev/zero", other(kind, lambda file: file.symlink_to("/dev/zero"))
        yield f"{kind} that nobody writes into", other(kind, os.mkfifo)
        yield f"{kind} that is a folder", other(kind, lambda file: file.mkdir())
        yield f"{kind} that leads to itself", other(kind, lambda file: file.symlink_to(file.name))


CASES = dict(cases())


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, Path]]:
    """A registry with a model of its own, and its file."""
    file = tmp_path_factory.mktemp("held") / "registry.sqlite3"
    with Registry.open(str(file)) as registry:
        registry.add_model("own", "e5" * 32, "/models/own", BACKBONE, {})
        yield registry, file


def test_the_good_one_comes_in(tmp_path: Path) -> None:
    with Registry.open(str(tmp_path / "registry.sqlite3")) as registry:
        assert import_folder(registry, write(tmp_path / "good")).new.versions == 1
        assert registry.check() == []
        assert json.loads(json.dumps(dict(registry.language("mt").stored.provenance)))["author"] == "Anna"


@pytest.mark.parametrize("what", CASES)
def test_a_bad_one_does_not(held: tuple[Registry, Path], what: str, tmp_path: Path) -> None:
    registry, file = held
    before = dump(file)
    folder = tmp_path / "bad"
    CASES[what](folder)
    with pytest.raises(HyperXError) as caught:
        import_folder(registry, folder)
    assert caught.value.exit_code in (3, 4, 6), caught.value
    expect_one_sentence(f"Error: {visible(str(caught.value))}\n")
    assert dump(file) == before
