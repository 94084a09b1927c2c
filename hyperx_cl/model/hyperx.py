"""HyperX: a frozen backbone, the hypernetwork that writes its adapters, LayerNorms of our own, heads and languages."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.config import ModelOptions
from hyperx_cl.data.batches import Batch, Pair
from hyperx_cl.data.tasks import Task
from hyperx_cl.data.tokenizer_views import TokenizerViews
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, did_you_mean
from hyperx_cl.model.adapter import Part
from hyperx_cl.model.backbone import Backbone
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.heads import MaskedHead, WordHead, segment_loss
from hyperx_cl.model.hooks import Active, norm_key, seat_hooks
from hyperx_cl.model.hypernet import AdapterWeights, Hypernetwork
from hyperx_cl.model.language import Language, Slot
from hyperx_cl.model.learnt_task import LearntTask
from hyperx_cl.model.recompute import recomputed
from hyperx_cl.model.saved import Saved
from hyperx_cl.model.shapes import Shape
from hyperx_cl.model.table import Table, Vectors
from hyperx_cl.model.tokenpatch import own_pieces
from hyperx_cl.task_record import TaskRecord
from hyperx_cl.transliteration import Transliteration


@dataclass(frozen=True)
class Output:
    """What a forward gives back.

    Args:
        loss: Mean cross entropy over the segments' targets, or ``None`` without targets.
        logits: One tensor a segment, ``(positions asked for, classes)``, in row-major order.
    """

    loss: Tensor | None
    logits: list[Tensor]


class HyperX(Saved, nn.Module):
    """The whole model. Its state dict holds what is trained and saved, nothing of the backbone.

    Args:
        backbone: The loaded backbone.
        options: The model's shape.
        tasks: Tasks in order; the order decides nothing but the order of the table.
        languages: Codes of the base languages.

    Attributes:
        transliterations: By language, the rules that its text is read by; a language may have some before it is added.
        gradient_checkpointing: Whether layers are computed anew in the backward pass, to save memory.
    """

    def __init__(
        self, backbone: Backbone, options: ModelOptions, tasks: Sequence[Task], languages: Sequence[str]
    ) -> None:
        super().__init__()
        self._backbone = [backbone]  # in a list, so that its tensors are no part of this module
        self.active: Active | None = None
        self.gradient_checkpointing = False
        self._cache: dict[tuple[Pair, ...], list[list[AdapterWeights]]] | None = None
        self._views = TokenizerViews(backbone.tokenizer, backbone.info.vocabulary)
        self.transliterations: dict[str, Transliteration] = {}
        info, d = backbone.info, options.embedding
        self.options, self.shape = options, Shape(info.layers, info.hidden, options)
        self.tasks: dict[str, Task] = {task.name: task for task in sorted(tasks, key=lambda task: task.name)}
        self.hypernetwork = Hypernetwork(self.shape)
        self.task_embeddings = Vectors(self.tasks, d)
        self.base: Table[Language] = Table({code: Language(self._slot(torch.randn(d))) for code in sorted(languages)})
        self.added: Table[Language] = Table()
        self.forgotten: Table[Language] = Table()
        self.heads: Table[nn.Module] = Table({name: self._head(task) for name, task in self.tasks.items()})
        self.added_tasks: Table[LearntTask] = Table()
        self.norms: Table[nn.LayerNorm] = Table({norm_key(name): backbone.copy_norm(name) for name in backbone.norms})
        seat_hooks(self)

    @property
    def backbone(self) -> Backbone:
        """The frozen backbone."""
        return self._backbone[0]

    @property
    def tokenizer(self) -> Any:
        """The backbone's fast tokenizer."""
        return self.backbone.tokenizer

    def tokenizer_for(self, code: str) -> Any:
        """The tokenizer that a language's text is read with: the backbone's, its transliteration and token patch added.

        A language that the model does not have yet has no patch.
        """
        known = next((table[code] for table in (self.added, self.base) if code in table), None)
        return self.tokenizer_with(known.pieces if known else (), self.transliterations.get(code, ()))

    def tokenizer_with(self, pieces: tuple[str, ...], transliteration: Transliteration = ()) -> Any:
        """The backbone's tokenizer with the pieces of a token patch, behind a transliteration; made once.

        Raises:
            DataError: Its vocabulary is another one than they were found with.
        """
        return self._views.view(transliteration, pieces)

    @property
    def device(self) -> torch.device:
        """Where the trained tensors are."""
        return self.hypernetwork.layer_embeddings.device

    def place(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """Move the model to a device, with the frozen weights held in `dtype` and what is trained in fp32."""
        self.backbone.to(device, dtype)
        return self.to(device)

    def train(self, mode: bool = True) -> Self:
        """Switch to training; the backbone's dropout follows only where the options ask for it."""
        self.backbone.encoder.train(mode and self.options.dropout)
        return super().train(mode)

    def languages(self) -> list[str]:
        """Codes of all languages the model can run now, base and added."""
        return sorted({*self.base, *self.added})

    def language(self, code: str) -> Language:
        """The language's own module; an added version goes before the base one.

        Raises:
            NotFoundError: The model has no such language.
        """
        for table in (self.added, self.base):
            if code in table:
                return table[code]
        raise NotFoundError(
            f"The model has no language '{code}'{did_you_mean(code, self.languages())}; "
            f"add it with `hyperx-cl add-language {code} --mlm FILE`."
        )

    def task(self, name: str) -> Task:
        """The task of that name.

        Raises:
            NotFoundError: The model was not trained for it.
        """
        if name not in self.tasks:
            known = ", ".join(self.tasks)
            raise NotFoundError(f"The model has no task '{name}'{did_you_mean(name, self.tasks)}; it has {known}.")
        return self.tasks[name]

    def forward(self, batch: Batch) -> Output:
        """Run a batch of one pair, or of several, whose rows lie together.

        Args:
            batch: ``input_ids`` and ``attention_mask`` ``(B, T)``, ``wanted`` ``(B, T)``, ``targets`` ``(N,)`` or none.

        Raises:
            NotFoundError: The model lacks a pair's language or task.
            IndexError: A token id that neither the backbone nor the token patch of the row's language has.
        """
        pairs = [segment.pair for segment in batch.segments]
        rows = [segment.rows for segment in batch.segments]
        ids, languages = batch.input_ids, [self.language(pair.language) for pair in pairs]
        own = own_pieces(ids, rows, [known.patch for known in languages], vocabulary=self.backbone.info.vocabulary)
        if own is not None:  # what the frozen embeddings are asked for there does not matter: a hook replaces it
            ids = ids.masked_fill(own.places, self.tokenizer.unk_token_id)
        slots = [known.slots(pair.task) for known, pair in zip(languages, pairs, strict=True)]
        active = Active(self._adapters(pairs), slots, rows, own, [known.shift for known in languages])
        with self._acting(active), self._saving(active):
            states = self.backbone.encoder(input_ids=ids, attention_mask=batch.attention_mask).last_hidden_state
        counts = [int(wanted.sum()) for wanted in batch.wanted.split(rows)]
        logits = [
            self._score(pair, asked) for pair, asked in zip(pairs, states[batch.wanted].split(counts), strict=True)
        ]
        return Output(None if batch.targets is None else segment_loss(logits, batch.targets.split(counts)), logits)

    @contextmanager
    def _acting(self, active: Active) -> Iterator[None]:
        before, self.active = self.active, active
        try:
            yield
        finally:
            self.active = before

    def _saving(self, active: Active) -> AbstractContextManager[None]:
        """Where memory is to be saved in training: each batch's layers are computed anew with its own adapters."""
        if not (self.gradient_checkpointing and torch.is_grad_enabled()):
            return nullcontext()
        return recomputed(self.backbone.layers(self.options.adapter_site), lambda: self._acting(active))

    @contextmanager
    def cached_adapters(self) -> Iterator[None]:
        """Write each pair's adapters once while nothing is trained, as in evaluation."""
        self._cache = {}
        try:
            yield
        finally:
            self._cache = None

    def attach(self, *records: LanguageRecord) -> None:
        """Make stored languages usable.

        Raises:
            ConflictError: A record belongs to another model.
            DataError: Its tensors do not have this model's sizes.
        """
        mark = self.fingerprint()
        for record in records:
            if record.model != mark:
                raise ConflictError(
                    f"The record of '{record.language}' belongs to model {record.model[:12]}, this is {mark[:12]}; "
                    "add the language to this model with `hyperx-cl add-language`."
                )
            self._check_fits(record)
            self.added[record.language] = Language.from_record(record).to(self.device)
            self.transliterations[record.language] = record.transliteration

    def attach_task(self, *records: TaskRecord) -> None:
        """Make learnt tasks usable; one of the same name that was attached before gives way.

        Raises:
            ConflictError: A record belongs to another model, or base training had a task of that name.
            DataError: Its tensors do not have this model's sizes.
        """
        mark = self.fingerprint()
        for record in records:
            if record.model != mark:
                raise ConflictError(
                    f"The record of task '{record.name}' belongs to model {record.model[:12]}, this is {mark[:12]}; "
                    "learn the task for this model with `hyperx-cl add-task`."
                )
            shapes = record.tensors["embedding"].shape, record.tensors["head.weight"].shape[1]
            if shapes != ((self.options.embedding,), self.shape.hidden):
                raise DataError(
                    f"The record of task '{record.name}' does not fit this model: its vector has shape {shapes[0]} and "
                    f"its head reads {shapes[1]} numbers; get the record again from where it came."
                )
            self._seat_task(LearntTask.from_record(record))

    def new_task(self, task: Task, embedding: Tensor) -> LearntTask:
        """Begin a task with that embedding ``(d,)`` and a head that is drawn.

        Raises:
            ConflictError: Base training had a task of that name.
        """
        return self._seat_task(LearntTask(task, embedding, self.shape.hidden))

    def forget_task(self, name: str) -> None:
        """Take a learnt task out of use.

        Raises:
            NotFoundError: No task of that name was learnt after base training.
        """
        if name not in self.added_tasks:
            raise NotFoundError(f"No task '{name}' was added to the model{did_you_mean(name, self.added_tasks)}.")
        del self.added_tasks[name], self.tasks[name]

    def task_embedding(self, name: str) -> Tensor:
        """The vector that the hypernetwork reads for a task, ``(d,)``.

        Raises:
            NotFoundError: The model has no such task.
        """
        learnt = self.task(name).name in self.added_tasks
        return self.added_tasks[name].embedding if learnt else self.task_embeddings[name]

    def new_language(self, code: str, embedding: Tensor, *, rank: int = 0) -> Language:
        """Begin a language with that embedding ``(d,)`` and, with a `rank`, a part that changes nothing yet."""
        language = Language(self._slot(embedding, rank)).to(self.device)
        self.added[code] = language
        return language

    def forget(self, code: str) -> None:
        """Take a language out of use: it is listed no more, cannot be run, and nothing starts from it.

        A base language's tensors stay part of the model and of what `save_pretrained` writes, so its fingerprint, and
        with it every stored language, stays valid; a model loaded from there has the language again.

        Raises:
            NotFoundError: The model has no such language.
        """
        self.language(code)
        self.transliterations.pop(code, None)
        if code in self.added:
            del self.added[code]
        if code in self.base:
            self.forgotten[code] = self.base[code]
            del self.base[code]

    def record(self, code: str, provenance: Mapping[str, Any]) -> LanguageRecord:
        """A language as it is now, as a record for the registry."""
        return LanguageRecord(
            language=code, model=self.fingerprint(), tensors=self.language(code).tensors(),
            provenance=dict(provenance), pieces=self.language(code).pieces,
            transliteration=self.transliterations.get(code, ()),
        )  # fmt: skip

    def record_task(self, name: str, provenance: Mapping[str, Any]) -> TaskRecord:
        """A learnt task as it is now, as a record for the registry."""
        learnt = self.added_tasks[name]
        return TaskRecord(
            name, self.fingerprint(), learnt.task.kind, learnt.task.labels, learnt.task.column, learnt.tensors(),
            dict(provenance), learnt.task.label_map,
        )  # fmt: skip

    def saved_tensors(self) -> dict[str, Tensor]:
        """What `save_pretrained` writes: everything of base training, no added language or task, no backbone."""
        return {
            "base." + name.removeprefix("forgotten.") if name.startswith("forgotten.") else name: value
            for name, value in self.state_dict().items()
            if not name.startswith(("added.", "added_tasks."))
        }

    def fingerprint(self) -> str:
        """SHA-256 over saved tensors, tasks, options and the backbone's fingerprint."""
        from hyperx_cl.model.storage import identity

        return fingerprint(self.saved_tensors(), extra=identity(self))

    def _slot(self, embedding: Tensor, rank: int | None = None) -> Slot:
        rank = self.options.language_part if rank is None else rank
        return Slot(embedding, Part(self.shape.layers, self.shape.hidden, rank) if rank else None)

    def _seat_task(self, learnt: LearntTask) -> LearntTask:
        name = learnt.task.name
        if name in self.task_embeddings:
            raise ConflictError(f"The model was trained for a task '{name}' already; choose another name.")
        self.added_tasks[name] = learnt.to(self.device)
        self.tasks[name] = learnt.task
        return learnt

    def _check_fits(self, record: LanguageRecord) -> None:
        for name, array in record.tensors.items():
            if name.endswith("embedding"):
                fits = array.shape == (self.options.embedding,)
            elif name.startswith("patch."):
                fits = array.shape[1:] in ((), (self.backbone.width,))
            elif name == "shift.ids":
                fits = array[-1] < self.backbone.info.vocabulary
            elif name.startswith("shift."):
                fits = name == "shift.factors" or array.shape[1] == self.backbone.width
            else:
                fits = array.shape[0] <= self.shape.layers and (
                    name.endswith("down_bias") or self.shape.hidden in array.shape[1:]
                )
            if not fits:
                raise DataError(
                    f"The record of '{record.language}' does not fit this model: {name} has shape {array.shape}; "
                    "get the record again from where it came."
                )

    def _head(self, task: Task) -> nn.Module:
        if task.kind != "mlm":
            return WordHead(self.shape.hidden, len(task.labels))
        return self.backbone.masked_head()

    def _adapters(self, pairs: Sequence[Pair]) -> list[list[AdapterWeights]]:
        key = tuple(pairs)
        if self._cache is not None and key in self._cache:
            return self._cache[key]
        tasks = torch.stack([self.task_embedding(pair.task) for pair in pairs])
        languages = torch.stack([self.language(pair.language).embedding(pair.task) for pair in pairs])
        dtype = self.backbone.word_embeddings.dtype
        weights: list[list[AdapterWeights]] = self.hypernetwork(tasks, languages, dtype=dtype)
        if self._cache is not None:
            self._cache[key] = weights
        return weights

    def _score(self, pair: Pair, states: Tensor) -> Tensor:
        head = self.added_tasks[pair.task].head if pair.task in self.added_tasks else self.heads[pair.task]
        if isinstance(head, MaskedHead):
            own = self.language(pair.language)
            return head(states, self.backbone.word_embeddings, own.patch, own.shift)  # type: ignore[no-any-return]
        return head(states.float())  # type: ignore[no-any-return]
