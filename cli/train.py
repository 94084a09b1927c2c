"""`train`: joint base training, once, by whoever has the time; the model and its languages go into the registry."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hyperx_cl.cli.dry_run import show_plan
from hyperx_cl.cli.fetching import MaxLines, data_home, from_hub
from hyperx_cl.cli.keeping import expect_free, keep_model
from hyperx_cl.cli.options import Common, Config, DataDir, Device, LabelMap, Resume, command
from hyperx_cl.cli.output import Grid, Output
from hyperx_cl.cli.plan import Plan, make_plan
from hyperx_cl.cli.recording import end_killed, recording
from hyperx_cl.config import ModelOptions, TrainOptions, as_dict, parse_shares
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import ConflictError, HyperXError, UsageError
from hyperx_cl.registry.home import home
from hyperx_cl.registry.records import ModelRecord
from hyperx_cl.registry.store import Registry
from hyperx_cl.settings import resolve
from hyperx_cl.train.peers import Peers, peers
from hyperx_cl.train.progress import reporting

if TYPE_CHECKING:
    from hyperx_cl.train.joint import Trained

_SUMMARY = (
    "fingerprint", "chosen", "steps", "tokens", "seconds", "tokens_per_second", "peak_share", "scores",
)  # fmt: skip

EXAMPLE = "hyperx-cl train --backbone bert-base-multilingual-cased --data-dir DIR --projected 32 --ner en,tr"


def _languages(word: str, what: str) -> Any:
    return typer.Option(
        word,
        metavar="LANGS",
        help=f"Languages of {what}: en,tr, or none.",
        show_default="with --data-dir all there are",
    )


def add_to(app: typer.Typer) -> None:
    """Put the command into the app."""
    command(app, "train", example=EXAMPLE, shared=True)(train)


def train(
    common: Common,
    model_flags: Annotated[dict[str, Any], ModelOptions],
    train_flags: Annotated[dict[str, Any], TrainOptions],
    backbone: Annotated[
        str | None, typer.Option("--backbone", help="Folder or Hub id of the backbone.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", help="Gets the model.", show_default="models/NAME in HYPERX_HOME")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The model's name in the registry.", show_default="BACKBONE-dWIDTH")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="paper-base or paper-small; flags go before it.", show_default=False)
    ] = None,
    config: Config = None,
    mlm: Annotated[str | None, _languages("--mlm", "raw text")] = None,
    pos: Annotated[str | None, _languages("--pos", "parts of speech")] = None,
    ner: Annotated[str | None, _languages("--ner", "names")] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", metavar="NAME=LANGS", help="Another task.", show_default=False)
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="[NAME=]COLUMN", help="Its column of CoNLL-U, such as xpos or feats.Case."),
    ] = None,
    label_map: LabelMap = None,
    leave_out: Annotated[
        str | None, typer.Option("--leave-out", metavar="LANGS", help="Languages to keep out.", show_default=False)
    ] = None,
    max_lines: MaxLines = None,
    resume: Resume = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read the data, print the plan, train nothing.")] = False,
    device: Device = "auto",
) -> None:
    """Train a model jointly over tasks and languages: hypernetwork, heads and one vector per language."""

    def prepare(meeting: Peers) -> tuple[_Job, ModelRecord | None]:
        shape = resolve(ModelOptions, file=config, preset=preset, flags=model_flags)
        options = resolve(TrainOptions, file=config, preset=preset, flags=train_flags)
        if backbone is None:
            raise UsageError(
                "--backbone is missing: name a folder, or a model on the Hub such as bert-base-multilingual-cased"
            )
        wanted: Mapping[str, str | None] = {"mlm": mlm, "pos": pos, "ner": ner}
        own: Sequence[str] = task or ()
        if data_dir is None:
            wanted, own = from_hub(common, wanted, own, leave_out=leave_out, max_lines=max_lines, dry_run=dry_run)
        elif max_lines is not None:
            raise UsageError(
                "--max-lines is of text from the Hub: with --data-dir all of its text is read, so leave it out"
            )
        place = str(Path(backbone).resolve()) if Path(backbone).is_dir() else backbone
        root = DataRoot(data_dir or data_home())
        plan = make_plan(
            root, wanted, own=own, columns=column or (), label_maps=label_map or (), leave_out=leave_out
        )  # fmt: skip
        parse_shares(options.task_shares, plan.tasks)  # refused by name before anything is loaded
        title = name or re.sub(r"[^A-Za-z0-9._-]", "-", f"{Path(backbone).name}-d{shape.projected}").lstrip(".-_")
        job = _Job(
            root, plan, place, shape, options, title, Path(os.path.abspath(output_dir or home() / "models" / title))
        )
        with common.registry(readonly=dry_run or not meeting.first) as registry:
            finished = expect_free(registry, title, job.out, resume=resume)
        if finished is not None:
            _expect_settings(finished, plan, shape, options)
        return job, finished

    with peers() as meeting:
        job, finished = meeting.turn(lambda: prepare(meeting))
        if finished is not None:
            with common.registry(readonly=True) as registry:
                summary = _summary_of(registry, finished)
            with common.registry() as registry:
                end_killed(registry, "train", job.config(), "done")
            common.out.note(
                f"The run in {job.out} is finished, and its model is in the registry: nothing is left to do."
            )
            _show(common.out, summary, finished.config["languages"], job)
        elif dry_run:
            show_plan(
                common.out, job.root, job.plan, backbone=job.backbone, shape=job.shape, title=job.title, out=job.out
            )
        else:
            with common.registry(readonly=not meeting.first) as registry:
                trained = _train(registry, common.out, job, meeting, resume=resume, device=device)
            _show(common.out, _summary(trained), sorted(trained.model.base), job)


@dataclass(frozen=True)
class _Job:
    """A base training, after everything cheap was checked."""

    root: DataRoot
    plan: Plan
    backbone: str
    shape: ModelOptions
    options: TrainOptions
    title: str
    out: Path

    def config(self) -> dict[str, Any]:
        """What the books say that it was asked for."""
        return {
            "backbone": self.backbone, "name": self.title, "model": as_dict(self.shape), "train": as_dict(self.options),
            "languages": self.plan.languages, "data_dir": str(self.root.path.absolute()),
        }  # fmt: skip


def _train(
    registry: Registry, output: Output, job: _Job, meeting: Peers, *, resume: bool, device: str
) -> "Trained":  # fmt: skip
    """Train, and keep model, languages and run."""
    import torch

    from hyperx_cl.model.backbone import load_backbone
    from hyperx_cl.model.devices import choose_device
    from hyperx_cl.train.joint import train_joint

    cpu, out, shape, options = choose_device(device).type == "cpu", job.out, job.shape, job.options
    processes = {"processes": meeting.place.world} if meeting.place.world > 1 else {}
    config = job.config() | processes | {"threads": torch.get_num_threads()}

    def work(telling: Any) -> "Trained":
        backbone = meeting.turn(lambda: load_backbone(job.backbone, adapter_site=shape.adapter_site))
        with meeting.watching():
            return train_joint(
                backbone, job.root, job.plan.tasks, job.plan.languages, model_options=shape, options=options,
                out=out, resume=resume, reporter=telling, cpu=cpu,
            )  # fmt: skip

    if not meeting.first:  # one process of several keeps the books
        return work(None)
    with _no_leftovers(out), reporting("training", options.steps, quiet=output.quiet) as reporter:
        with recording(
            registry, "train", config=config, seed=options.seed, reporter=reporter, resumed=resume
        ) as run:  # fmt: skip
            trained = work(run)
            keep_model(registry, trained, job.title, out, backbone=job.backbone, shape=shape, options=options)
            run.metrics |= _summary(trained)
            run.data |= trained.data
    return trained


def _expect_settings(finished: ModelRecord, plan: Plan, shape: ModelOptions, options: TrainOptions) -> None:
    """Refuse to go on with a finished run as if it had been another one."""
    kept = finished.config
    asked = [(as_dict(ModelOptions()) | kept["model"], as_dict(shape)), (kept["train"], as_dict(options))]
    asked.append(({"languages": kept["languages"]}, {"languages": plan.codes}))
    asked.append(({"tasks": sorted(task["name"] for task in kept["tasks"])}, {"tasks": sorted(plan.tasks)}))
    other = [key for was, now in asked for key, value in now.items() if was.get(key, value) != value]
    if other:
        raise ConflictError(
            f"the run of model {finished.name!r} is finished, and had another {', '.join(other)}: "
            "choose another --name to train with these"
        )


@contextmanager
def _no_leftovers(out: Path) -> Iterator[None]:
    """Remove the output folder again where the input is refused and nothing was there before."""
    there = out.exists()
    try:
        yield
    except HyperXError:
        if not there and not (out / "log.jsonl").exists():
            shutil.rmtree(out, ignore_errors=True)
        raise


def _summary_of(registry: Registry, finished: ModelRecord) -> dict[str, Any]:
    """The summary that a finished run left."""
    kept = (run.metrics for run in registry.list_runs() if run.metrics.get("fingerprint") == finished.fingerprint)
    found = next((metrics for metrics in kept if set(_SUMMARY) <= set(metrics)), {})
    return {"fingerprint": finished.fingerprint} | {key: found[key] for key in _SUMMARY if key in found}


def _summary(trained: "Trained") -> dict[str, Any]:
    return {
        "fingerprint": trained.fingerprint, "chosen": trained.chosen, "steps": trained.steps, "tokens": trained.tokens,
        "seconds": round(trained.seconds, 1), "tokens_per_second": round(trained.tokens_per_second, 1),
        "peak_share": trained.peak_share,
        "scores": {f"{pair.task}:{pair.language}": score for pair, score in trained.scores.items()},
    }  # fmt: skip


def _show(output: Output, summary: Mapping[str, Any], languages: Sequence[str], job: _Job) -> None:
    title, out = job.title, job.out
    rows = [(*pair.rsplit(":", 1), f"{100 * score:.1f}") for pair, score in summary.get("scores", {}).items()]
    told = (
        "{chosen}, {tokens:,} tokens in {seconds:.0f} s ({tokens_per_second:.0f} tokens/s, {peak_share:.0%} of the "
        "matrix peak)"
    )
    output.result(
        {"model": title, "path": str(out), "languages": list(languages), **summary},
        ids=[title],
        show=[
            Grid(("task", "language", "validation %"), rows),
            f"{title} is in {out}" + (f": {told.format(**summary)}" if "chosen" in summary else ""),
            f"fingerprint {summary['fingerprint']}",
        ],
    )
