"""A small data root, and a registry with a model that was trained on it by the command itself."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hyperx_cl.cli.app import run
from hyperx_cl.registry.store import Registry
from tests.conftest import Online, another
from tests.forked import Forked, forking
from tests.hub_server import HubServer
from tests.sharing import Homes, language

REPOSITORY = Path(__file__).parents[2]
SYLLABLES = {
    "en": ("the", "an", "ing", "er", "on", "is"),
    "tr": ("la", "ni", "ar", "el", "in", "da"),
    "mt": ("ħa", "il", "ta", "ġi", "ra", "en"),
}
TAGS = ("NOUN", "VERB", "ADJ", "PUNCT")
NAMES = ("O", "O", "B-PER", "B-LOC")


@dataclass(frozen=True)
class Ended:
    """How one command line ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Cli = Callable[..., Ended]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run one command line in this process."""

    def call(*words: str | Path) -> Ended:
        capsys.readouterr()
        code = run([str(word) for word in words])
        shown = capsys.readouterr()
        return Ended(code, shown.out, shown.err)

    return call


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of three invented languages under real codes: all of en and tr, text and few labels of mt."""
    folder = tmp_path_factory.mktemp("data")
    for seed, code in enumerate(SYLLABLES):
        rng = np.random.default_rng(seed)
        for split, count in (("train", 30), ("dev", 8), ("test", 8)):
            _write(folder / "ud" / code / f"{split}.conllu", _conllu(rng, code, count))
            _write(folder / "ner" / code / f"{split}.conll", _iob2(rng, code, count))
        lines = [" ".join(_words(rng, code, 6)) for _ in range(120)]
        _write(folder / "mlm" / f"{code}.txt", "\n".join(lines) + "\n")
    return folder


TINY = ("--projected", "4", "--bottleneck", "4", "--source-hidden", "8", "--max-tokens", "160", "--max-length", "40")
STEPS = ("--steps", "4", "--warmup", "1", "--validate-every", "2", "--checkpoint-every", "2", "--precision", "fp32")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Path, root: Path) -> Path:
    """A home whose registry has the model `tiny`, trained on en and tr in mlm, pos and ner."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPERX_HOME", str(folder))
        words = ["train", "--backbone", tiny_backbone, "--data-dir", root, "--name", "tiny", "--leave-out", "mt"]
        assert run([str(word) for word in (*words, *TINY, *STEPS, "--device", "cpu", "--quiet")]) == 0
    return folder


@pytest.fixture(scope="session")
def forked() -> Iterator[Forked]:
    """Runs command lines in children that can be struck down at a counted event."""
    with forking(os.environ) as forked:
        yield forked


@pytest.fixture
def stocked(home: Path, trained: Path) -> Path:
    """The test's own home, with a copy of that registry."""
    shutil.copy(trained / "registry.sqlite3", home)
    return home


@pytest.fixture(scope="session")
def retrained(tmp_path_factory: pytest.TempPathFactory, trained: Path, tiny_backbone: Path, root: Path) -> Path:
    """A home whose registry has the models `tiny` and, trained anew with another seed, `anew`."""
    folder = tmp_path_factory.mktemp("retrained")
    shutil.copy(trained / "registry.sqlite3", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPERX_HOME", str(folder))
        words = ["train", "--backbone", tiny_backbone, "--data-dir", root, "--name", "anew", "--leave-out", "mt"]
        assert run([str(word) for word in (*words, *TINY, *STEPS, "--seed", "2", "--device", "cpu", "--quiet")]) == 0
    return folder


@pytest.fixture
def twofold(home: Path, retrained: Path) -> Path:
    """The test's own home, with a copy of that registry."""
    shutil.copy(retrained / "registry.sqlite3", home)
    return home


@pytest.fixture
def everything(home: Path) -> Callable[[], dict[str, bytes]]:
    """Takes a picture of the registry's rows and of the home's files, to compare before and after."""

    def picture() -> dict[str, bytes]:
        files = {str(p): p.read_bytes() for p in home.rglob("*") if _counts(p)}
        return files | {"registry": _rows(home / "registry.sqlite3")}

    return picture


def _rows(database: Path) -> bytes:
    """Every row of every table: models, languages, all their versions with their numbers, runs."""
    if not database.exists():
        return b""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return "\n".join(connection.iterdump()).encode()


def _counts(path: Path) -> bool:
    """Whether a file is the user's: not the database, which is compared by its rows, and not a cache."""
    return path.is_file() and "registry.sqlite3" not in path.name and "cache" not in path.parts


def _words(rng: np.random.Generator, code: str, count: int) -> list[str]:
    return ["".join(rng.choice(SYLLABLES[code], size=2)) for _ in range(count)]


def _conllu(rng: np.random.Generator, code: str, sentences: int) -> str:
    text = ""
    for _ in range(sentences):
        for number, word in enumerate(_words(rng, code, 5), 1):
            tag = TAGS[_sum(word) % len(TAGS)]
            text += f"{number}\t{word}\t_\t{tag}\t{tag[:1]}\t_\t_\t_\t_\t_\n"
        text += "\n"
    return text


def _iob2(rng: np.random.Generator, code: str, sentences: int) -> str:
    blocks = ("".join(f"{w}\t{NAMES[_sum(w) % len(NAMES)]}\n" for w in _words(rng, code, 5)) for _ in range(sentences))
    return "\n".join(blocks) + "\n"


def _sum(word: str) -> int:
    return sum(map(ord, word))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def homes(online: Online, hub: HubServer, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Homes:
    """Anna's home has the model `tiny`, the language mt with a part, and a run that scored it."""
    made = Homes(online, tmp_path / "homes", monkeypatch)
    made.folder.mkdir()
    shutil.copy(trained / "registry.sqlite3", made.go("anna"))
    with Registry.open() as registry:
        record = language(registry.model().fingerprint)
        registry.add_language(record)
        run = registry.start_run(
            "evaluate", {"fingerprint": record.model, "split": "test"}, 1, {}, {"pos:mt": "ab" * 32}
        )  # fmt: skip
        score = {
            "task": "pos", "language": "mt", "metric": "POS accuracy, syntactic words", "value": 0.51234, "version": 1,
            "low": 0.49871, "high": 0.52719, "sentences": 518, "words": 11073,
        }  # fmt: skip
        registry.finish_run(run, "done", {"scored": [score]})
    return made


@pytest.fixture
def second(hub_environment: dict[str, str]) -> Iterator[Online]:
    """Somebody else's process, beside that of `homes`."""
    with another(hub_environment) as process:
        yield process


@pytest.fixture
def offline_worker(hub_environment: dict[str, str]) -> Iterator[Online]:
    """A process with ``HF_HUB_OFFLINE`` set, and the cache of the others."""
    with another(hub_environment | {"HF_HUB_OFFLINE": "1"}) as process:
        yield process
