"""The demo: the whole path on a family of artificial languages, offline and in two minutes on two cores.

It proves mechanisms: what it shows is synthetic and is never quoted as a result.
"""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.config import AddOptions, FewshotOptions, ModelOptions, TrainOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import MLM, NER, POS
from hyperx_cl.data.text import read_text
from hyperx_cl.errors import NotFoundError
from hyperx_cl.evaluate.suite import evaluate_pairs
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.synthetic.backbone import build_backbone
from hyperx_cl.synthetic.corpus import write_corpus
from hyperx_cl.synthetic.family import default_family
from hyperx_cl.synthetic.picture import draw as draw_picture
from hyperx_cl.train.add_language import Added, add_language
from hyperx_cl.train.fewshot import Learnt, draw, fewshot
from hyperx_cl.train.joint import Trained, train_joint
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.starts import controls, place

NEW = "qak"
BASE = ("qaa", "qab", "qac", "qad", "qaf", "qag", "qai", "qaj", "qal")
LABELLED = ("qaa", "qad", "qag", "qaj")

MODEL = ModelOptions(projected=16, bottleneck=48)
TRAIN = TrainOptions(
    steps=800, warmup=50, max_tokens=1024, max_length=64, rate=5e-3, rate_generator=3e-3, rate_embedding=2e-2,
    validate_every=400, checkpoint_every=400, average_last=1, validation_sentences=40, precision="fp32",
)  # fmt: skip
ADD = AddOptions(steps=150, check_every=25, mixture_steps=20, max_tokens=1024, precision="fp32")
FEWSHOT = FewshotOptions(n=20, folds=4, epochs=40, rate=1e-2, rate_embedding=1e-1, precision="fp32")


@dataclass(frozen=True)
class Row:
    """One way to run the new language.

    Args:
        way: ``random vector``, ``mean vector``, … , ``few-shot``.
        loss: MLM loss on the report part of its text, nats per masked piece; ``None`` where nothing changed.
        pos: POS accuracy, 0 to 1.
        ner: NER span F1, 0 to 1.
    """

    way: str
    loss: float | None
    pos: float
    ner: float


@dataclass(frozen=True)
class Demo:
    """What the demo did, all of it on synthetic data.

    Args:
        folder: Data root, backbone, model and picture lie here.
        trained: Base training.
        added: The new language.
        learnt: Its few-shot update.
        records: Records to keep: every base language's, then the new language's versions.
        rows: Before and after, with controls.
        picture: SVG of the language vectors.
        seconds: In all.
    """

    folder: Path
    trained: Trained
    added: Added
    learnt: Learnt
    rows: list[Row]
    picture: Path
    seconds: float


def run_demo(folder: Path, *, seed: int = 1, reporter: Reporter | None = None) -> Demo:
    """Run the whole path.

    Args:
        folder: Made anew: what an earlier demo left there is removed.
        seed: Of languages, data and training.
        reporter: Told how it goes.

    Raises:
        NotFoundError: `folder` holds something that is not a demo.
    """
    begin, reporter = time.perf_counter(), reporter or Silent()
    _make_room(folder)
    family = default_family(seed)
    reporter.say("1/5 writing a family of artificial languages and pretraining a tiny backbone on some of them")
    root = DataRoot(write_corpus(family, folder / "data"))
    backbone = load_backbone(str(build_backbone(family, root.path, folder / "backbone")))
    reporter.say(f"2/5 base training: {len(BASE)} languages, 3 tasks")
    languages = {"mlm": BASE, "pos": LABELLED, "ner": LABELLED}
    trained = train_joint(
        backbone, root, {task.name: task for task in (MLM, POS, NER)}, languages, model_options=MODEL, options=TRAIN,
        out=folder / "model", reporter=reporter, cpu=True,
    )  # fmt: skip
    model = trained.model
    reporter.say(f"3/5 adding {NEW} from raw text; its nearest relative is {family.nearest(NEW, BASE)}")
    file = root.text(NEW)
    assert file is not None
    added = add_language(model, NEW, read_text(file), ADD, provenance={"source": "synthetic"}, reporter=reporter)
    rows = _rows(model, root, added)
    reporter.say(f"4/5 few-shot: {FEWSHOT.n} labelled sentences of {NEW}")
    sentences = draw(root.load(POS, NEW, "train"), FEWSHOT.n, FEWSHOT.seed)
    test = root.load(POS, NEW, "test")
    learnt = fewshot(model, NEW, "pos", sentences, FEWSHOT, test=test, reporter=reporter)
    rows.append(Row(f"learnt, then {FEWSHOT.n} POS sentences", None, *_scores(model, root)))
    reporter.say("5/5 drawing the language vectors")
    picture = folder / "languages.svg"
    branches = {code: family.main_branch(code) for code in family.codes}
    vectors = {code: model.language(code).own.embedding.detach().cpu().numpy() for code in (*BASE, NEW)}
    picture.write_text(draw_picture(vectors, branches, marked=(NEW,)), encoding="utf-8")
    return Demo(folder, trained, added, learnt, rows, picture, round(time.perf_counter() - begin, 1))


def base_records(trained: Trained) -> list[LanguageRecord]:
    """The base languages as records."""
    return [trained.model.record(code, {"method": "joint", "source": "synthetic"}) for code in trained.model.base]


def _rows(model: HyperX, root: DataRoot, added: Added) -> list[Row]:
    learnt = model.language(NEW).own
    ways = controls(model, NEW, added.nearest, seed=ADD.seed) | {"learnt": learnt}
    rows = []
    for name, slot in ways.items():
        place(model, NEW, slot)
        rows.append(Row(_ways(added)[name], added.losses[name], *_scores(model, root)))
    return rows


def _scores(model: HyperX, root: DataRoot) -> tuple[float, float]:
    scores = evaluate_pairs(model, root, [Pair("pos", NEW), Pair("ner", NEW)], samples=20)
    return scores[0].value, scores[1].value


def _ways(added: Added) -> Mapping[str, str]:
    return {
        "random": "random vector", "zero": "zero vector", "mean": "mean vector",
        "nearest": f"nearest language ({added.nearest})", "learnt": "learnt from raw text",
    }  # fmt: skip


def _make_room(folder: Path) -> None:
    parts = {"data", "backbone", "model", "languages.svg", "registry.db"}
    if folder.exists() and not (folder.is_dir() and {p.name for p in folder.iterdir()} <= parts):
        raise NotFoundError(f"{folder} holds something that is no demo; name another folder with --output-dir.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
