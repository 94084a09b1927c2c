"""What a base training would train: tasks, and for each its languages, out of a data root and a few words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hyperx_cl.cli.words import codes, pairs
from hyperx_cl.data.files import numbered_lines
from hyperx_cl.data.root import DataRoot
from hyperx_cl.data.tasks import Task, builtin, label_set
from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.languages import canonical

COLUMNS = ("xpos", "deprel", "lemma", "feats", "misc")
"""Names of tasks that read the column of their name unless told otherwise."""


@dataclass(frozen=True)
class Plan:
    """Tasks by name, and the languages of each."""

    tasks: dict[str, Task]
    languages: dict[str, list[str]]

    @property
    def codes(self) -> list[str]:
        """All languages, sorted."""
        return sorted({code for chosen in self.languages.values() for code in chosen})


def make_plan(
    root: DataRoot,
    wanted: Mapping[str, str | None],
    *,
    own: Sequence[str] = (),
    columns: Sequence[str] = (),
    label_maps: Sequence[str] = (),
    leave_out: str | None = None,
) -> Plan:
    """Choose tasks and languages; files are looked for, none is read.

    Args:
        root: The data.
        wanted: For ``mlm``, ``pos`` and ``ner`` a list of languages as typed, ``none``, or None for all that there are.
        own: ``NAME=LANGUAGES`` of other tasks.
        columns: ``NAME=COLUMN``, or ``COLUMN`` where there is one other task.
        label_maps: ``OLD=NEW`` for all tasks with labels, or ``TASK:OLD=NEW`` for one.
        leave_out: Languages that no task is trained in.

    Raises:
        NotFoundError: An unknown language, or one without a training file that was asked for.
        UsageError: Words that make no sense, a folder under another than the canonical code, or nothing to train.
    """
    chosen = {name: (builtin(name), text) for name, text in wanted.items()}
    for name, text in pairs(own, flag="--task", form="NAME=LANGUAGES, such as xpos=en,tr"):
        if name in chosen:
            raise UsageError(f"--task {name}: this task is there already, choose its languages with --{name}")
        chosen[name] = (_own_task(root, name), text)
    tasks = {name: task for name, (task, _) in chosen.items()}
    tasks |= _with_columns(tasks, [name for name in tasks if name not in wanted], columns)
    tasks = with_label_maps(tasks, label_maps)
    left_out = set(codes(leave_out))
    languages: dict[str, list[str]] = {}
    for name, (_, listed) in chosen.items():
        if found := [code for code in _languages(root, name, listed) if code not in left_out]:
            languages[name] = found
    if not languages:
        raise UsageError(f"there is nothing to train: {root.path} has no training file for what is left")
    return Plan({name: tasks[name] for name in languages}, languages)


def sizes(root: DataRoot, plan: Plan) -> tuple[dict[tuple[str, str], int], Plan]:
    """Read every training file: sentences, or lines of text, by (task, language); and the plan with its label sets.

    Raises:
        DataError: A file cannot be used.
    """
    counts: dict[tuple[str, str], int] = {}
    tasks = dict(plan.tasks)
    for name, found in plan.languages.items():
        labels: set[str] = set()
        for code in found:
            if tasks[name].kind == "mlm":
                text = root.text(code)
                counts[name, code] = sum(bool(line.strip()) for _, line in numbered_lines(text)) if text else 0
            else:
                sentences = root.load(plan.tasks[name], code, "train")
                counts[name, code] = len(sentences)
                labels |= set(label_set(sentences))
        if labels and not tasks[name].labels:
            tasks[name] = replace(tasks[name], labels=tuple(sorted(labels)))
    return counts, Plan(tasks, plan.languages)


def with_label_maps(tasks: Mapping[str, Task], label_maps: Sequence[str]) -> dict[str, Task]:
    """Let tasks rename labels when their files are read, besides what they rename already.

    Args:
        tasks: By name.
        label_maps: ``OLD=NEW`` for all tasks with labels, or ``TASK:OLD=NEW`` for one.

    Raises:
        UsageError: One has not that form.
    """
    maps: dict[str, dict[str, str]] = {name: {} for name, task in tasks.items() if task.kind != "mlm"}
    for old, new in pairs(label_maps, flag="--label-map", form="OLD=NEW, such as MISC=O"):
        task, separator, label = old.partition(":")
        for name in [task] if separator and task in maps else list(maps):
            maps[name][label if separator and task in maps else old] = new
    return {name: replace(task, label_map={**task.label_map, **maps.get(name, {})}) for name, task in tasks.items()}


def _languages(root: DataRoot, task: str, text: str | None) -> list[str]:
    there = [code for code in root.languages(task) if task == "mlm" or root.labelled(task, code, "train")]
    if text is None:
        return _canonical_folders(root, there)
    wanted = codes(text)
    missing = [code for code in wanted if code not in there]
    if missing:
        raise NotFoundError(
            f"{root.path} has nothing to train {task} in {', '.join(missing)}: "
            f"it has {', '.join(there) or 'no language'}"
        )
    return wanted


def _canonical_folders(root: DataRoot, there: Iterable[str]) -> list[str]:
    found = []
    for code in there:
        if canonical(code) != code:
            raise UsageError(f"{root.path} calls a language {code!r}: rename it to {canonical(code)!r} everywhere")
        found.append(code)
    return found


def _own_task(root: DataRoot, name: str) -> Task:
    """A task of the user's: IOB2 where it has a folder of such files, else labels of words."""
    first = next(iter(root.languages(name)), None)
    file = root.labelled(name, first, "train") if first else None
    field = name.partition(".")[0]
    column = name if field in COLUMNS else "upos"
    return Task(name, "spans" if file and file.suffix == ".conll" else "words", column=column)


def _with_columns(tasks: Mapping[str, Task], own: Sequence[str], columns: Sequence[str]) -> dict[str, Task]:
    changed: dict[str, Task] = {}
    for item in columns:
        name, separator, column = item.partition("=")
        if not separator:
            if len(own) != 1:
                raise UsageError(
                    f"--column {item}: say for which task, as in --column {own[0] if own else 'NAME'}={item}"
                )
            name, column = own[0], item
        if name not in tasks or tasks[name].kind == "mlm":
            raise UsageError(f"--column {item}: there is no task {name!r} with labels")
        labels = () if name in own or column != tasks[name].column else tasks[name].labels
        changed[name] = replace(tasks[name], column=column, labels=labels)
    return changed
