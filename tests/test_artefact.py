"""A language record in memory, in bytes and on disk."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hyperx_cl.artefact import FORMAT, LanguageRecord, from_bytes, load_record, save_record, to_bytes
from hyperx_cl.errors import DataError, NotFoundError

MODEL = "ab" * 32
Tensors = dict[str, NDArray[np.float32]]


def numbers(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def part(prefix: str = "", r: int = 2, layers: int = 3, hidden: int = 5) -> Tensors:
    return {
        f"{prefix}part.down": numbers(layers, r, hidden),
        f"{prefix}part.down_bias": numbers(layers, r),
        f"{prefix}part.up": numbers(layers, hidden, r),
    }


def record(tensors: Tensors | None = None, **provenance: Any) -> LanguageRecord:
    full = {"embedding": numbers(8), **part(), "pair.pos.embedding": numbers(8), **part("pair.ner.", r=1)}
    return LanguageRecord("mt", MODEL, full if tensors is None else tensors, provenance)


def test_a_record_survives_bytes_and_files(tmp_path: Path) -> None:
    original = record(method="mlm", steps=7)
    path = save_record(original, tmp_path / "new")
    for again in (from_bytes(to_bytes(original), provenance=original.provenance), load_record(path)):
        assert (again.language, again.model, again.hash) == ("mt", MODEL, original.hash)
        assert again.provenance == {"method": "mlm", "steps": 7}
        assert list(again.tensors) == list(original.tensors)
        assert all(np.array_equal(again.tensors[name], array) for name, array in original.tensors.items())
    assert load_record(path.with_suffix(".json")).hash == original.hash
    assert sorted(file.name for file in path.parent.iterdir()) == [
        f"{original.hash}{e}" for e in (".json", ".safetensors")
    ]
    assert json.loads(path.with_suffix(".json").read_text())["format"] == FORMAT


def test_tasks_and_numbers() -> None:
    assert record().tasks == ("ner", "pos")
    assert record().numbers == 8 + (30 + 6 + 30) + 8 + (15 + 3 + 15)
    assert record({"embedding": numbers(8)}).tasks == ()


def test_equal_records_have_equal_bytes_and_hash_whatever_the_order() -> None:
    first = record()
    second = record(dict(reversed(first.tensors.items())), method="other")  # type: ignore[call-overload]
    assert first.hash == second.hash
    assert to_bytes(first) == to_bytes(second)


def test_the_hash_is_the_same_for_ever() -> None:
    fixed = LanguageRecord("mt", MODEL, {"embedding": np.arange(4, dtype=np.float32)}, {})
    assert fixed.hash == "b7f89a07a4718dfab8038c8b0f80561cb379fb5e9280969faf63d9e75e8048dd"


def patched(pieces: Sequence[str] = ("##ŵ", "ə"), **changed: NDArray[np.float32]) -> LanguageRecord:
    """A record with a token patch."""
    names = {"patch.embeddings": numbers(2, 5), "patch.bias": numbers(2)}
    tensors = {
        "embedding": numbers(8),
        **part(),
        **names,
        **{f"patch.{name}": array for name, array in changed.items()},
    }
    return LanguageRecord("mt", MODEL, tensors, {}, tuple(pieces))


def test_a_token_patch_survives_bytes_and_files(tmp_path: Path) -> None:
    original = patched()
    path = save_record(original, tmp_path)
    for again in (from_bytes(to_bytes(original), provenance={}), load_record(path)):
        assert (again.pieces, again.hash) == (("##ŵ", "ə"), original.hash)
        assert np.array_equal(again.tensors["patch.embeddings"], original.tensors["patch.embeddings"])
    assert original.tasks == () and original.numbers == 8 + 66 + 10 + 2
    assert json.loads(path.with_suffix(".json").read_text())["pieces"] == ["##ŵ", "ə"]
    path.with_suffix(".json").write_text(path.with_suffix(".json").read_text().replace('"ə"', '"ŵ"'))
    with pytest.raises(DataError, match="describes another record"):
        load_record(path)


def test_the_hash_of_a_token_patch_is_the_same_for_ever_and_depends_on_its_pieces() -> None:
    zeros = {"embedding": np.zeros(2, np.float32), "patch.embeddings": np.ones((1, 3), np.float32)}
    fixed = LanguageRecord("mt", MODEL, {**zeros, "patch.bias": np.ones(1, np.float32)}, {}, ("##ŵ",))
    assert fixed.hash == "769418f3d261a898c632064e7bcb358289e291c726070f8b0d6bc3dc16e17b1b"
    assert len({patched().hash, patched(("ə", "##ŵ")).hash, patched(("##ŵ", "e")).hash}) == 3


def test_records_without_a_patch_are_stored_as_before_there_were_any(tmp_path: Path) -> None:
    path = save_record(record(), tmp_path)
    assert b"pieces" not in path.read_bytes() and "pieces" not in json.loads(path.with_suffix(".json").read_text())


def read_as(rules: Sequence[tuple[str, str]]) -> LanguageRecord:
    """A record with a transliteration."""
    return LanguageRecord("mt", MODEL, {"embedding": np.arange(4, dtype=np.float32)}, {}, transliteration=tuple(rules))


def test_a_transliteration_survives_bytes_and_files(tmp_path: Path) -> None:
    rules = (("ш", "sh"), ("ь", ""))
    original = read_as(rules)
    path = save_record(original, tmp_path)
    for again in (from_bytes(to_bytes(original), provenance={}), load_record(path)):
        assert (again.transliteration, again.hash) == (rules, original.hash)
    note = path.with_suffix(".json")
    assert json.loads(note.read_text())["transliteration"] == [["ш", "sh"], ["ь", ""]]
    note.write_text(note.read_text().replace('"sh"', '"s"'))
    with pytest.raises(DataError, match="describes another record"):
        load_record(path)


def test_the_hash_depends_on_the_transliteration_and_stays_without_one() -> None:
    hashes = {read_as(r).hash for r in ([], [("ш", "sh")], [("ш", "s")], [("ш", "sh"), ("ь", "")])}
    assert len(hashes) == 4 and "b7f89a07a4718dfab8038c8b0f80561cb379fb5e9280969faf63d9e75e8048dd" in hashes
    assert b"transliteration" not in to_bytes(read_as([]))


def test_a_transliteration_that_cannot_act_is_refused() -> None:
    with pytest.raises(DataError, match="two rules for the same letters"):
        read_as([("ш", "sh"), ("ш", "s")])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (rb"[[\"\\u0448\", \"s \"]]", "no white space"),
        (rb"[[\"\\u0448\", \"zz\"]]", "is damaged: its numbers hash to"),
        (rb"[[\"\\u0448\"], [\"s\"]", "is not a language record"),
    ],
)
def test_a_transliteration_in_a_file_from_elsewhere_is_checked(changed: bytes, message: str) -> None:
    data, rules = to_bytes(read_as([("ш", "sh")])), rb"[[\"\\u0448\", \"sh\"]]"
    assert data.count(rules) == 1 and len(changed) == len(rules)
    with pytest.raises(DataError, match=message):
        from_bytes(data.replace(rules, changed), provenance={})


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: patched(()), r"0 pieces, rows \(2, 5\), biases \(2,\)"),
        (lambda: patched(("a", "b", "c")), "3 pieces"),
        (lambda: patched(bias=numbers(3)), r"biases \(3,\)"),
        (lambda: patched(embeddings=numbers(2)), r"rows \(2,\)"),
        (
            lambda: patched(embeddings=numbers(2, 4)),
            "part and token patch are of different backbones, with hidden sizes 5",
        ),
        (lambda: patched(("a", "a")), "has a piece twice"),
        (lambda: patched(("a", "")), "'' cannot be a piece"),
        (lambda: patched(("a", "b" * 65)), "cannot be a piece"),
        (lambda: patched(("a", "b\n")), "none of them a control character"),
        (lambda: patched(("a", "\ud800")), "cannot be a piece"),
        (lambda: LanguageRecord("mt", MODEL, {"embedding": numbers(8)}, {}, ("a",)), "1 pieces, rows missing"),
    ],
)
def test_a_token_patch_that_does_not_fit_together_is_refused(made: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        made()


def test_the_hash_depends_on_everything_but_the_provenance() -> None:
    base = record()
    changed = dict(base.tensors) | {"embedding": base.tensors["embedding"] + np.float32(1e-3)}
    others = [
        LanguageRecord("fo", MODEL, base.tensors, {}),
        LanguageRecord("mt", "cd" * 32, base.tensors, {}),
        LanguageRecord("mt", MODEL, changed, {}),
        LanguageRecord("mt", MODEL, {"embedding": base.tensors["embedding"]}, {}),
    ]
    assert len({base.hash, *(other.hash for other in others)}) == 5


def test_a_record_cannot_be_changed() -> None:
    mine = {"embedding": numbers(8)}
    kept = record(mine)
    before = kept.hash
    mine["embedding"][0] = 99.0
    assert kept.tensors["embedding"][0] != 99.0
    with pytest.raises(ValueError, match="read-only"):
        kept.tensors["embedding"][0] = 1.0
    with pytest.raises(AttributeError):
        kept.language = "fo"  # type: ignore[misc]
    assert LanguageRecord("mt", MODEL, kept.tensors, {}).hash == before


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "needs its 'embedding'"),
        ({"embedding": numbers(8), "bias": numbers(8)}, "'bias' is no tensor"),
        ({"embedding": numbers(8), "pair.a.b.embedding": numbers(8)}, "is no tensor"),
        ({"embedding": numbers(8), "pair.../x.embedding": numbers(8)}, "is no tensor"),
        ({"embedding": np.zeros(8)}, "has to be float32, not float64"),
        ({"embedding": np.zeros(0, np.float32)}, "holds no numbers"),
        ({"embedding": np.full(8, np.nan, np.float32)}, "not finite"),
        ({"embedding": numbers(2, 4)}, r"embedding has shape \(2, 4\)"),
        ({"embedding": numbers(8), "pair.pos.embedding": numbers(9)}, "pair.pos.embedding has shape"),
        ({"embedding": numbers(8), "part.down": numbers(3, 2, 5)}, "down_bias missing, up missing"),
        ({"embedding": numbers(8), "part.up": numbers(3, 5, 2)}, "down missing"),
        ({"embedding": numbers(8), **part(), "part.up": numbers(3, 2, 5)}, "part does not fit together"),
        (
            {"embedding": numbers(8), **part(), **{f"pair.pos.{n}": a for n, a in part(hidden=6).items()}},
            r"different backbones, with hidden sizes \[5, 6\]",
        ),
    ],
)
def test_bad_tensors_are_refused(tensors: Tensors, message: str) -> None:
    with pytest.raises(DataError, match=message):
        record(tensors)


@pytest.mark.parametrize(("language", "model"), [("../x", MODEL), ("", MODEL), ("mt", "ab"), ("mt", MODEL.upper())])
def test_bad_names_are_refused(language: str, model: str) -> None:
    with pytest.raises(DataError):
        LanguageRecord(language, model, {"embedding": numbers(8)}, {})


@pytest.mark.parametrize("value", [float("nan"), object(), np.float32(1)])
def test_a_provenance_that_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="has to fit into JSON"):
        record(loss=value)


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 20, b"\xff" * 64, b"\x02" + b"\0" * 7 + b"{}", b"PK\x03\x04" + b"a" * 80]
)
def test_other_bytes_are_no_record(data: bytes) -> None:
    with pytest.raises(DataError, match="x.safetensors is not a language record"):
        from_bytes(data, provenance={}, source="x.safetensors")


def test_damage_is_found() -> None:
    good = to_bytes(record())
    with pytest.raises(DataError, match="is damaged: its numbers hash to"):
        from_bytes(good[:-1] + bytes([good[-1] ^ 1]), provenance={})
    with pytest.raises(DataError, match="is damaged"):
        from_bytes(good[:-4], provenance={})
    with pytest.raises(DataError, match="update hyperx-cl"):
        from_bytes(good.replace(b"language@1", b"language@2"), provenance={})


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    path, other = save_record(record(), tmp_path), save_record(record({"embedding": numbers(4)}), tmp_path)
    note = path.with_suffix(".json")
    note.write_bytes(other.with_suffix(".json").read_bytes())
    with pytest.raises(DataError, match="describes another record"):
        load_record(path)
    note.write_text("[1]")
    with pytest.raises(DataError, match="is not the description"):
        load_record(path)
    note.unlink()
    with pytest.raises(NotFoundError, match="does not exist"):
        load_record(path)


def test_importing_is_light() -> None:
    subprocess.run(
        [sys.executable, "-c", "import sys, hyperx_cl.artefact; assert 'torch' not in sys.modules"], check=True
    )
