"""What every test has: a temporary home, no Hub, and backbones that are tiny, small or real."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is imported
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) - 1:  # torch reads it once, and children too
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // (workers + 1))))

import pytest
from hypothesis import settings

from tests.backbone_types import UNIGRAM, masked_lm, with_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tests.hub_server import HubServer

ROOT = Path(__file__).parents[1]
MAX_LENGTH = 128
HUB_TOKEN = "hf_ofTheTests"
"""Given to the Hub, and nowhere else to be seen."""
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
LETTERS = (
    "abcdefghijklmnopqrstuvwxyz" + "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþ" + "ċġħżšžğışłń" + "абвгдежзиклмнопрстуфхцчшыюя"
)
UNCASED = "0123456789.,;:!?'\"-()" + "ابتدرسكلمنوي" + "中国人大学我们在"
ENDINGS = ("an", "en", "er", "in", "on", "ar", "el", "is", "us", "ta", "la", "ni", "the", "ing", "ti", "ra", "ka")

settings.register_profile("ci", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


WHOLE = {"trained", "forked", "hub_server"}
"""Fixtures of tests that run commands from end to end: on a trained model, in children that are struck, with a Hub."""

DEMO = ROOT / "tests" / "synthetic" / "test_readme_demo.py"
"""It takes minutes."""

LEARNING = {ROOT / "tests" / name for name in ("baselines", "bench", "train")}
"""Folders of tests that train models, if tiny ones."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what trains or runs whole commands to the second tier; begin with the longest files."""
    for item in items:
        if item.path.parent in LEARNING or WHOLE & set(getattr(item, "fixturenames", ())):
            item.add_marker("long")
    first = {DEMO, *(item.path for item in items if item.get_closest_marker("real"))}
    items.sort(key=lambda item: item.path not in first)


def pytest_report_header() -> str:
    """Name the versions that numbers depend on."""
    names = ("torch", "transformers", "tokenizers", "accelerate", "sqlalchemy", "numpy")
    return f"python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the user's folder at an empty one, so that no test sees or changes a real registry."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HYPERX_HOME", str(folder))
    monkeypatch.delenv("HYPERX_REGISTRY", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def memory() -> Iterator[Path]:
    """An empty folder in memory where the system has such a file system: what is flushed waits for no disk."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="hyperx-", dir=shared) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Real text and labels, laid out as --data-dir expects them."""
    folder = Path(os.environ.get("HYPERX_TEST_DATA", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder} (set HYPERX_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def mbert() -> Path:
    """The paper's backbone, bert-base-multilingual-cased with its MLM head, as a folder."""
    return _backbone("mbert")


@pytest.fixture(scope="session")
def small_backbone() -> Path:
    """A weak multilingual encoder of 8 layers, hidden size 384, as a folder."""
    return _backbone("small")


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT (3 layers, hidden 32, 4 heads) with a WordPiece tokenizer, as a folder; the same every time."""
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer

    signs = [*LETTERS, *LETTERS.upper(), *UNCASED, *ENDINGS]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs, *(f"##{s}" for s in (*LETTERS, *ENDINGS))]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    folder = tmp_path_factory.mktemp("tiny-bert")
    BertTokenizer(vocab=vocabulary, do_lower_case=False, model_max_length=MAX_LENGTH).save_pretrained(folder)
    config = BertConfig(vocab_size=len(vocabulary), pad_token_id=0, max_position_embeddings=MAX_LENGTH, **SIZES)
    _save_random(lambda: BertForMaskedLM(config), folder)
    return folder


@pytest.fixture(scope="session")
def tiny_xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random XLM-RoBERTa of the same size with a Unigram tokenizer that gives lone '▁' pieces, as a folder."""
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaTokenizer

    special = ["<s>", "<pad>", "</s>", "<unk>", "▁"]
    signs = [*LETTERS, *LETTERS.upper(), *UNCASED, *ENDINGS, *(f"▁{s}" for s in (*LETTERS, *ENDINGS))]
    pieces = dict.fromkeys([*special, *signs])
    vocabulary = [*((piece, -10.0) for piece in pieces), ("<mask>", 0.0)]  # one score for all: fewest pieces win
    folder = tmp_path_factory.mktemp("tiny-xlmr")
    XLMRobertaTokenizer(vocab=vocabulary, model_max_length=MAX_LENGTH).save_pretrained(folder)
    config = XLMRobertaConfig(
        vocab_size=len(vocabulary),
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        type_vocab_size=1,
        max_position_embeddings=MAX_LENGTH + 2,  # its positions start behind the padding's
        **SIZES,
    )
    _save_random(lambda: XLMRobertaForMaskedLM(config), folder)
    return folder


@pytest.fixture(scope="session")
def typed_backbone(
    tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Path, tiny_xlmr: Path
) -> Callable[[str], Path]:
    """Gives a random backbone of a type as a folder (2 layers, hidden 32), made when it is first asked for."""
    made: dict[str, Path] = {}

    def folder_of(kind: str) -> Path:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            pieces = with_tokenizer(tiny_xlmr if kind in UNIGRAM else tiny_backbone, folder)
            _save_random(masked_lm(kind, pieces), folder)
            made[kind] = folder
        return made[kind]

    return folder_of


def _backbone(name: str) -> Path:
    home = Path(os.environ.get("HYPERX_TEST_BACKBONES", Path.home() / ".cache" / "hyperx-backbones"))
    if not (home / name / "model.safetensors").is_file():
        pytest.skip(f"no backbone in {home / name} (set HYPERX_TEST_BACKBONES)")
    return home / name


def _save_random(build: Callable[[], "PreTrainedModel"], folder: Path) -> None:
    """Save a model whose every tensor is random, biases and LayerNorms too: what is neither 0 nor 1 cannot hide."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20)
        model = build()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)


@dataclass(frozen=True)
class Online:
    """Runs command lines in a process of its own that has a Hub: whether there is one is read when it starts."""

    process: "subprocess.Popen[str]"

    def __call__(self, *words: str | Path) -> tuple[int, str, str]:
        """Run one, and return its exit code, what it printed, and what it said on stderr."""
        assert self.process.stdin is not None and self.process.stdout is not None
        line = json.dumps([os.environ["HYPERX_HOME"], [str(word) for word in words]])
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        code, out, err = json.loads(self.process.stdout.readline())
        assert HUB_TOKEN not in out + err
        return code, out, err


@pytest.fixture(scope="session")
def hub_server() -> Iterator["HubServer"]:
    """A Hub on 127.0.0.1 for the whole session."""
    from tests.hub_server import serving

    with serving() as server:
        server.models.tokens[HUB_TOKEN] = "tester"
        yield server


@pytest.fixture(scope="session")
def hub_environment(hub_server: "HubServer", tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that has that Hub."""
    kept = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    hub_server.cache = tmp_path_factory.mktemp("hf")
    return kept | {
        "HF_ENDPOINT": hub_server.url, "HF_HUB_DISABLE_XET": "1",
         "HF_HOME": str(hub_server.cache), "HF_TOKEN": HUB_TOKEN,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip


@contextmanager
def another(environment: dict[str, str]) -> "Iterator[Online]":
    """A process of its own that runs command lines."""
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "hub_worker.py")], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield Online(process)
        process.terminate()


@pytest.fixture(scope="session")
def _online(hub_environment: dict[str, str]) -> Iterator[Online]:
    with another(hub_environment) as online:
        yield online


@pytest.fixture
def hub(hub_server: "HubServer") -> Iterator["HubServer"]:
    """That Hub, empty."""
    hub_server.reset()
    yield hub_server
    hub_server.reset()


@pytest.fixture
def online(_online: Online, hub: "HubServer") -> Online:
    """Command lines with that Hub, in the test's own home."""
    return _online
