"""What `languages redo` would do with few-shot steps: pairs of a language that labelled sentences have moved."""

from collections.abc import Sequence
from pathlib import Path

from hyperx_cl.cli.loading import tasks_of
from hyperx_cl.cli.made_of import of_sentences, options_in
from hyperx_cl.cli.plan import with_label_maps
from hyperx_cl.cli.redo_item import MISSING, NO_GAIN, REFUSED, THERE, TO_DO, WAITING, Item, Wanted
from hyperx_cl.cli.redo_lineage import FEWSHOT, Runs, Step
from hyperx_cl.config import FewshotOptions
from hyperx_cl.errors import ConflictError, NotFoundError


def plan_pairs(items: Sequence[Item], own: Sequence[Step], runs: Runs, wanted: Wanted) -> None:
    """See what there is of a language's few-shot steps: those of one task stand on each other, tasks do not.

    Args:
        items: Its steps; the first one is settled.
        own: The steps of the version that the new model uses, if it has the language.
        runs: Of the registry.
        wanted: What is to be redone.
    """
    first = items[0]
    for task in dict.fromkeys(_task(item.step) for item in items[1:]):
        mine = [item for item in items[1:] if _task(item.step) == task]
        theirs = [step for step in own[1:] if _task(step) == task] if first.state == THERE else []
        for number, item in enumerate(mine):
            try:
                _plan(item, first, mine[:number], theirs, own, runs, wanted)
            except ConflictError as error:
                item.stop(REFUSED, error)
            except NotFoundError as error:
                item.stop(MISSING, error)


def _plan(
    item: Item, first: Item, before: Sequence[Item], theirs: list[Step], own: Sequence[Step], runs: Runs, wanted: Wanted
) -> None:
    """See to one step; those of `theirs` that stand for it are taken out of the list."""
    if first.state not in (TO_DO, THERE):
        item.state, item.why = WAITING, f"for {item.code} itself"
        return
    if any(other.state not in (TO_DO, THERE, NO_GAIN) for other in before):
        item.state, item.why = WAITING, f"for the {item.what} before it"
        return
    item.options, _ = item.step.options(FewshotOptions)
    task, new = _task(item.step), wanted.new.name
    if first.state == THERE:
        if theirs and _same(theirs[0], item):
            item.state, item.version = THERE, theirs.pop(0).stored
            return
        if _without_gain(item, own, runs):
            item.state, item.why = NO_GAIN, "k-fold spoke against it when it was redone"
            return
        if theirs:
            raise ConflictError(f"{new} has learnt another few-shot {task} for {item.code}: leave it, or go back first")
        if own and first.version is not None and own[0].stored.hash != first.version.hash:
            raise ConflictError(
                f"{new} uses a version of {item.code} that was made in another way: go back first, with "
                f"`hyperx-cl languages use {item.code} {first.version.version} --model {new}`"
            )
    if task not in tasks_of(wanted.new):
        raise NotFoundError(f"{new} has no task {task}: learn that first with `hyperx-cl add-task`")
    _find(item, task, wanted)


def _find(item: Item, task: str, wanted: Wanted) -> None:
    step, last = item.step, item.step.config.get("data")
    digests = list(step.told.get("sentences", ()))
    renamed = step.config.get("label_map") or step.told.get("label_map") or ()
    chosen = with_label_maps(tasks_of(wanted.new), renamed)[task]
    found = wanted.finder.sentences(digests, chosen, item.code, [Path(last)] if last else []) if digests else None
    if found is None:
        where = f"last in {last}" if last else "where they were is not kept"
        raise NotFoundError(
            f"its {len(digests)} sentences are not found ({where}): name the folder they are in now with --texts"
        )
    item.sentences, item.file = found


def _same(step: Step, item: Item) -> bool:
    """Whether a step of the new model is one of the old one done again."""
    return of_sentences(step.told, _task(item.step), item.step.told.get("sentences", ()), item.options)


def _without_gain(item: Item, own: Sequence[Step], runs: Runs) -> bool:
    """Whether a step was done again already on what the new model has, and nothing was stored."""
    stood_on = {step.stored.hash for step in own}
    return any(
        run.command == FEWSHOT and run.status == "done" and run.metrics.get("stored") is False
        and run.config.get("parent") in stood_on and run.config.get("task") == _task(item.step)
        and run.metrics.get("digests") == item.step.told.get("sentences")
        and options_in(run.config.get("fewshot"), FewshotOptions) == item.options
        for run in runs.all
    )  # fmt: skip


def _task(step: Step) -> str:
    return str(step.told.get("task", ""))
