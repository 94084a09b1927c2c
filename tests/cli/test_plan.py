"""What a base training would train, out of a data root and a few words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.cli.plan import Plan, make_plan, sizes
from hyperx_cl.data.root import DataRoot
from hyperx_cl.errors import NotFoundError, UsageError

ALL: dict[str, str | None] = {"mlm": None, "pos": None, "ner": None}
Make = Callable[..., Plan]


@pytest.fixture
def make(root: Path) -> Make:
    return lambda wanted=ALL, **words: make_plan(DataRoot(root), wanted, **words)


def test_everything_that_there_is(make: Make) -> None:
    plan = make()
    assert plan.languages == {task: ["en", "mt", "tr"] for task in ("mlm", "pos", "ner")}
    assert plan.codes == ["en", "mt", "tr"]


def test_lists_none_and_leave_out(make: Make) -> None:
    plan = make({"mlm": "none", "pos": "tur,en", "ner": None}, leave_out="mt")
    assert plan.languages == {"pos": ["tr", "en"], "ner": ["en", "tr"]}
    assert set(plan.tasks) == {"pos", "ner"}


def test_a_language_without_a_training_file_is_not_chosen_by_itself(tmp_path: Path) -> None:
    for name in ("en/train", "tr/test"):
        file = tmp_path / "ud" / f"{name}.conllu"
        file.parent.mkdir(parents=True)
        file.write_text("")
    assert make_plan(DataRoot(tmp_path), {"pos": None}).languages == {"pos": ["en"]}
    with pytest.raises(NotFoundError, match="nothing to train pos in tr: it has en"):
        make_plan(DataRoot(tmp_path), {"pos": "tr"})


def test_folders_have_canonical_codes(tmp_path: Path) -> None:
    file = tmp_path / "ud" / "eng" / "train.conllu"
    file.parent.mkdir(parents=True)
    file.write_text("")
    with pytest.raises(UsageError, match="calls a language 'eng': rename it to 'en'"):
        make_plan(DataRoot(tmp_path), {"pos": None})


def test_own_tasks(make: Make, root: Path) -> None:
    plan = make({"pos": "en"}, own=["xpos=en", "case=tr"], columns=["case=feats.Case"])
    assert {name: (task.kind, task.column) for name, task in plan.tasks.items()} == {
        "pos": ("words", "upos"), "xpos": ("words", "xpos"), "case": ("words", "feats.Case"),
    }  # fmt: skip
    other = make({"pos": "en"}, columns=["pos=xpos"])
    assert (other.tasks["pos"].column, other.tasks["pos"].labels) == ("xpos", ())
    counts, complete = sizes(DataRoot(root), other)
    assert counts == {("pos", "en"): 30}
    assert complete.tasks["pos"].labels == ("A", "N", "P", "V")


def test_a_folder_of_iob2_files_is_a_task_of_spans(tmp_path: Path) -> None:
    for folder in ("ud/en", "chunks/en"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "chunks" / "en" / "train.conll").write_text("the\tB-NP\n\n")
    plan = make_plan(DataRoot(tmp_path), {}, own=["chunks=en"])
    assert plan.tasks["chunks"].kind == "spans"


def test_label_maps_for_all_and_for_one(make: Make) -> None:
    tasks = make(label_maps=["MISC=O", "pos:X=NOUN", ":=PUNCT"]).tasks
    assert tasks["ner"].label_map == {"MISC": "O", ":": "PUNCT"}
    assert tasks["pos"].label_map == {"MISC": "O", "X": "NOUN", ":": "PUNCT"}
    assert tasks["mlm"].label_map == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"own": ["pos=en"]}, "choose its languages with --pos"),
        ({"own": ["a=en", "b=en"], "columns": ["xpos"]}, "say for which task, as in --column a=xpos"),
        ({"columns": ["dep=deprel"]}, "there is no task 'dep' with labels"),
        ({"label_maps": ["MISC"]}, "--label-map MISC: this is not of the form OLD=NEW"),
        ({"leave_out": "en,tr,mt"}, "there is nothing to train"),
    ],
)
def test_refused(make: Make, words: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        make(**words)
