"""Redoing one step of a language, by what `add-language` and `fewshot` do themselves."""

import gc
from collections.abc import Sequence
from typing import Any

from hyperx_cl.cli.adding import Adding, Asked, Letters, checkpoint_of, learnt, read
from hyperx_cl.cli.fewshot import LabelledPair, learn_pair
from hyperx_cl.cli.options import Common
from hyperx_cl.cli.redo_item import DONE, FAILED, NO_GAIN, TO_DO, WAITING, Item, Wanted
from hyperx_cl.cli.redo_lineage import CODE, FEWSHOT, TEXT, told_of
from hyperx_cl.config import AddOptions, FewshotOptions
from hyperx_cl.data.examples import content_hash
from hyperx_cl.errors import DataError, HyperXError
from hyperx_cl.registry.records import StoredLanguage
from hyperx_cl.registry.store import Registry
from hyperx_cl.relatives import relatives

_SAID = ("source", "licence", "author")
"""Facts about a text that hold for whatever is learnt from it."""


def work(
    common: Common, registry: Registry, wanted: Wanted, items: Sequence[Item], *, resume: bool, backbone: str | None,
    device: str,
) -> None:  # fmt: skip
    """Do the steps of one language that are to be done, one after the other.

    What goes wrong with one of them is kept with it; those that stand on it wait then.
    """
    for number, item in enumerate(items):
        if item.state != TO_DO:
            continue
        stopped = [other for other in items[:number] if other.state == FAILED and _stands_on(item, other)]
        if stopped:
            item.state, item.why = WAITING, f"for what has failed: {stopped[0].what}"
            continue
        common.out.note(f"{item.code}: {item.what}{f', {item.file}' if item.file else ''}")
        try:
            if item.step.method == FEWSHOT:
                _pair(common, registry, wanted, item, backbone, device)
            else:
                item.version = _language(common, registry, wanted, item, resume, backbone, device)
                item.state = DONE
        except HyperXError as error:
            item.stop(FAILED, error)
        gc.collect()  # hooks tie a model to itself, and the next one wants its memory


def _stands_on(item: Item, other: Item) -> bool:
    return other.step.method != FEWSHOT or other.step.told.get("task") == item.step.told.get("task")


def _language(
    common: Common, registry: Registry, wanted: Wanted, item: Item, resume: bool, backbone: str | None, device: str
) -> StoredLanguage:
    """Add the language to the new model, in the way in which it was added to the old one."""
    step, code, new = item.step, item.code, wanted.new
    parent = registry.expect_addable(code, model=new.name, new_version=wanted.new_version)
    options = item.options if isinstance(item.options, AddOptions) else AddOptions()
    asked = Asked(code, parent, _letters(registry, item), item.file, _facts(item))
    adding = Adding(registry, new, asked, options, backbone, device)
    if step.method == TEXT:
        assert item.file is not None
        text = read(common, item.file)
        if text.sha256 != item.hash:
            raise DataError(f"{item.file} has changed since it was looked at: run the same command again")
        stored, added = adding.learn(common, text, checkpoint_of(new.name, code), resume=resume)
        for warning in added.warnings if common.out.quiet else ():  # else they were said when learning began
            common.out.warn(warning)
        return stored
    near = relatives(code, learnt(registry, new)) if step.method == CODE else []
    others = [other.language for other in near] or list(step.told.get("relatives", ()))
    return adding.like(common, others, near)


def _letters(registry: Registry, item: Item) -> Letters:
    """As they were wanted: decided by the backbone, or the very rules of the record."""
    stored, said = item.step.stored, item.step.config.get("transliteration")
    if said == "auto":
        return Letters("auto", item.code)
    record = registry.language(stored.language, stored.model, stored.version).record
    return Letters(str(said or "kept"), item.code, record.transliteration)


def _pair(common: Common, registry: Registry, wanted: Wanted, item: Item, backbone: str | None, device: str) -> None:
    """Learn a pair again on the version of the language that the new model uses."""
    assert isinstance(item.options, FewshotOptions)
    step, told = item.step, item.step.told
    renamed = list(step.config.get("label_map") or told.get("label_map") or ())
    asked = LabelledPair(
        wanted.new, item.code, str(told["task"]), item.sentences, None, item.options,
        {"sentences": content_hash(item.sentences)}, {"data": str(item.file), "test": None, "label_map": renamed},
    )  # fmt: skip
    kept = {key: told[key] for key in ("data", "label_map") if key in told} | _said(item) | _origin(item)
    item.version, _ = learn_pair(common, registry, asked, kept, backbone=backbone, device=device)
    item.state = DONE if item.version else NO_GAIN
    if item.version is None:
        item.why = "k-fold speaks against it for this model, so nothing was stored"


def _facts(item: Item) -> dict[str, Any]:
    """What the new record keeps besides its own learning: where the text is from, if it is the same one."""
    return ({} if item.other_text else _said(item)) | _origin(item)


def _said(item: Item) -> dict[str, Any]:
    """Where the data is from, in the words that were last said of it."""
    step = item.step
    found = {key: step.stored.provenance.get(key, step.told.get(key)) for key in _SAID}
    return {key: value for key, value in found.items() if value}


def _origin(item: Item) -> dict[str, Any]:
    """Which record is redone, and whether from another text; no path and no name of this machine."""
    first = told_of(item.step.stored)
    other = {"other_text": True, "text_before": item.hash_before} if item.other_text else {}
    return {"redone": {"model": first.model, "hash": first.hash, **other}}
