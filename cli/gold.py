"""The gold data that `evaluate` scores on: which pairs have a file, what is missing, and a hash of each."""

from collections.abc import Callable, Mapping, Sequence

from hyperx_cl.cli.loading import task_of, tasks_of
from hyperx_cl.data.examples import content_hash
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import Task
from hyperx_cl.errors import NotFoundError
from hyperx_cl.registry.records import ModelRecord
from hyperx_cl.registry.store import Registry


def choose_pairs(
    registry: Registry, record: ModelRecord, root: DataRoot, wanted: Sequence[str], tasks: Sequence[str], split: str,
    *, note: Callable[[str], None],
) -> list[tuple[str, str]]:  # fmt: skip
    """Choose (task, language) pairs that have a file: of what was asked for, of everything if nothing was.

    Args:
        registry: Knows the model's languages.
        record: The model.
        root: The gold data.
        wanted: Languages that were asked for by name.
        tasks: Tasks that were.
        split: ``dev`` or ``test``.
        note: Told what was asked for by name and has no file.

    Raises:
        NotFoundError: A language or task that the model does not have, a language without any file, or no file at all.
    """
    for code in wanted:
        registry.history(code, record.name)
    chosen = [task_of(record, name, labelling=False).name for name in tasks]
    chosen = chosen or [task.name for task in tasks_of(record).values() if task.kind != "mlm"]
    known = [stored.language for stored in registry.languages(record.name)]
    there = {name: [code for code in wanted or known if _has(root, name, code, split)] for name in chosen}
    pairs = [(name, code) for name, found in there.items() for code in found]
    if not pairs and not wanted:
        raise NotFoundError(
            f"{root.path} has no {split} file for {', '.join(chosen)} in {', '.join(known) or 'any language'}: "
            "put one there"
        )
    without = [code for code in wanted if all(code != found for _, found in pairs)]
    if without:
        have = [code for code in known if any(_has(root, name, code, split) for name in chosen)]
        raise NotFoundError(
            f"{root.path} has no {split} file for {' or '.join(chosen)} in {', '.join(without)}: "
            f"of the model's languages it has one for {', '.join(have) or 'none'}"
        )
    for name, found in there.items():
        missing = [code for code in wanted if code not in found] if wanted else []
        if missing or (name in tasks and not found):
            note(f"No {split} file for {name} in {', '.join(missing) or 'any language'}: left out.")
    return pairs


def gold_hashes(
    root: DataRoot, tasks: Mapping[str, Task], pairs: Sequence[tuple[str, str]], split: str
) -> dict[str, str]:
    """Hash what pairs are scored on: ``pos:mt`` to the SHA-256 of its sentences, for mlm of the language's whole text.

    Raises:
        DataError: A file cannot be used.
    """
    return {f"{name}:{code}": _hash(root, tasks[name], code, split) for name, code in pairs}


def _hash(root: DataRoot, task: Task, code: str, split: str) -> str:
    text = root.text(code) if task.kind == "mlm" else None
    if text is None:
        return content_hash(root.load(task, code, split))
    from hyperx_cl.data.text import read_text

    return read_text(text).sha256


def _has(root: DataRoot, task: str, code: str, split: str) -> bool:
    return (root.text(code) if task == "mlm" else root.labelled(task, code, split)) is not None
