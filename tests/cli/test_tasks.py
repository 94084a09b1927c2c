"""The tasks of a model, listed; removing one that was learnt is tested where one is learnt."""

from pathlib import Path

from tests.cli.conftest import Cli


def test_tasks_of_base_training_are_listed(cli: Cli, stocked: Path) -> None:
    ended = cli("tasks", "list", "--json")
    assert ended.code == 0 and ended.data["model"] == "tiny"
    assert [(t["task"], t["kind"], t["method"], len(t["labels"])) for t in ended.data["tasks"]] == [
        ("mlm", "mlm", "joint", 0), ("ner", "spans", "joint", 7), ("pos", "words", "joint", 17),
    ]  # fmt: skip
    assert cli("tasks", "list").out.splitlines()[0] == "task\tkind\tlabels\tcolumn\tmethod"


def test_only_learnt_tasks_can_be_removed(cli: Cli, stocked: Path) -> None:
    ended = cli("tasks", "remove", "pos", "--yes")
    assert ended.code == 3 and "no task 'pos' was added to model 'tiny'" in ended.err
    assert ended.err.count("\n") == 1
