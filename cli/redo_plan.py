"""What `languages redo` would do: for each step by which a language came about, what is there and what is missing."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperx_cl.cli.adding import checkpoint_of
from hyperx_cl.cli.loading import JOINT
from hyperx_cl.cli.made_of import of_text, text_in
from hyperx_cl.cli.redo_item import MISSING, REFUSED, THERE, TO_DO, WAITING, Item, Wanted
from hyperx_cl.cli.redo_lineage import CODE, LIKE, TEXT, Runs, Step, lineage, told_of
from hyperx_cl.cli.redo_pairs import plan_pairs
from hyperx_cl.config import AddOptions
from hyperx_cl.errors import ConflictError, DataError, NotFoundError
from hyperx_cl.registry.records import ModelRecord, StoredLanguage
from hyperx_cl.registry.store import Registry

if TYPE_CHECKING:
    from hyperx_cl.data.finding import Finder
    from hyperx_cl.transliteration import Transliteration


def plan(registry: Registry, wanted: Wanted, codes: Sequence[str]) -> list[list[Item]]:
    """Compare the languages of one model with those of another; nothing is loaded or written.

    Args:
        registry: Where they are.
        wanted: What is to be redone.
        codes: These alone; all for none.

    Returns:
        For each language its steps, the first one first; languages in the order in which they were added. A base
        language of both models has none but its few-shot steps.

    Raises:
        NotFoundError: The old model lacks a language that is named.
        DataError: A file that was named holds another text, and that was not said to be right.
    """
    known = [registry.language(code, wanted.old.name).stored for code in codes] or registry.languages(wanted.old.name)
    return _Planner(registry, wanted).languages(known)


class _Planner:
    def __init__(self, registry: Registry, wanted: Wanted) -> None:
        self.registry, self.wanted, self.runs = registry, wanted, Runs(registry)
        self.there = {stored.language: stored for stored in registry.languages(wanted.new.name)}
        self.coming: set[str] = set()
        """Languages that the new model will have by then."""

    def languages(self, known: Sequence[StoredLanguage]) -> list[list[Item]]:
        """The items of all languages."""
        chains = [(*lineage(self.registry, self.runs, stored), stored) for stored in known]
        chains.sort(key=lambda chain: chain[0][0].order)
        found = [self.language(steps, whole) for steps, whole, _ in chains]
        return [items for items in found if items]

    def language(self, steps: Sequence[Step], whole: bool) -> list[Item]:
        """The items of one language."""
        items = [Item(step) for step in steps]
        first, current = items[0], self.there.get(items[0].code)
        own = lineage(self.registry, self.runs, current)[0] if current else []
        candidates = [*(step.stored for step in own[:1]), *self._versions(first.code)]  # the one in use goes first
        if not whole:
            lost = NotFoundError(
                f"the version it was learnt from was removed: learn it with `hyperx-cl add-language {first.code}`"
            )
            first.stop(MISSING, lost)
        elif not self._base(first, candidates):
            self._first(first, candidates)
        elif first.step.method == JOINT and len(items) == 1:
            return []
        if first.state in (TO_DO, THERE):
            self.coming.add(first.code)
        plan_pairs(items, own, self.runs, self.wanted)
        return items

    def _base(self, item: Item, candidates: Iterable[StoredLanguage]) -> bool:
        """Whether a step is base training, or the new model's own base training stands for it."""
        code, new = item.code, self.wanted.new
        if code in new.config.get("languages", ()):
            own = next((version for version in candidates if version.first_method == JOINT), None)
            if own is not None:
                item.state, item.version, item.why = THERE, own, f"{new.name} was trained on it"
                return True
        if item.step.method == JOINT:
            item.state, item.why = WAITING, f"for {new.name} to have it, which was not trained on it"
        return item.step.method == JOINT

    def _first(self, item: Item, candidates: Sequence[StoredLanguage]) -> None:
        """See what there is of the step that a new language began with."""
        new, code, method = self.wanted.new, item.code, item.step.method
        kinds = {TEXT: self._text, LIKE: self._like, CODE: self._code}
        try:
            if method not in kinds:
                raise ConflictError(
                    f"it came about by {method!r}, which cannot be redone: learn it anew with "
                    f"`hyperx-cl add-language {code} --model {new.name} --mlm FILE`"
                )
            kinds[method](item, candidates)
            if item.state == TO_DO and code in self.there and not self.wanted.new_version:
                raise ConflictError(
                    f"{new.name} has {code}, made in another way (version {self.there[code].version}): pass "
                    "--new-version to store this one beside it"
                )
        except ConflictError as error:
            item.stop(REFUSED, error)
        except NotFoundError as error:
            item.stop(MISSING, error)

    def _text(self, item: Item, candidates: Iterable[StoredLanguage]) -> None:
        step, finder, code = item.step, self.wanted.finder, item.code
        item.options, lacking = step.options(AddOptions)
        if lacking:
            item.why = f"not kept, so as by default now: {', '.join(lacking)}"
        item.hash = text_in(step.told) or step.hashes.get("text", "")
        item.hash_before = item.hash
        if not item.hash:
            raise ConflictError(f"no hash of its text is kept: learn it with `hyperx-cl add-language {code}`")
        given = self.wanted.given.get(code)
        if given is not None:
            self._given(item, given)
        rules = self._rules(step)
        same = next((version for version in candidates if self._same_text(version, item, rules)), None)
        if same is not None:
            item.state, item.version, item.hash = THERE, same, text_in(told_of(same).told)
            item.other_text = item.hash != item.hash_before
        elif given is None:
            last = step.config.get("text")
            item.file = finder.text(item.hash, code, [Path(last)] if last else [])
            if item.file is None:
                raise NotFoundError(_lost(item, last, finder))

    def _given(self, item: Item, file: Path) -> None:
        """Take a file that was named."""
        found = self.wanted.finder.hash_of(file)
        if found is None:
            raise DataError(f"--text {item.code}={file}: this is no text that can be read, give another file")
        if found != item.hash and not self.wanted.other_text:
            raise DataError(
                f"--text {item.code}={file}: {item.code} was learnt from another text (hash {item.hash[:12]}…, "
                f"this one has {found[:12]}…): give that one, or say --other-text"
            )
        item.file, item.other_text, item.hash = file, found != item.hash, found

    def _rules(self, step: Step) -> "Transliteration | None":
        """The rules that letters are read by; None where the backbone decides on them."""
        if step.config.get("transliteration") == "auto":
            return None
        return self._record_rules(step.stored)

    def _record_rules(self, stored: StoredLanguage) -> "Transliteration":
        return self.registry.language(stored.language, stored.model, stored.version).record.transliteration

    def _same_text(self, version: StoredLanguage, item: Item, rules: "Transliteration | None") -> bool:
        """Whether a version was learnt from the same text, by the same options and the same letters."""
        told = told_of(version).told
        # From another text if that was said to be right when it was redone, and no further one is named now.
        redone = dict(told.get("redone") or {}).get("hash") == told_of(item.step.stored).hash
        text = text_in(told) if redone and item.code not in self.wanted.given else item.hash
        return of_text(told, text, item.options) and (rules is None or self._record_rules(version) == rules)

    def _like(self, item: Item, candidates: Iterable[StoredLanguage]) -> None:
        relatives = list(item.step.told.get("relatives", ()))
        for version in candidates:
            told = told_of(version).told
            if told.get("method") == LIKE and list(told.get("relatives", ())) == relatives:
                item.state, item.version = THERE, version
                return
        lost = [code for code in relatives if code not in self.there and code not in self.coming]
        if lost:
            raise NotFoundError(
                f"{self.wanted.new.name} has no {', '.join(lost)}, which it is made of: add that first, or name others "
                f"with `hyperx-cl add-language {item.code} --model {self.wanted.new.name} --like LANGS`"
            )

    def _code(self, item: Item, candidates: Iterable[StoredLanguage]) -> None:
        same = next((version for version in candidates if told_of(version).told.get("method") == CODE), None)
        if same is not None:
            item.state, item.version = THERE, same

    def _versions(self, code: str) -> list[StoredLanguage]:
        return self.registry.history(code, self.wanted.new.name) if code in self.there else []


def expect_no_checkpoints(chains: Sequence[Sequence[Item]], new: ModelRecord) -> None:
    """Refuse to begin anew what was interrupted.

    Raises:
        ConflictError: A language has a checkpoint.
    """
    for item in (items[0] for items in chains):
        folder = checkpoint_of(new.name, item.code)
        if item.state == TO_DO and item.step.method == TEXT and folder.is_dir():
            raise ConflictError(
                f"an interrupted run of {item.code!r} has left a checkpoint: go on with --resume, or remove {folder}"
            )


def _lost(item: Item, last: str | None, finder: "Finder") -> str:
    """Which text is not found, and where it was."""
    text = f"its text (hash {item.hash[:12]}…) is not found"
    if not last:
        where = "where it was is not kept"
    elif (other := finder.hash_of(Path(last))) is not None:
        where = f"{last} holds another one now, hash {other[:12]}…"
    else:
        where = f"last in {last}"
    return f"{text} ({where}): give it with --text {item.code}=FILE, or its folder with --texts"
