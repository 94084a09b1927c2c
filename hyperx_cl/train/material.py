"""What a new language is learnt from: its text in three parts, encoded and, where it is only scored, masked."""

from hyperx_cl.config import AddOptions
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.text import LEAST_LINES, Text, split_text
from hyperx_cl.errors import DataError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches

SCREENED_LINES = 60


class Material:
    """A text in three parts.

    Attributes:
        parts: The lines of ``train``, ``stop`` and ``report``.
        train: Windows to learn on.
        stop: Masked batches to choose and stop on.
        report: Masked batches to report on; nothing is chosen by them.
        screen: Masked batches of a few lines of ``train``, to find the nearest stored language by.

    Args:
        model: Gives the language's tokenizer, and the device.
        code: The language.
        text: Its text.
        options: Lengths, lines, and the seed of the masks.

    Raises:
        DataError: The text is too short, or has a part without any known piece.
    """

    def __init__(self, model: HyperX, code: str, text: Text, options: AddOptions) -> None:
        lines = text.lines[: options.max_lines or None]
        if len(lines) < LEAST_LINES:
            raise DataError(f"{text.path} gives {len(lines)} lines to learn from; give at least {LEAST_LINES}.")
        encoder, seed = Encoder(model.tokenizer_for(code), max_length=options.max_length), options.seed
        self.parts = split_text(lines)
        self.train = encoder.text(self.parts.train)
        self.stop = masked_batches(model, code, encoder.text(self.parts.stop[: options.sample]), seed=seed)
        self.report = masked_batches(model, code, encoder.text(self.parts.report[: options.sample]), seed=seed)
        if not (self.train and self.stop and self.report):
            raise DataError(f"{text.path} has too few pieces that the backbone's tokenizer knows; give more text.")
        few = [window for window in self.train if window.sentence < SCREENED_LINES] or self.train[:SCREENED_LINES]
        self.screen = masked_batches(model, code, few, seed=seed)
