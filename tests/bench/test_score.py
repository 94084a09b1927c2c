"""Gold of a cell: read as the language is read at the moment, before and after it has a token patch."""

from pathlib import Path

from hyperx_cl.bench.score import Gold
from hyperx_cl.data.batches import Pair
from hyperx_cl.data.root import DataRoot
from hyperx_cl.evaluate.suite import evaluate_pairs
from tests.model.building import build
from tests.model.test_tokenpatch import patch
from tests.taggers import conllu


def test_gold_is_read_with_the_token_patch_as_soon_as_there_is_one(tiny_backbone: Path, tmp_path: Path) -> None:
    (tmp_path / "ud" / "mt").mkdir(parents=True)
    tags = {"ŵan": "NOUN", "əl": "DET", "tin": "VERB", "aŵ": "ADV", "ŵŵ": "X", "la": "NOUN"}
    gold = conllu("ŵan əl tin aŵ", "la ŵŵ əl", "ŵan la tin", tags=tags.__getitem__)
    (tmp_path / "ud" / "mt" / "test.conllu").write_text(gold, encoding="utf-8")
    model, root = build(tiny_backbone), DataRoot(tmp_path)
    scored = Gold(root, "mt", model)
    before = scored.counts(model, "pos")["pos"].value
    assert before == evaluate_pairs(model, root, [Pair("pos", "mt")])[0].value
    patch(model, "mt")
    after = scored.counts(model)["pos"].value
    assert after == evaluate_pairs(model, root, [Pair("pos", "mt")])[0].value
    model.forget("mt")
    assert list(scored.hashes) == ["pos"]
