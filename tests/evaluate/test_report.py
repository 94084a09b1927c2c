"""Reports: averages over groups, and the same numbers in Markdown, CSV and JSON."""

import csv
import io
import json
from dataclasses import replace

import pytest

from hyperx_cl.errors import ConflictError, DataError
from hyperx_cl.evaluate.metrics import MLM_LOSS, NER_F1, POS_ACCURACY
from hyperx_cl.evaluate.report import PairScore, averages, from_json, table, to_csv, to_json, to_markdown

PIECES = ("words with UNK, %", "pieces per word")


def score(language: str, value: float, seen: bool | None, *, metric: str = POS_ACCURACY) -> PairScore:
    task = {POS_ACCURACY: "pos", NER_F1: "ner", MLM_LOSS: "mlm"}[metric]
    return PairScore(task, language, metric, value, value - 0.01, value + 0.02, 10, 200, seen)


SCORES = [
    score("en", 0.9, True),
    score("tr", 0.8, True),
    score("mt", 0.5, False),
    score("qaa", 0.4, None),
    score("mt", 0.25, False, metric=NER_F1),
    score("mt", 3.21, False, metric=MLM_LOSS),
]


def test_averages_over_seen_unseen_and_all() -> None:
    found = {(a.task, a.group): a for a in averages(SCORES)}
    assert found["pos", "seen"].languages == ("en", "tr")
    assert found["pos", "seen"].value == pytest.approx(0.85)
    assert (found["pos", "unseen"].value, found["pos", "unseen"].languages) == (0.5, ("mt",))
    assert found["pos", "all"].languages == ("en", "tr", "mt", "qaa")
    assert found["pos", "all"].value == pytest.approx(0.65)
    assert ("ner", "seen") not in found
    assert len(found) == 7


def test_a_pair_scored_twice_is_refused() -> None:
    with pytest.raises(ConflictError, match="pos of 'mt' was scored twice"):
        averages([score("mt", 0.5, False), score("mt", 0.6, False)])


def test_table_has_a_row_a_language_and_a_column_a_metric() -> None:
    shown = table(SCORES)
    assert shown.header == (
        "language", "seen", f"pos: {POS_ACCURACY}", f"ner: {NER_F1}", f"mlm: {MLM_LOSS}", *PIECES,
    )  # fmt: skip
    assert shown.languages[0] == ("en", "seen", "90.0 [89.0, 92.0]", "", "", "", "")
    assert shown.languages[2] == (
        "mt", "unseen", "50.0 [49.0, 52.0]", "25.0 [24.0, 27.0]", "3.210 [3.200, 3.230]", "", "",
    )  # fmt: skip
    assert shown.languages[3][:2] == ("qaa", "?")
    assert shown.averages[0] == ("average of seen", "", "85.0 (n=2)", "", "", "", "")
    assert [row[0] for row in shown.averages] == ["average of seen", "average of unseen", "average of all"]


def test_pieces_are_counted_over_the_words_of_every_task_s_file_once() -> None:
    pos = PairScore("pos", "mt", POS_ACCURACY, 0.5, 0.4, 0.6, 10, 300, False, 1, 0.02, 1.5)
    raw = replace(pos, metric="UPOS aligned F1", unknown_rate=0.9)  # of the same file
    ner = replace(pos, task="ner", metric=NER_F1, words=100, unknown_rate=0.1, pieces_per_word=2.5)
    (row,) = table([pos, raw, ner, score("mt", 3.21, False, metric=MLM_LOSS)]).languages
    assert row[-2:] == ("4.0", "1.75")


def test_versions_show_where_they_agree() -> None:
    second = PairScore("pos", "mt", POS_ACCURACY, 0.5, 0.4, 0.6, 1, 1, False, version=2)
    assert table([second]).languages[0][0] == "mt v2"


def test_markdown_rows_are_complete() -> None:
    full = PairScore("pos", "mt", "odd | name", 0.5, 0.4, 0.6, 12, 345, False, 1, 0.021, 1.987)
    lines = to_markdown([full]).splitlines()
    assert lines[0] == f"| language | seen | pos: odd \\| name | {' | '.join(PIECES)} |"
    assert lines[2] == "| mt v1 | unseen | 50.0 [40.0, 60.0] | 2.1 | 1.99 |"
    assert lines[3] == "| **average of unseen** |  | **50.0 (n=1)** |  |  |"
    assert lines[-1] == "| pos | mt | odd \\| name | 12 | 345 | 2.1 % | 1.99 |"


def test_csv_holds_scores_then_averages() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(SCORES))))
    assert [row["row"] for row in rows] == ["score"] * 6 + ["average"] * 7
    assert rows[0]["language"] == "en" and float(rows[0]["value"]) == 0.9 and rows[0]["seen"] == "true"
    assert rows[3]["seen"] == "" and rows[0]["version"] == ""
    assert (rows[6]["group"], rows[6]["language"]) == ("seen", "en tr")


def test_json_comes_back() -> None:
    text = to_json(SCORES, about={"seed": 3})
    content = json.loads(text)
    assert content["schema_version"] == 1 and content["about"] == {"seed": 3}
    assert content["averages"][0]["languages"] == ["en", "tr"]
    assert from_json(text) == SCORES


def test_other_json_is_refused() -> None:
    for text in ("{", "[]", "{}", '{"schema_version": 1, "scores": [{"odd": 1}]}'):
        with pytest.raises(DataError, match="not a score report"):
            from_json(text)
    with pytest.raises(DataError, match="schema_version 9"):
        from_json('{"schema_version": 9, "scores": []}')


def test_nothing_scored_is_an_empty_table() -> None:
    assert table([]).languages == () and averages([]) == []
    assert to_markdown([]).startswith("| language | seen |")
