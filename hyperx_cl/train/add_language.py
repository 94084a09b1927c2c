"""A new language from raw text: its part, shift, vector or patch learn by MLM, all else stays bit for bit."""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.config import AddOptions
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.text import Text, check_text
from hyperx_cl.errors import ConflictError, UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.language import Language, Slot
from hyperx_cl.model.shift import Shift
from hyperx_cl.model.tokenpatch import Patch
from hyperx_cl.train.checkpoint import (
    checkpoint_exists,
    load_checkpoint,
    naming_checkpoint,
    same_run,
    save_checkpoint,
    told_of,
    under,
)
from hyperx_cl.train.loop import Group, Loop, Schedule
from hyperx_cl.train.masked_draw import MaskedDraw
from hyperx_cl.train.material import Material
from hyperx_cl.train.memory import Memory
from hyperx_cl.train.patching import begin_patch, patch_facts, transliteration_facts
from hyperx_cl.train.progress import Reporter, Silent
from hyperx_cl.train.proof import Proof, Witness, frozen, put_back
from hyperx_cl.train.self_training import SelfTaught, labelling_tasks, self_train
from hyperx_cl.train.shifting import begin_shift, shift_facts
from hyperx_cl.train.starts import Start, candidates_for, controls, loss_with, mean, mixture, nearest, place, with_part
from hyperx_cl.train.stopping import Stopping
from hyperx_cl.train.throughput import Speed, known_peak, operations_per_token
from hyperx_cl.transliteration import Transliteration

Observer = Callable[[int, float], None]
"""Told the tokens read so far and the loss on the stop part, while the model runs with what is learnt so far."""


@dataclass(frozen=True)
class Added:
    """A new language and how it went.

    Args:
        record: For the registry.
        losses: MLM loss on the report part, nats per masked piece: random, zero, mean, nearest, learnt. With a token
            patch all of them read it, and all but the last its rows as they began: other pieces, other losses.
        nearest: The stored language that fits the text best.
        start: Where learning started.
        steps: Optimiser steps, those of the mixture left out.
        tokens: Real tokens learnt on, those of the mixture and of self-training included.
        seconds: Seconds of learning over all sittings.
        proof: That nothing else has changed.
        warnings: What is doubtful about the text, one sentence each.
    """

    record: LanguageRecord
    losses: dict[str, float]
    nearest: str
    start: str
    steps: int
    tokens: int
    seconds: float
    proof: Proof
    warnings: tuple[str, ...]


def add_language(
    model: HyperX, code: str, text: Text, options: AddOptions, *, transliteration: Transliteration = (),
    checkpoint: Path | None = None, resume: bool = False,
    provenance: Mapping[str, Any] | None = None, reporter: Reporter | None = None, observer: Observer | None = None,
) -> Added:  # fmt: skip
    """Learn a language by MLM on its text; hypernetwork, heads and every other language stay as they are.

    The text is split by hash: learnt on ``train``, chosen and stopped on ``stop``, reported on ``report``. What
    characters of ``train`` the vocabulary lacks become the language's token patch.

    Args:
        model: With every stored language attached that may be a start.
        code: The new language's code.
        text: Its raw text.
        options: How.
        transliteration: Rules that it is read by from now on.
        checkpoint: Folder to keep a checkpoint in, or none. It stays until `remove_checkpoint`, so that nothing is
            lost before the record is stored.
        resume: Go on from that checkpoint, if there is one.
        provenance: Facts to keep in the record: source, licence, author.
        reporter: Told how it goes, and what is doubtful about the text.
        observer: Called at every look.

    Raises:
        ConflictError: There is a checkpoint and `resume` was not asked for, or it belongs to another language, text,
            model or set of options.
        DataError: The text is too short, in another script than the language's or made of unknown pieces, or has a
            part without any known piece.
        NotFoundError: `code` is no language code, or `self_tasks` names a task that the model lacks.
        UsageError: The model has no MLM task or no language to start from, the rows are longer than its backbone
            reads, or `self_tasks` names mlm.
    """
    candidates = candidates_for(model, code)
    model.backbone.expect_room(options.max_length)
    tasks = labelling_tasks(model, options.self_tasks)
    if checkpoint and not resume and checkpoint_exists(checkpoint):
        raise ConflictError(
            f"An interrupted run of '{code}' has left a checkpoint; go on with --resume, or remove {checkpoint}."
        )
    reporter = reporter or Silent()
    witness, earlier = Witness(model, code), model.added[code] if code in model.added else None
    rules_before = model.transliterations.get(code, ())
    model.transliterations[code] = transliteration
    try:
        patch = begin_patch(model, code, text, options)
        tokenizer = model.tokenizer_with(patch.pieces if patch else (), transliteration)
        warnings = tuple(check_text(text, code, tokenizer))
        with frozen(model, seed=options.seed):
            learner = _Learner(model, code, text, options, candidates, patch, checkpoint, reporter, observer)
            learner.run(resume=resume, warnings=warnings)
            learner.settle()
            losses = learner.report()
            taught = learner.teach(tasks)
        seconds = round(learner.seconds, 1)
        facts = _facts(text, learner, options, losses, seconds) | dict(provenance or {})
        if taught:
            facts["self_training"] = {task: found.facts() for task, found in taught.items()}
        return Added(
            model.record(code, facts), losses, learner.nearest, learner.start, learner.loop.number,
            learner.tokens + sum(found.tokens for found in taught.values()), seconds, witness.compare(), warnings,
        )  # fmt: skip
    except BaseException:
        put_back(model, code, earlier)
        model.transliterations[code] = rules_before
        raise


def of_mlm(options: AddOptions) -> dict[str, Any]:
    """The options that decide how the text is learnt; what comes after the last step may still be chosen anew."""
    return {name: value for name, value in asdict(options).items() if not name.startswith(("keep_", "self_"))}


def like(
    model: HyperX, code: str, relatives: Sequence[str], provenance: Mapping[str, Any] | None = None, *,
    transliteration: Transliteration = (),
) -> LanguageRecord:  # fmt: skip
    """A vector without any text: the mean of its relatives' embeddings (and parts, where all have one of equal rank).

    Raises:
        NotFoundError: The model does not have one of the relatives.
        UsageError: No relatives, or the language itself among them.
    """
    if not relatives or code in relatives:
        raise UsageError(f"--like needs stored languages other than '{code}', such as --like tr,kk.")
    model.added[code] = Language(mean(model, relatives).slot).to(model.device)
    model.transliterations[code] = transliteration
    return model.record(code, {"method": "like", "relatives": list(relatives), "steps": 0} | dict(provenance or {}))


class _Learner:
    """One language's learning: text in three parts, starts, steps with looks at the stop part."""

    def __init__(
        self, model: HyperX, code: str, text: Text, options: AddOptions, candidates: list[str], patch: Patch | None,
        checkpoint: Path | None, reporter: Reporter, observer: Observer | None,
    ) -> None:  # fmt: skip
        self.begin, self.earlier = time.perf_counter(), 0.0
        self.model, self.code, self.options, self.candidates = model, code, options, candidates
        self.checkpoint, self.reporter, self.observer = checkpoint, reporter, observer
        self.memory = Memory.of(options, reporter)
        language = model.new_language(code, torch.zeros(model.options.embedding))
        self.patch = language.patch = patch  # `place` keeps it, as it does the shift
        self.material = Material(model, code, text, options)
        language.shift = begin_shift(model, code, self.material.train, options)
        beside = {"patch": language.patch, "shift": language.shift}
        self.beside = {name: module for name, module in beside.items() if module is not None}
        self.first_beside = copy.deepcopy(self.beside)
        self.draw = MaskedDraw(
            code, self.material.train, model.tokenizer_for(code), max_tokens=options.tokens,
            mask_rate=options.mask_rate, seed=options.seed, device=model.device,
        )  # fmt: skip
        self.rank = 0 if options.capacity == "vector" else options.rank
        self.layers = math.ceil(options.depth * model.shape.layers)
        rules = model.transliterations[code]
        # Of the patch what was found counts, not how.
        self.configuration = {
            "language": code, "text": text.sha256, "model": model.fingerprint(),
            "options": {k: v for k, v in of_mlm(options).items() if not k.startswith("patch_")},
            **({"patch": list(patch.pieces)} if patch else {}),
            **({"transliteration": [list(rule) for rule in rules]} if rules else {}),
        }  # fmt: skip
        self.nearest = self.start = ""
        self.mixture_tokens = self.idle = 0
        self.looks: list[tuple[int, float]] = []

    def run(self, *, resume: bool, warnings: Sequence[str]) -> None:
        """Learn until the steps are taken or the stop part gains no more; the best look stays."""
        going_on = resume and self.checkpoint is not None and checkpoint_exists(self.checkpoint)
        if going_on and self.checkpoint:
            self._restore(self.checkpoint)
        for warning in warnings:  # what is said makes a run of it, so all that is refused was refused before
            self.reporter.say(f"Warning: {warning}")
        if not going_on:
            self._seat(self._start().slot)
            self._keep()
        with naming_checkpoint(self.checkpoint), Stopping(self._save) as stopping:
            while self.idle < self.options.patience and self.loop.number < self.options.steps:
                self._until_look(stopping)

    def settle(self) -> None:
        """Keep a share of what part and shift add: between the start and what MLM wants, tags are better than at both.

        That is so of fine-tuned models at large (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903).
        """
        if self.best.part is not None:
            self.best.part.up.data *= self.options.keep_part
        if "shift" in self.best_beside:
            cast(Shift, self.best_beside["shift"]).factors.data *= self.options.keep_shift

    @property
    def seconds(self) -> float:
        """Seconds so far, those of earlier sittings included."""
        return self.earlier + time.perf_counter() - self.begin

    @property
    def tokens(self) -> int:
        """Real tokens learnt on so far."""
        return self.loop.tokens + self.mixture_tokens

    def teach(self, tasks: Sequence[str]) -> dict[str, SelfTaught]:
        """Let pairs of the language learn on from their own labels of its text."""
        lines = self.material.parts.train
        found = {t: self_train(self.model, Pair(t, self.code), lines, self.options, self.reporter) for t in tasks}
        return {task: taught for task, taught in found.items() if taught}

    def _until_look(self, stopping: Stopping) -> None:
        before = self.loop.tokens
        for step in self.loop:
            if step.number % self.options.check_every and step.number != self.options.steps:
                stopping.check()
                continue
            speed = self._speed((step.tokens - before) / max(step.seconds, 1e-9))
            loss = loss_with(self.model, self.code, self.slot, self.material.stop)
            self._look(step.number, loss)
            self._show_to_observer(loss)
            told = f"stop loss {loss:.3f} (start {self.looks[0][1]:.3f}) · {speed}"
            self.reporter.say(f"step {step.number}: {told}")
            self.reporter.step(step.number, told)
            self._save()
            return

    def _show_to_observer(self, loss: float) -> None:
        if self.observer is None:
            return
        begin = time.perf_counter()
        self.observer(self.tokens, loss)
        self.begin += time.perf_counter() - begin  # what an onlooker takes is no time of learning

    def _speed(self, rate: float) -> Speed:
        """The speed at so many real tokens a second."""
        train = self.material.train
        length = sum(map(len, train)) / len(train)
        operations = operations_per_token(self.model, length=length, masked=self.options.mask_rate)
        return Speed(rate, rate * operations / known_peak(self.model.device, self.model.backbone.word_embeddings.dtype))

    def report(self) -> dict[str, float]:
        """Loss on the report part for the controls and what was learnt, which is what the language is from now on."""
        slots = controls(self.model, self.code, self.nearest, seed=self.options.seed)
        tried = {name: (slot, self.first_beside) for name, slot in slots.items()}
        losses = {}
        for name, (slot, beside) in (tried | {"learnt": (self.best, self.best_beside)}).items():
            language = self.model.language(self.code)
            language.patch = cast(Patch | None, beside.get("patch"))
            language.shift = cast(Shift | None, beside.get("shift"))
            losses[name] = round(loss_with(self.model, self.code, slot, self.material.report), 4)
        return losses

    def _start(self) -> Start:
        wanted, base = self.options.start, [code for code in self.model.base if code != self.code]
        close = nearest(self.model, self.code, self.candidates, self.material.screen)
        self.nearest = close.name.removeprefix("nearest: ")
        starts = {"nearest": close, "mean": mean(self.model, base)}
        if wanted == "random":
            drawn = controls(self.model, self.code, self.nearest, seed=self.options.seed)["random"]
            starts["random"] = Start("random", drawn)
        if wanted == "mixture" or (wanted == "best" and self.options.mixture_steps):
            starts["mixture"], self.mixture_tokens = mixture(
                self.model,
                self.code,
                self.candidates,
                self.draw,
                self.options.mixture_steps,
                self.memory,
            )
        # Compared as they will be learnt on: a part that has another rank, or is not wanted, is left behind.
        starts = {
            name: replace(start, slot=self._to_learn_on(start.slot))
            for name, start in starts.items()
            if wanted in ("best", name)
        }
        stop = self.material.stop
        losses = {name: loss_with(self.model, self.code, start.slot, stop) for name, start in starts.items()}
        best = min(losses, key=lambda name: losses[name])
        self.start = starts[best].name
        said = ", ".join(f"{starts[name].name} {loss:.3f}" for name, loss in losses.items())
        self.reporter.say(f"starts by loss on the stop part: {said}")
        self.looks = [(0, losses[best])]
        return starts[best]

    def _to_learn_on(self, slot: Slot) -> Slot:
        slot = with_part(self.model, slot, self.rank, self.layers)
        # Heads and hypernetwork have met no vector but those of base training, and MLM would drive it away from them.
        slot.embedding.requires_grad_(self.options.capacity != "part")
        return slot

    def _seat(self, slot: Slot) -> None:
        self.slot = slot
        place(self.model, self.code, slot)
        o = self.options
        schedule = Schedule(o.steps, min(o.warmup, o.steps - 1), o.final_rate)
        learnt = [p for p in slot.parameters() if p.requires_grad]
        for module in self.beside.values():  # not before: nothing learns while a start is looked for
            learnt += module.requires_grad_(True).parameters()
        groups = [Group(learnt, o.rate)]
        self.loop = Loop(self.model, groups, self.draw, schedule, clip=o.clip, memory=self.memory)

    def _look(self, step: int, loss: float) -> None:
        if loss < min(seen for _, seen in self.looks):
            self._keep()
            self.idle = 0
        else:
            self.idle += 1
        self.looks.append((step, loss))

    def _keep(self) -> None:
        self.best, self.best_beside = copy.deepcopy(self.slot), copy.deepcopy(self.beside)

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        state = {
            "configuration": self.configuration, "start": self.start, "nearest": self.nearest, "looks": self.looks,
            "idle": self.idle, "mixture_tokens": self.mixture_tokens, "sampler": self.draw.sampler.state_dict(),
            "seconds": self.seconds,
        }  # fmt: skip
        tensors = {f"{name}/{key}": t for name, own in self._kept().items() for key, t in own.state_dict().items()}
        save_checkpoint(self.checkpoint, self.loop, tensors, state)

    def _kept(self) -> dict[str, nn.Module]:
        """What a checkpoint holds of the language: as it is, and as it was at the best look."""
        best = {f"best_{name}": module for name, module in self.best_beside.items()}
        return {"slot": self.slot, "best": self.best, **self.beside, **best}

    def _restore(self, folder: Path) -> None:
        if not same_run(folder, self.configuration):
            raise ConflictError(
                f"The checkpoint in {folder} was made with another text, model or other options; "
                "resume with the same ones, or remove it."
            )
        self._seat(self._to_learn_on(Slot(torch.zeros(self.model.options.embedding))))
        tensors, state = load_checkpoint(folder, self.loop)
        self._keep()
        for name, module in self._kept().items():
            module.load_state_dict(under(tensors, name))
        self.start, self.nearest, self.idle = state["start"], state["nearest"], state["idle"]
        self.looks, self.mixture_tokens = [(s, loss) for s, loss in state["looks"]], state["mixture_tokens"]
        self.draw.sampler.load_state_dict(state["sampler"])
        self.earlier = float(state.get("seconds", 0.0))  # the first version kept none
        self.reporter.say(told_of(state))


def _facts(
    text: Text, learner: _Learner, options: AddOptions, losses: Mapping[str, float], seconds: float
) -> dict[str, Any]:
    model, code, report = learner.model, learner.code, learner.material.parts.report
    lines = {name: len(part) for name, part in learner.material.parts._asdict().items()}
    shift = model.language(code).shift
    return {
        "method": "mlm", "capacity": options.capacity, "rank": learner.rank,
        "layers": learner.layers if learner.rank else 0, "seed": options.seed,
        "steps": learner.loop.number, "tokens": learner.tokens, "seconds": seconds,
        "text": {
            "sha256": text.sha256, "bytes": text.bytes, "dropped": dict(text.dropped), "cut": text.cut, "lines": lines,
        },
        "start": learner.start, "nearest": learner.nearest, "losses": dict(losses), "options": asdict(options),
        "stop_losses": [[step, round(loss, 4)] for step, loss in learner.looks],
        **({"transliteration": transliteration_facts(model, code, report)} if model.transliterations[code] else {}),
        **({"patch": patch_facts(model, code, report)} if learner.patch else {}),
        **({"shift": shift_facts(shift, learner.material.train)} if shift else {}),
    }  # fmt: skip
