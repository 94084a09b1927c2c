"""A tiny data root whose labels follow from the words, and the options of runs that take a second."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hyperx_cl.config import ModelOptions, TrainOptions
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import MLM, NER, POS, Task
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.train.joint import Trained, train_joint

WORDS = {
    "DET": ("the", "il", "an"),
    "NOUN": ("cat", "ħobż", "sea", "Ren", "tail", "art"),
    "VERB": ("eats", "sings", "kiel", "is"),
    "ADP": ("in", "on", "ta"),
    "PUNCT": (".", "!"),
}
ORDER = {"en": "DET NOUN VERB DET NOUN PUNCT", "mt": "VERB DET NOUN ADP NOUN PUNCT"}
NAMES = ("Malta", "Karm", "Ren")

TASKS: dict[str, Task] = {"pos": POS, "ner": NER, "mlm": MLM}
LANGUAGES: dict[str, Sequence[str]] = {"pos": ["en", "mt"], "ner": ["en"], "mlm": ["en", "mt"]}

MODEL = ModelOptions(embedding=8, source_hidden=12, projected=8, bottleneck=8, language_part=2)
RUN: dict[str, Any] = {
    "steps": 30, "warmup": 2, "rate": 3e-3, "rate_generator": 1e-3, "rate_embedding": 5e-3, "max_tokens": 96,
    "max_length": 24, "validate_every": 10, "validation_sentences": 6, "checkpoint_every": 7, "average_last": 2,
    "precision": "fp32",
}  # fmt: skip


def write_root(folder: Path, *, sentences: int = 24, lines: int = 120) -> Path:
    """Write the root; the test splits are rubbish that no reader gets through."""
    rng = np.random.default_rng(3)
    for code, order in ORDER.items():
        for split, count in (("train", sentences), ("dev", 8)):
            drawn = [[(str(rng.choice(WORDS[tag])), tag) for tag in order.split()] for _ in range(count)]
            _write(folder / "ud" / code / f"{split}.conllu", "".join(_conllu(words) for words in drawn))
        _write(folder / "mlm" / f"{code}.txt", "".join(f"{_line(code, rng)}\n" for _ in range(lines)))
    for split, count in (("train", sentences), ("dev", 8)):
        named = "".join(f"{rng.choice(NAMES)}\tB-PER\nis\tO\n.\tO\n\n" for _ in range(count))
        _write(folder / "ner" / "en" / f"{split}.conll", named)
    for file in ("ud/en/test.conllu", "ud/mt/test.conllu", "ner/en/test.conll"):
        (folder / file).write_bytes(b"\xff\xfe\0 no reader gets through this \0")
    return folder


def options(**changes: Any) -> TrainOptions:
    """Options of a run of a second, with some changed."""
    return TrainOptions(**(RUN | changes))


def run(
    backbone: Path, root: Path, out: Path, *, resume: bool = False, reporter: Any = None, model: ModelOptions = MODEL,
    tasks: Mapping[str, Task] = TASKS, languages: Mapping[str, Sequence[str]] = LANGUAGES, **changes: Any,
) -> Trained:  # fmt: skip
    """Train on the CPU in fp32."""
    return train_joint(
        load_backbone(str(backbone), adapter_site=model.adapter_site), DataRoot(root), tasks, languages,
        model_options=model, options=options(**changes), out=out, resume=resume, reporter=reporter, cpu=True,
    )  # fmt: skip


def _conllu(words: list[tuple[str, str]]) -> str:
    rows = [f"{i}\t{word}\t_\t{tag}\t_\t_\t0\t_\t_\t_\n" for i, (word, tag) in enumerate(words, 1)]
    return "".join(rows) + "\n"


def _line(code: str, rng: np.random.Generator) -> str:
    tags = ORDER[code].split() * int(rng.integers(1, 4))
    return " ".join(str(rng.choice(WORDS[tag])) for tag in tags) + f" {rng.integers(1000)}"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
