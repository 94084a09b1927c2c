"""However large it is or says it is, a bad repository takes no 200 MB of memory more than a good one."""

from collections.abc import Callable
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

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read it from")

MOST = 200 * 2**20
MIB = 2**20


FACE = "\U0001f600".encode()
"""One of these makes a text in memory four times as large as its bytes."""


def full_of(piece: bytes) -> bytes:
    """An index of nearly 16 MiB that holds nothing but those."""
    return b'{"a": ["' + FACE + b'",' + piece * ((16 * MIB - 100) // len(piece)) + b"1]}"


def many_tensors(count: int) -> bytes:
    """A header of that many tensors."""
    told = (b'"%x":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}' % (n, 4 * n, 4 * n + 4) for n in range(count))
    return b"{" + b",".join(told) + b"}"


def most_values() -> bytes:
    """An index of as many values and bytes as are read."""
    told = b"".join(b'"%06d",' % number for number in range(490_000))
    return b'{"a": ["' + FACE * (3 * MIB - 10**5) + b'",' + told + b"1]}"


def huge(value: float) -> Files:
    """A record of nearly 16 MiB."""
    shape = (3, 2**16, HIDDEN)
    tensors = part() | {"part.down": np.zeros(shape, np.float32), "part.down_bias": np.zeros(shape[:2], np.float32),
                        "part.up": np.full((3, HIDDEN, 2**16), value, np.float32)}  # fmt: skip
    return instead(language(MODEL.mark, {**tensors, "embedding": numbers(1, 8)}))


CASES: dict[str, tuple[Callable[[], Files], int]] = {
    "a card of 100 MB": (lambda: {CARD: b"#" * 10**8}, 0),
    "a note of 100 MB": (lambda: {f"{MT.path}.json": b" " * 10**8}, 6),
    "an index full of lists": (lambda: {INDEX: full_of(b"[],")}, 0),
    "an index full of objects": (lambda: {INDEX: full_of(b'{"a":1},')}, 0),
    "an index full of texts": (lambda: {INDEX: full_of(b'"ab",')}, 0),
    "an index of as much as is read": (lambda: {INDEX: most_values()}, 0),
    "a note full of lists": (lambda: {f"{MT.path}.json": b'{"a":[' + b"[]," * 349_000 + b"1]}"}, 6),
    "a header of too many tensors": (lambda: MT.with_data(forging.raw(many_tensors(55_000), bytes(220_000))), 6),
    "a header of many tensors": (lambda: MT.with_data(forging.raw(many_tensors(49_000), bytes(196_000))), 6),
    "weights with a header of 24 MB": (
        lambda: {WEIGHTS: forging.raw(many_tensors(400_000) + b" " * 10**6, bytes(1_600_000))}, 6,
    ),
    "a header that claims a terabyte": (lambda: MT.with_data((2**40).to_bytes(8, "little") + MT.data[8:]), 6),
    "a tensor that claims gigabytes": (
        lambda: MT.with_data(
            forging.raw({"embedding": {"dtype": "F32", "shape": [2**34], "data_offsets": [0, 2**36]}}, bytes(64))
        ), 6,
    ),
    "a record of 13 MiB of which one tensor is wild": (lambda: huge(200.0), 6),
    "a record of 13 MiB that is not finite": (lambda: huge(np.inf), 6),
    "weights of 300 MB in one tensor": (
        lambda: alone(Model.of(weights() | {"z": np.zeros((75, 10**6), np.float32)})) | {CONFIG: MODEL.files[CONFIG]},
        6,
    ),
    "a configuration of 100,000 levels": (lambda: {CONFIG: b'{"a":' * 100_000 + b"1" + b"}" * 100_000}, 6),
}  # fmt: skip


@pytest.fixture(scope="module")
def usual(hub_server: HubServer, hub_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> int:
    """The most memory that a process takes which pulls the good one."""
    with somebody(hub_server, tmp_path_factory.mktemp("usual") / "good", hub_environment) as good:
        ended = good.pull({}, how="library")
    assert ended.code == 0, ended.err
    return ended.peak


QUICK = (
    "a card of 100 MB",
    "an index of as much as is read",
    "a header that claims a terabyte",
    "a header of many tensors",
)
ASKED = [what if what in QUICK else pytest.param(what, marks=pytest.mark.slow) for what in CASES]


@pytest.mark.parametrize("what", ASKED)
def test_memory_stays_below(
    what: str, usual: int, hub: HubServer, hub_environment: dict[str, str], tmp_path: Path
) -> None:
    make, code = CASES[what]
    with somebody(hub, tmp_path / "bad", hub_environment) as bad:
        ended = bad.pull(make(), how="library")
    assert ended.code == code, ended.err
    if code:
        expect_one_sentence(ended.err)
    print(f"{what}: {(ended.peak - usual) / MIB:.0f} MiB more")
    assert ended.peak < usual + MOST
