"""What a run draws: the next micro-batch of this process, with masks that never come twice."""

from collections.abc import Mapping

from accelerate import Accelerator

from hyperx_cl.config import TrainOptions
from hyperx_cl.data.batches import Batch, Pair, collate
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens
from hyperx_cl.data.sampler import PairSampler
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.train.corpora import Corpus


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

    @property
    def length(self) -> float:
        """Mean real tokens of a row so far."""
        return self.tokens / max(self.rows, 1)

    @property
    def masked_share(self) -> float:
        """Masked positions per real token so far."""
        return self.masked / max(self.tokens, 1)
