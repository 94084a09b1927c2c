"""A record travels bit for bit, rounded once: what is rounded, what stays exact, and how large it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import load

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.share.packed import pack_language, unpack_language
from hyperx_cl.share.travel import JOINT, pack, travelling, unpack
from tests.sharing import language

MARK = "a1" * 32


def mbert_record(*, pairs: bool = True) -> LanguageRecord:
    """As large as `add-language` makes one on mBERT at most: part, shift, token patch and the part of a pair."""
    rng = np.random.default_rng(1)

    def draw(*shape: int) -> np.ndarray:
        return (0.02 * rng.standard_normal(shape)).astype(np.float32)

    tensors = {
        "embedding": draw(64), "part.down": draw(6, 16, 768), "part.down_bias": draw(6, 16),
        "part.up": draw(6, 768, 16),
        "shift.ids": np.sort(rng.choice(119_547, 3000, replace=False)).astype(np.float32),
        "shift.factors": draw(3000, 32), "shift.basis": draw(32, 768), "patch.embeddings": draw(40, 768),
        "patch.bias": draw(40), "pair.pos.part.down": draw(6, 2, 768), "pair.pos.part.down_bias": draw(6, 2),
        "pair.pos.part.up": draw(6, 768, 2),
    }  # fmt: skip
    pieces = tuple(chr(0x4E00 + number) for number in range(40))
    return LanguageRecord(
        "mt", MARK, tensors, {"method": "mlm", "stop_losses": [[n, 3.1234] for n in range(99)]}, pieces
    )


def test_it_is_rounded_once_and_names_what_it_was_made_from() -> None:
    record = language(MARK)
    rounded = travelling(record)
    assert rounded.hash != record.hash
    assert (rounded.provenance["parent"], rounded.provenance["rounded"]) == (record.hash, "float16")
    assert travelling(rounded) is rounded
    assert {name for name in record.tensors if not np.array_equal(record.tensors[name], rounded.tensors[name])} == {
        "part.down", "part.down_bias", "part.up", "shift.factors", "shift.basis"
    }  # fmt: skip
    for name, array in record.tensors.items():
        np.testing.assert_allclose(rounded.tensors[name], array, rtol=2**-11, atol=1e-7)


def test_vectors_and_what_base_training_left_stay_as_they_are() -> None:
    vector = language(MARK, part=False)
    assert travelling(vector) is vector
    base = replace(language(MARK), provenance={"method": JOINT})
    assert travelling(base) is base


def test_a_language_of_mbert_s_size_is_small(tmp_path: Path) -> None:
    record = travelling(mbert_record())
    packed = pack_language(record, licences=["CC0-1.0"])
    assert len(packed.data) + len(packed.note.to_bytes()) <= 700 * 1024
    vector = pack_language(language(MARK, part=False), licences=["CC0-1.0"])
    assert len(vector.data) + len(vector.note.to_bytes()) <= 64 * 1024
    kinds = {name: array.dtype for name, array in load(packed.data).items()}
    assert kinds["shift.ids"] == kinds["embedding"] == np.float32
    assert kinds["part.up"] == kinds["shift.factors"] == np.float16
    file = tmp_path / "record"
    file.write_bytes(packed.data)
    back = unpack_language(file, packed.note)
    assert back.hash == record.hash
    np.testing.assert_array_equal(back.tensors["shift.ids"], record.tensors["shift.ids"])


def test_equal_records_give_equal_bytes() -> None:
    assert pack(travelling(language(MARK))) == pack(travelling(language(MARK)))


@given(arrays(np.float32, (1, 2, 3), elements=st.floats(-(2.0**120), 2.0**120, width=32)))
def test_any_record_that_is_packed_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    file = tmp_path_factory.getbasetemp() / "packed"
    tensors = {
        "embedding": values[0, 0], "part.down": values, "part.down_bias": values[:, :, 0],
        "part.up": values.transpose(0, 2, 1),
    }  # fmt: skip
    for record in (LanguageRecord("mt", MARK, tensors, {"method": "mlm"}),):
        for sent in (record, travelling(record)):
            file.write_bytes(pack(sent))
            back = unpack(file, "it", sent.provenance)
            assert back.hash == sent.hash
            assert all(back.tensors[name].tobytes() == sent.tensors[name].tobytes() for name in tensors)
