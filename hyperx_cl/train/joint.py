"""Base training: all tasks and languages in one run (paper, section 3.3), resumable at any moment."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from hyperx_cl.config import ModelOptions, TrainOptions, parse_shares
from hyperx_cl.data.batches import Batch, Pair, collate
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import ConflictError
from hyperx_cl.model.backbone import Backbone, fast_dtype
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.checkpoint import checkpoint_exists, load_checkpoint, save_checkpoint
from hyperx_cl.train.corpora import Corpus, Validator, load_corpora
from hyperx_cl.train.loop import Group, Loop, Schedule, Step, make_accelerator
from hyperx_cl.train.progress import Reporter, RunLog, Silent
from hyperx_cl.train.snapshots import Snapshots
from hyperx_cl.train.throughput import matrix_peak, operations_per_token


@dataclass(frozen=True)
class Trained:
    """The end of base training.

    Args:
        model: The chosen model, in evaluation mode.
        fingerprint: Its fingerprint.
        scores: Validation score of each pair, 0 to 1.
        chosen: Which step or average was chosen.
        steps: Optimiser steps taken.
        tokens: Real tokens read.
        seconds: Seconds of training over all sittings.
        tokens_per_second: Real tokens a second over the last sitting.
        peak_share: Share of the machine's matrix peak, 0 to 1.
        data: Hash of each pair's training data.
    """

    model: HyperX
    fingerprint: str
    scores: dict[Pair, float]
    chosen: str
    steps: int
    tokens: int
    seconds: float
    tokens_per_second: float
    peak_share: float
    data: dict[str, str]


def train_joint(
    backbone: Backbone, root: DataRoot, tasks: Mapping[str, Task], languages: Mapping[str, Sequence[str]], *,
    model_options: ModelOptions, options: TrainOptions, out: Path, resume: bool = False,
    reporter: Reporter | None = None, cpu: bool = False,
) -> Trained:  # fmt: skip
    """Train a model and write it to a folder.

    Args:
        backbone: The frozen transformer.
        root: Training data.
        tasks: Tasks by name.
        languages: For each task, the languages it is trained in.
        model_options: The model's shape.
        options: The run.
        out: Gets the model, ``log.jsonl``, and while it runs ``checkpoint/`` and ``snapshots/``.
        resume: Go on from the checkpoint in `out`, if there is one.
        reporter: Told how it goes.
        cpu: Stay on the CPU even where there is a GPU.

    Raises:
        ConflictError: `out` holds a run and `resume` was not asked for, or the run had other options or data.
    """
    accelerator, reporter = make_accelerator(cpu=cpu), reporter or Silent()
    folder = out / "checkpoint"
    going_on = checkpoint_exists(folder) and resume
    _refuse_other_run(out, going_on)
    torch.manual_seed(options.seed)
    encoder = Encoder(backbone.tokenizer, max_length=options.max_length)
    corpora, complete = load_corpora(
        root, tasks, languages, encoder, max_sentences=options.max_sentences, seed=options.seed,
        validation_sentences=options.validation_sentences, cache=out / "encoded",
    )  # fmt: skip
    model = HyperX(backbone, model_options, list(complete.values()), sorted({p.language for p in corpora}))
    dtype = fast_dtype(options.precision, accelerator.device)
    model.place(accelerator.device, dtype)
    sampler = PairSampler(
        {pair: [len(e) for e in corpus.train] for pair, corpus in corpora.items()}, max_tokens=options.max_tokens,
        seed=options.seed, temperature=options.temperature, shares=parse_shares(options.task_shares),
    )  # fmt: skip
    draw = Drawer(model, corpora, sampler, options, accelerator)
    schedule = Schedule(options.steps, options.warmup, options.final_rate)
    loop = Loop(
        model, groups(model, options), draw, schedule, clip=options.clip, accumulation=options.accumulation,
        accelerator=accelerator,
    )  # fmt: skip
    state = {"configuration": _configuration(model_options, options, complete, corpora, backbone), "seconds": 0.0}
    if going_on:
        state["seconds"] = _restore(folder, loop, model, sampler, state["configuration"])
    run = _Run(model, loop, sampler, Validator(model, corpora, encoder), options, out, state, reporter)
    run.snapshots.forget_after(loop.number)
    run.log.write("start", resumed_at=loop.number, dtype=str(dtype), threads=torch.get_num_threads(), **_flat(state))
    return run.finish(run.sit(), corpora)


class Drawer:
    """Draws this process's next micro-batch, with masks that never come twice.

    Args:
        model: Gives tokenizer and device.
        corpora: What is drawn from.
        sampler: Which pair and examples come next.
        options: Mask rate and seed.
        accelerator: Which process this is.
    """

    def __init__(
        self, model: HyperX, corpora: Mapping[Pair, Corpus], sampler: PairSampler, options: TrainOptions,
        accelerator: Accelerator,
    ) -> None:  # fmt: skip
        self._model, self._corpora, self._sampler, self._options = model, corpora, sampler, options
        self._rank, self._world = accelerator.process_index, accelerator.num_processes
        self._vocabulary = Vocabulary.of(model.tokenizer)
        self.masked = self.rows = self.tokens = 0

    def __call__(self) -> Batch:
        """Draw one micro-batch."""
        number = self._sampler.number + self._rank
        pair, indices = self._sampler.take(self._rank, self._world)
        examples = [self._corpora[pair].train[i] for i in indices]
        if self._model.tasks[pair.task].kind == "mlm":
            generator = mask_generator(self._options.seed, number)
            batch = mask_tokens(examples, pair, self._vocabulary, generator, rate=self._options.mask_rate)
            self.masked += int(batch.wanted.sum())
        else:
            batch = collate(examples, pair, pad_id=self._vocabulary.pad_id)
        self.rows, self.tokens = self.rows + batch.rows, self.tokens + batch.tokens
        return batch.to(self._model.device)


def groups(model: HyperX, options: TrainOptions) -> list[Group]:
    """The trainable set: generator, embeddings, and everything else of ours (LayerNorms, projector, heads, parts)."""
    generator = [model.hypernetwork.generator.weight]
    vectors = [p for name, p in model.named_parameters() if "embedding" in name]
    taken = {id(p) for p in generator + vectors}
    rest = [p for p in model.parameters() if id(p) not in taken]
    return [
        Group(rest, options.rate),
        Group(vectors, options.rate_embedding),
        Group(generator, options.rate_generator),
    ]


class _Run:
    """One sitting of a run: steps, validations, checkpoints."""

    def __init__(
        self, model: HyperX, loop: Loop, sampler: PairSampler, validator: Validator, options: TrainOptions, out: Path,
        state: dict[str, Any], reporter: Reporter,
    ) -> None:  # fmt: skip
        self.model, self.loop, self.sampler, self.validator = model, loop, sampler, validator
        self.options, self.out, self.state, self.reporter = options, out, state, reporter
        self.snapshots = Snapshots(out / "snapshots", last=options.average_last)
        self.log = RunLog(out / "log.jsonl")
        self.main: bool = loop.accelerator.is_main_process
        self.validating = 0.0

    def sit(self) -> tuple[float, float, float]:
        """Train to the end; seconds of this sitting, its real tokens a second and its share of the matrix peak."""
        device = self.loop.accelerator.device
        peak = matrix_peak(device, self.model.backbone.word_embeddings.dtype)
        self.reporter.say(f"matrix peak of this machine: {peak / 1e9:.0f} GFLOP/s")
        before, earlier, means, last = self.loop.tokens, self.state["seconds"], _Means(), 0.0
        rate = share = 0.0
        for step in self.loop:
            last = step.seconds
            means.add(step)
            training = max(step.seconds - self.validating, 1e-9)
            rate = (step.tokens - before) / training
            if step.number % 50 == 0 or step.number == self.options.steps:
                share = rate * self._operations() / peak
                self.reporter.step(step.number, f"{means} · {rate:.0f} tokens/s · {share:.0%} of peak")
                self._note("step", step=step.number, tokens=step.tokens, rate=round(rate), peak_share=share, **means.now)
            self.state["seconds"] = earlier + step.seconds
            if step.number % self.options.validate_every == 0 or step.number == self.options.steps:
                self._validate(step)
            if step.number % self.options.checkpoint_every == 0 or step.number == self.options.steps:
                self.checkpoint()
        return last, rate, share

    def checkpoint(self) -> None:
        """Keep everything that is needed to go on from here."""
        if self.main:
            state = self.state | {"sampler": self.sampler.state_dict()}
            save_checkpoint(self.out / "checkpoint", self.loop, self.model.saved_tensors(), state)
        self.loop.accelerator.wait_for_everyone()

    def finish(self, sitting: tuple[float, float, float], corpora: Mapping[Pair, Corpus]) -> Trained:
        """Choose between best snapshot and average, and write the model."""
        chosen = self.snapshots.choose(self._score_of)
        self.model.load_state_dict(chosen.tensors, strict=False)
        scores = self.validator.scores()
        self.model.eval()
        mark = self.model.save_pretrained(self.out) if self.main else self.model.fingerprint()
        trained = Trained(
            self.model, mark, scores, chosen.what, self.loop.number, self.loop.tokens, self.state["seconds"],
            sitting[1], sitting[2], {_name(pair): corpus.train_hash for pair, corpus in corpora.items()},
        )  # fmt: skip
        named = {_name(pair): score for pair, score in scores.items()}
        self._note("end", fingerprint=mark, chosen=chosen.what, mean=chosen.score, scores=named, tokens=self.loop.tokens)
        return trained

    def _validate(self, step: Step) -> None:
        import time

        begin = time.perf_counter()
        scores = self.validator.scores()
        mean = sum(scores.values()) / max(len(scores), 1)
        if self.main:
            self.snapshots.add(step.number, mean, self.model.saved_tensors())
        self.validating += time.perf_counter() - begin
        named = {_name(pair): round(score, 4) for pair, score in scores.items()}
        self._note("validation", step=step.number, tokens=step.tokens, mean=mean, scores=named)
        self.reporter.say(f"step {step.number}: mean validation score {mean:.4f}")

    def _score_of(self, tensors: Mapping[str, torch.Tensor]) -> float:
        self.model.load_state_dict(dict(tensors), strict=False)
        scores = self.validator.scores()
        return sum(scores.values()) / max(len(scores), 1)

    def _operations(self) -> float:
        draw = self.loop.draw
        assert isinstance(draw, Drawer)
        length, masked = draw.tokens / max(draw.rows, 1), draw.masked / max(draw.tokens, 1)
        return operations_per_token(self.model, length=length, masked=masked)

    def _note(self, kind: str, **values: Any) -> None:
        if self.main:
            self.log.write(kind, **values)


class _Means:
    """Running mean of the loss by task."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def add(self, step: Step) -> None:
        known = self._means.get(step.task, step.loss)
        self._means[step.task] = 0.97 * known + 0.03 * step.loss

    @property
    def now(self) -> dict[str, float]:
        return {f"loss_{task}": round(value, 4) for task, value in sorted(self._means.items())}

    def __str__(self) -> str:
        return " ".join(f"{task} {value:.3f}" for task, value in sorted(self._means.items()))


def _name(pair: Pair) -> str:
    return f"{pair.task}:{pair.language}"


def _configuration(
    model_options: ModelOptions, options: TrainOptions, tasks: Mapping[str, Task], corpora: Mapping[Pair, Corpus],
    backbone: Backbone,
) -> dict[str, Any]:  # fmt: skip
    return {
        "model": asdict(model_options),
        "train": asdict(options),
        "tasks": [asdict(task) | {"label_map": dict(task.label_map)} for task in tasks.values()],
        "data": {_name(pair): corpus.train_hash for pair, corpus in sorted(corpora.items())},
        "backbone": backbone.info.fingerprint,
    }


def _restore(folder: Path, loop: Loop, model: HyperX, sampler: PairSampler, configuration: dict[str, Any]) -> float:
    tensors, kept = load_checkpoint(folder, loop)
    now = json.loads(json.dumps(configuration))
    for section, values in now.items():
        if kept["configuration"][section] != values:
            raise ConflictError(
                f"The checkpoint in {folder} was made with another [{section}]; resume with the settings it was "
                "started with, or choose another --output-dir."
            )
    model.load_state_dict(tensors, strict=False)
    sampler.load_state_dict(kept["sampler"])
    return float(kept["seconds"])


def _refuse_other_run(out: Path, going_on: bool) -> None:
    if not going_on and ((out / "model.safetensors").exists() or (out / "checkpoint").exists()):
        raise ConflictError(f"{out} already holds a run; go on with --resume or choose another --output-dir.")


def _flat(state: dict[str, Any]) -> dict[str, Any]:
    return {"configuration": state["configuration"]}
