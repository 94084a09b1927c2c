"""However large it is or says it is, a bad repository takes no 200 MB of memory more than a good one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.hostile import forging
from tests.hostile.pack import (
    CARD,
    CONFIG,
    HIDDEN,
    INDEX,
    MODEL,
    MT,
    WEIGHTS,
    Files,
    Model,
    alone,
    instead,
    language,
    numbers,
    part,
    weights,
)
from tests.hostile.pulling import expect_one_sentence, somebody
from tests.hub_server import HubServer

MOST = 200 * 2**20
MIB = 2**20


def large() -> Iterator[tuple[str, Files, int]]:
    """The bad ones that are, or say that they are, with the exit code."""
    yield "a card of 100 MB", {CARD: b"#" * 10**8}, 0
    yield "a note of 100 MB", {f"{MT.path}.json": b" " * 10**8}, 6
    for what, piece in (("lists", b"[],"), ("objects", b'{"a":1},'), ("texts", b'"ab",'), ("numbers", b"1e1,")):
        told = piece * ((16 * MIB - 100) // len(piece))
        yield f"an index full of {what}", {INDEX: b'{"a": ["' + "\U0001f600".encode() + b'",' + told + b"1]}"}, 0
    most = b"".join(b'"%06d",' % number for number in range(490_000))
    wide = b'{"a": ["' + "\U0001f600".encode() * (2 * MIB) + b'",' + most + b"1]}"
    yield "an index of as many values as are read", {INDEX: wide}, 0
    header = b"{" + b",".join(b'"%x":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}' % (n, 4 * n, 4 * n + 4)
                              for n in range(55_000)) + b"}"  # fmt: skip
    yield "a header of many tensors", MT.with_data(forging.raw(header, bytes(4 * 55_000))), 6
    yield "weights with a header of 24 MB", {WEIGHTS: forging.raw(header + b" " * 21 * 10**6, bytes(4 * 55_000))}, 6
    yield "a header that claims a terabyte", MT.with_data((2**40).to_bytes(8, "little") + MT.data[8:]), 6
    claims = {"embedding": {"dtype": "F32", "shape": [2**34], "data_offsets": [0, 2**36]}}
    yield "a tensor that claims gigabytes", MT.with_data(forging.raw(claims, bytes(64))), 6
    huge = part() | {"pair.pos.part.down": np.full((2, 2**20, 1), np.inf, np.float32)}
    yield "a record of 16 MiB", instead(language(MODEL.mark, huge, halves=True)), 6
    wild = part(rank=2**17, layers=2, hidden=HIDDEN) | {"embedding": numbers(1, 8)}
    yield "a record of 16 MiB that is good but for its layers", instead(language(MODEL.mark, wild)), 6
    yield (
        "weights of 300 MB",
        alone(Model.of(weights() | {"z": np.zeros((75, 10**6), np.float32)})) | {CONFIG: MODEL.files[CONFIG]},
        6,
    )
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "a configuration of 100,000 depths", {CONFIG: deep}, 6


CASES = {what: (files, code) for what, files, code in large()}


@pytest.mark.parametrize("what", CASES)
def test_memory_stays_below(what: str, hub: HubServer, hub_environment: dict[str, str], tmp_path: Path) -> None:
    with somebody(hub, tmp_path / "good", hub_environment) as good:
        usual = good.pull({}, how="library")
        assert usual.code == 0, usual.err
    files, code = CASES[what]
    with somebody(hub, tmp_path / "bad", hub_environment) as bad:
        ended = bad.pull(files, how="library")
    assert ended.code == code, ended.err
    if code:
        expect_one_sentence(ended.err)
    assert ended.peak < usual.peak + MOST, f"{(ended.peak - usual.peak) / MIB:.0f} MiB more"
