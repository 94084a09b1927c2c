"""Notes: what two know of one record is united, and nothing is lost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.errors import DataError
from hyperx_cl.share.index import Index, entry_of, ordered
from hyperx_cl.share.layout import is_repo_id, limit_of, places
from hyperx_cl.share.note import Note
from hyperx_cl.share.packed import pack_language
from hyperx_cl.share.travel import travelling
from tests.sharing import language

MARK = "a1" * 32


def score(task: str = "pos", value: float = 0.5, at: str = "2026-01-01", of: str = MARK) -> dict[str, object]:
    return {
        "task": task, "metric": "accuracy", "value": value, "low": value, "high": value, "split": "test",
        "of": of, "at": at
    }  # fmt: skip


def note(*scores: dict[str, object], licences: tuple[str, ...] = ("CC0-1.0",), **more: object) -> Note:
    record = travelling(language(MARK, **more))  # type: ignore[arg-type]
    return pack_language(record, licences=licences, scores=scores).note


def test_a_note_comes_back_as_it_was() -> None:
    told = note(score())
    assert Note.from_bytes(told.to_bytes(), told.place, "it") == told
    with pytest.raises(DataError, match="another record"):
        Note.from_bytes(told.to_bytes(), replace(told.place, name="ug"), "it")


def test_the_later_score_goes_before_and_other_scores_stay() -> None:
    one, other = note(score(value=0.5)), note(score(value=0.6, at="2026-02-02"), score("ner"), licences=("MIT",))
    for joined in (one.joined(other), other.joined(one)):
        assert [(s["task"], s["value"]) for s in joined.scores] == [("ner", 0.5), ("pos", 0.6)]
        assert joined.licences == ("CC0-1.0", "MIT")


def test_a_correction_of_the_licence_arrives_and_is_not_undone() -> None:
    old = note()
    corrected = note(
        licence="CC-BY-4.0", corrections=[{"was": {"licence": "CC-BY-SA-4.0"}, "is": {"licence": "CC-BY-4.0"}}]
    )
    for joined in (old.joined(corrected), corrected.joined(old)):
        assert joined.provenance["licence"] == "CC-BY-4.0"
        assert len(joined.provenance["corrections"]) == 1


@given(st.lists(st.sampled_from("abcd"), max_size=4), st.lists(st.sampled_from("abcd"), max_size=4))
def test_joining_is_done_after_once(first: list[str], second: list[str]) -> None:
    one, other = note(*map(score, first)), note(*map(score, second), licences=("MIT",))
    joined = one.joined(other)
    assert one.joined(joined).to_bytes() == other.joined(joined).to_bytes() == joined.to_bytes()


def test_versions_stand_with_those_that_nobody_was_learnt_from_first() -> None:
    first = entry_of(note(created="2026-05-05"))
    second = entry_of(note(seed=7, created="2026-02-02", parent=first["hash"]))
    second["told"]["parent"] = first["hash"]
    assert [row["hash"] for row in ordered([first, second])] == [second["hash"], first["hash"]]


def test_an_index_is_read_as_far_as_it_is_one() -> None:
    told = note(score())
    index = Index({told.place: entry_of(told)})
    assert Index.from_bytes(index.to_bytes()) == index
    for data in (b"", b"{}", b"[]", b'{"format": "hyperx-cl/pack@1", "records": [{"kind": 1}], "model": 3}'):
        assert Index.from_bytes(data) == Index()


def test_names_of_the_layout_and_no_others_are_known() -> None:
    good = f"languages/mt/{MARK}"
    names = [f"{good}.json", f"{good}.safetensors", f"languages/ug/{MARK}.json", f"languages/../{MARK}.json", "x.py"]
    assert [place.name for place in places(names)] == ["mt"]
    assert [limit_of(name) is None for name in names] == [False, False, False, True, True]
    assert [is_repo_id(name) for name in ("a/b", "a/b.c-d_e", "a", "a/b/c", "../b", "a/..", "a/b c", "")] == [
        True, True, *[False] * 6
    ]  # fmt: skip
