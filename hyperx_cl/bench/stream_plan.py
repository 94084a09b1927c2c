"""The stream bench: new languages that one seed's model gets one after another, a cell for each state it is in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hyperx_cl.bench.plan import DEFAULT, METHODS, Bench, Cell, cells
from hyperx_cl.errors import UsageError


@dataclass(frozen=True, order=True)
class StepCell:
    """One piece of work: the model as it is after so many additions, and every language of the stream scored in it.

    Args:
        seed: Of the base run.
        order: The languages in the order of their addition.
        method: A name in `METHODS`; its cells of the add-language bench have learnt the languages.
        step: Additions so far, 0 to the number of languages.
    """

    seed: int
    order: tuple[str, ...]
    method: str
    step: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.seed}-{self.method}-{'+'.join(self.order)}-{self.step}"

    @property
    def title(self) -> str:
        """In words."""
        what = f"after {self.language} was added" if self.step else "before any addition"
        return f"{self.method}, seed {self.seed}, {what} ({self.step} of {len(self.order)})"

    @property
    def language(self) -> str | None:
        """The language that this step adds."""
        return self.order[self.step - 1] if self.step else None

    @property
    def added(self) -> list[Cell]:
        """The cells of the add-language bench whose languages are in use, in the order of their addition."""
        return [Cell(self.seed, code, self.method) for code in self.order[: self.step]]


def stream_cells(bench: Bench, *, seeds: Iterable[int], order: Sequence[str], method: str = DEFAULT) -> list[StepCell]:
    """All cells of a stream a seed, each seed's in the order of additions.

    Args:
        bench: Gives the fold.
        seeds: Of base runs.
        order: New languages of the fold, in the order of their addition; one that is named twice counts once.
        method: How they were learnt; a control stands for its vector.

    Raises:
        UsageError: An unknown method or one whose languages cannot be attached side by side, a language that is none
            of the new ones, or fewer than two.
    """
    codes = tuple(dict.fromkeys(order))
    found = dict.fromkeys(cell.seed for cell in cells(bench.fold, seeds, codes, [method]))
    if METHODS[method].kind not in ("learnt", "control"):
        can = ", ".join(name for name, how in METHODS.items() if how.kind in ("learnt", "control"))
        raise UsageError(f"'{method}' gives no language of its own to the joint model: choose from {can}")
    if len(codes) < 2:
        raise UsageError(f"a stream of {len(codes)} languages forgets nothing: name at least two with --lang")
    return [StepCell(seed, codes, method, step) for seed in found for step in range(len(codes) + 1)]
