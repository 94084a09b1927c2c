"""A bench of seconds: a tiny backbone, two base languages, and Upper Sorbian as the new one."""

import shutil
from pathlib import Path

from hyperx_cl.bench.fewshot_plan import FewBench
from hyperx_cl.bench.plan import Bench, Fold
from hyperx_cl.config import AddOptions, FewshotOptions
from tests.train.small_root import MODEL, options, write_root

FOLD = Fold(("hsb",), (), {"pos": ("en", "mt"), "ner": ("en",)})
LEARN = {"steps": 4, "warmup": 1, "mixture_steps": 2, "check_every": 2, "max_tokens": 96, "max_length": 24,
         "sample": 8, "patch_pieces": 0, "self_steps": 2, "self_lines": 20, "precision": "fp32"}  # fmt: skip


def small_bench(backbone: Path, folder: Path) -> Bench:
    """Write the data into a folder, and plan a bench beside them."""
    root = write_root(folder / "data")
    (root / "ud" / "hsb").mkdir()
    for split, other in (("train", "train"), ("test", "dev")):
        shutil.copy(root / "ud" / "mt" / f"{other}.conllu", root / "ud" / "hsb" / f"{split}.conllu")
    shutil.copy(root / "mlm" / "mt.txt", root / "mlm" / "hsb.txt")
    return Bench(
        str(backbone), root, folder / "work" / "small", train=options(steps=12, average_last=1), shape=MODEL,
        add=AddOptions(**LEARN), madx_task_steps=4, fold=FOLD,  # type: ignore[arg-type]
    )  # fmt: skip


def small_few(bench: Bench) -> FewBench:
    """Few-shot on that bench."""
    few = FewshotOptions(rank=2, folds=2, epochs=3, max_tokens=96, max_length=24, precision="fp32")
    return FewBench(bench, few, epochs=3, max_tokens=96, source_steps=6)
