"""A record's story in sentences, and versions as a tree."""

from dataclasses import replace
from typing import Any

import numpy as np

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.cli.language_story import story, tree
from hyperx_cl.registry.records import LoadedLanguage, StoredLanguage
from tests.cli.test_language_table import KINDS, LOSSES, MODEL, stored


def version(number: int, parent: int | None, *, current: bool = False, **facts: Any) -> StoredLanguage:
    """One of several versions; its hash tells its number."""
    mark = f"{parent:064x}" if parent is not None else None
    return replace(stored("mt", number, **facts), hash=f"{number:064x}", parent=mark, current=current)


def test_each_version_stands_below_the_one_it_was_learnt_from() -> None:
    versions = [
        version(1, None), version(2, 1, losses=LOSSES), version(3, 2, method="fewshot", n=20, task="pos", after=0.7),
        version(4, 1, current=True), version(5, 99), version(6, 3),
    ]  # fmt: skip
    grid = tree(versions)
    assert [row[0] for row in grid.rows] == ["1", "├─ 2", "│  └─ 3", "│     └─ 6", "└─ 4 *", "5"]
    assert [row[2] for row in grid.rows][:3] == ["", "loss 4.12→3.20", "20 sentences; pos 70.0"]
    assert max(map(len, grid.lines(80))) <= 80


def test_versions_that_name_each_other_as_parents_are_shown_all_the_same() -> None:
    rows = tree([version(1, 2), version(2, 1), version(3, 3), version(4, None)]).rows
    assert [row[0] for row in rows] == ["4", "1", "└─ 2", "3"]


def test_the_story_tells_everything_that_is_known() -> None:
    facts = {
        "seed": 3, "steps": 720, "tokens": 1_000_000, "seconds": 812.4, "source": "Maltese Wikipedia", "author": "me",
        "licence": "CC-BY-SA-4.0", "hyperx_cl": "0.1.0", "losses": LOSSES, "scores": {"pos": 0.51},
        "text": {"lines": {"train": 6500, "stop": 500}}, "corrections": [{}],
    }  # fmt: skip
    tensors = {"embedding": np.ones(64, np.float32), "pair.pos.embedding": np.ones(64, np.float32)}
    one, two = version(1, None, method="joint"), version(2, 1, current=True, **facts)
    lines = story(LoadedLanguage(LanguageRecord("mt", "a1" * 32, tensors, {}), two), [one, two], MODEL, KINDS)
    assert lines == [
        "Maltese (mt): Afro-Asiatic › Semitic › Arabian › North African Arabic; Latn; not in the pretraining of mbert. "
        "Version 2 of 2, in use.",
        "Made on 2026-11-22 by me by mlm, from version 1 (joint): 720 steps, 1,000,000 tokens, 812 s, seed 3 "
        "(hyperx-cl 0.1.0).",
        "Learnt from: source Maltese Wikipedia; licence CC-BY-SA-4.0; lines train 6,500, stop 500. "
        "Said anew 1 times, see corrections.",
        "MLM loss on the report part: random 6.000, mean 4.123, nearest 4.000, learnt 3.200.",
        "Scores in %: pos 51.0.",
        "It holds 128 numbers (embedding 64, pair pos 64).",
        "It belongs to model mbert-d32 (a1a1a1a1a1a1) on backbone mbert.",
    ]


def test_a_story_of_few_facts_is_short() -> None:
    lone = replace(stored("qaa", 1, method="like"), parent="77" * 32, current=False)
    record = LanguageRecord("qaa", "a1" * 32, {"embedding": np.ones(4, np.float32)}, {})
    lines = story(LoadedLanguage(record, lone), [lone], MODEL, {})
    assert lines[0] == "private language qaa (qaa). Version 1 of 1, not in use."
    assert "from 777777777777, which is not among its versions" in lines[1]
    assert len(lines) == 4
