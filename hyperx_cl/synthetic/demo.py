"""The demo: the whole path on a family of artificial languages, offline and in some two minutes on two cores.

It proves mechanisms: what it shows is synthetic and is never quoted as a result.
"""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.config import AddOptions, FewshotOptions, ModelOptions, TrainOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import MLM, NER, POS
from hyperx_cl.data.text import read_text
from hyperx_cl.errors import ConflictError
from hyperx_cl.evaluate.suite import evaluate_pairs
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.language import Language
from hyperx_cl.synthetic.backbone import BackboneOptions, build_backbone
from hyperx_cl.synthetic.corpus import Sizes, write_corpus
from hyperx_cl.synthetic.family import default_family
from hyperx_cl.synthetic.picture import draw as draw_picture
from hyperx_cl.train.add_language import Added, add_language
from hyperx_cl.train.fewshot import Learnt, draw, fewshot
from hyperx_cl.train.joint import Trained, train_joint
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.starts import controls

NEW = "qak"
BASE = ("qaa", "qab", "qac", "qad", "qaf", "qag", "qai", "qaj", "qal")
LABELLED = ("qaa", "qad", "qag", "qaj")

MARK, FORMAT = "demo.json", "hyperx-cl/demo@1"
PARTS = (MARK, "data", "backbone", "model", "languages.svg", "registry.db", "registry.db-wal", "registry.db-shm")


@dataclass(frozen=True)
class DemoOptions:
    """Sizes and settings of every step; all of it takes some two minutes on two cores without AVX-512."""

    sizes: Sizes = Sizes()
    backbone: BackboneOptions = BackboneOptions()
    model: ModelOptions = ModelOptions(projected=16, bottleneck=48, language_part=8)
    train: TrainOptions = TrainOptions(
        steps=600, warmup=50, max_tokens=1024, max_length=64, rate=5e-3, rate_generator=3e-3, rate_embedding=2e-2,
        task_shares="mlm=0.4,pos=0.3,ner=0.3", validate_every=200, checkpoint_every=200, average_last=1,
        validation_sentences=40, precision="fp32",
    )  # fmt: skip
    # In this family, unlike on a large backbone, what a language is like lies in its vector: it starts near and learns.
    add: AddOptions = AddOptions(
        capacity="both", start="best", rank=8, depth=1.0, keep_part=1.0, shift_pieces=0, patch_pieces=0, rate=2e-3,
        steps=150, check_every=25, mixture_steps=20, max_tokens=1024, self_tasks="none", precision="fp32",
    )  # fmt: skip
    fewshot: FewshotOptions = FewshotOptions(n=40, folds=3, epochs=20, rate=3e-3, rate_embedding=2e-2, precision="fp32")

    def seeded(self, seed: int) -> "DemoOptions":
        """The same with that seed in every step that learns."""
        return replace(
            self, train=replace(self.train, seed=seed), add=replace(self.add, seed=seed),
            fewshot=replace(self.fewshot, seed=seed),
        )  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One way to run the new language.

    Args:
        way: ``random vector``, ``zero vector``, ``mean vector``, ``nearest language (…)``, ``learnt from raw text``, or
            that and some labelled sentences.
        loss: MLM loss on the report part of its text, nats per masked piece; ``None`` where it has not moved.
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
        records: The new language's versions in their order, to be kept after those of the base languages.
        shape: Options of the model.
        options: Options of base training.
        rows: Before and after, with controls.
        picture: SVG of the language vectors.
        seconds: In all.
    """

    folder: Path
    trained: Trained
    added: Added
    learnt: Learnt
    records: list[LanguageRecord]
    shape: ModelOptions
    options: TrainOptions
    rows: list[Row]
    picture: Path
    seconds: float


def run_demo(
    folder: Path, *, seed: int = 1, options: DemoOptions | None = None, reporter: Reporter | None = None
) -> Demo:
    """Run the whole path.

    Args:
        folder: Made anew: what an earlier demo left there is removed.
        seed: Of languages, data and training.
        options: Sizes and settings; their seeds count for nothing.
        reporter: Told how it goes.

    Raises:
        ConflictError: `folder` holds something that is not a demo.
    """
    begin, reporter, o = time.perf_counter(), reporter or Silent(), (options or DemoOptions()).seeded(seed)
    _make_room(folder, seed)
    family = default_family(seed)
    reporter.say("1/5 writing a family of artificial languages and pretraining a tiny backbone on some of them")
    root = DataRoot(write_corpus(family, folder / "data", o.sizes))
    backbone = load_backbone(str(build_backbone(family, root.path, folder / "backbone", o.backbone)))
    reporter.say(f"2/5 base training: {len(BASE)} languages, 3 tasks")
    languages = {"mlm": BASE, "pos": LABELLED, "ner": LABELLED}
    trained = train_joint(
        backbone, root, {task.name: task for task in (MLM, POS, NER)}, languages, model_options=o.model,
        options=o.train, out=folder / "model", reporter=reporter, cpu=True,
    )  # fmt: skip
    model = trained.model
    reporter.say(f"3/5 adding {NEW} from raw text; its nearest relative is {family.nearest(NEW, BASE)}")
    file = root.text(NEW)
    assert file is not None
    added = add_language(model, NEW, read_text(file), o.add, provenance={"source": "synthetic"}, reporter=reporter)
    rows = _rows(model, root, added, seed)
    reporter.say(f"4/5 few-shot: {o.fewshot.n} labelled sentences of {NEW}")
    sentences, test = draw(root.load(POS, NEW, "train"), o.fewshot.n, seed), root.load(POS, NEW, "test")
    facts = {"source": "synthetic"}
    learnt = fewshot(model, NEW, "pos", sentences, o.fewshot, test=test, provenance=facts, reporter=reporter)
    rows.append(Row(f"learnt, then {o.fewshot.n} POS sentences", None, *_scores(model, root)))
    reporter.say("5/5 drawing the language vectors")
    picture = folder / "languages.svg"
    branches = {code: family.main_branch(code) for code in family.codes}
    vectors = {code: model.language(code).own.embedding.detach().cpu().numpy() for code in (*BASE, NEW)}
    picture.write_text(draw_picture(vectors, branches, marked=(NEW,)), encoding="utf-8")
    records = [record for record in (added.record, learnt.record) if record is not None]
    seconds = round(time.perf_counter() - begin, 1)
    return Demo(folder, trained, added, learnt, records, o.model, o.train, rows, picture, seconds)


def _rows(model: HyperX, root: DataRoot, added: Added, seed: int) -> list[Row]:
    learnt = model.language(NEW)
    plain = {name: Language(slot) for name, slot in controls(model, NEW, added.nearest, seed=seed).items()}
    rows = []
    for name, language in (plain | {"learnt": learnt}).items():
        model.added[NEW] = language.to(model.device)
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


def _make_room(folder: Path, seed: int) -> None:
    if folder.exists() and not (folder / MARK).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConflictError(f"{folder} holds something that is no demo; name another folder with --output-dir.")
    folder.mkdir(parents=True, exist_ok=True)
    for part in (folder / name for name in PARTS if name != MARK):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
    # Written first, so that what an interrupted demo leaves is known as a demo's too.
    said = {"format": FORMAT, "synthetic": True, "seed": seed}
    (folder / MARK).write_text(json.dumps(said) + "\n", encoding="utf-8")
