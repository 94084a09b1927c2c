"""A model on disk and a language as a record: the same bits again, and nothing that does not belong together."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertForMaskedLM,
    BertForPreTraining,
    BertModel,
    PreTrainedModel,
)

from hyperx_cl.artefact import LanguageRecord, load_record, save_record
from hyperx_cl.errors import ConflictError, DataError, NetworkError, NotFoundError
from hyperx_cl.model.backbone import load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.language import Slot
from hyperx_cl.model.storage import read_config
from tests.model.building import batch, build


@pytest.mark.parametrize("fixture", ["tiny_backbone", "tiny_xlmr"])
def test_loaded_again_gives_the_same_bits(fixture: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(fixture)
    model = build(folder, language_part=4, adapter_norm=True)
    mark = model.save_pretrained(tmp_path / "model")
    loaded = HyperX.from_pretrained(tmp_path / "model", backbone=str(folder))
    assert loaded.fingerprint() == mark == model.fingerprint()
    assert loaded.options == model.options and loaded.tasks == model.tasks and loaded.languages() == model.languages()
    assert not loaded.training
    for task in ("pos", "ner", "mlm"):
        given = batch(model, task, "ug")
        assert torch.equal(model(given).logits[0], loaded(given).logits[0])
    assert loaded.save_pretrained(tmp_path / "again") == mark
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (
        tmp_path / "model" / "model.safetensors"
    ).read_bytes()
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]


def test_the_file_holds_nothing_of_the_backbone(tiny_backbone: Path, tmp_path: Path) -> None:
    model = build(tiny_backbone)
    model.new_language("fo", torch.zeros(8), rank=2)
    model.save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    assert set(stored) == set(model.saved_tensors()) and not any(name.startswith("added.") for name in stored)
    frozen = {tuple(value.shape): value for value in model.backbone.encoder.parameters() if value.ndim == 2}
    for value in stored.values():
        same = frozen.get(tuple(value.shape))
        assert same is None or not torch.equal(value, same)
    assert model.backbone.word_embeddings.shape not in {value.shape for value in stored.values()}
    assert read_config(tmp_path)["backbone"]["fingerprint"] == model.backbone.info.fingerprint


def test_the_backbone_s_fingerprint_does_not_depend_on_files(tiny_backbone: Path, tmp_path: Path) -> None:
    exact = load_backbone(str(tiny_backbone)).info.fingerprint
    _save(BertForMaskedLM.from_pretrained(tiny_backbone), tiny_backbone, tmp_path / "sharded", max_shard_size="20KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 3
    _save(BertForPreTraining.from_pretrained(tiny_backbone), tiny_backbone, tmp_path / "pooler")
    assert any("pooler" in name for name in load_file(tmp_path / "pooler" / "model.safetensors"))
    for variant in ("sharded", "pooler"):
        assert load_backbone(str(tmp_path / variant)).info.fingerprint == exact
    _save(BertModel.from_pretrained(tiny_backbone), tiny_backbone, tmp_path / "bare-pooler")
    _save(BertModel.from_pretrained(tiny_backbone, add_pooling_layer=False), tiny_backbone, tmp_path / "bare")
    bare = load_backbone(str(tmp_path / "bare")).info.fingerprint
    assert load_backbone(str(tmp_path / "bare-pooler")).info.fingerprint == bare != exact


def test_the_fingerprint_is_remembered_and_follows_the_file(tiny_backbone: Path, tmp_path: Path, home: Path) -> None:
    shutil.copytree(tiny_backbone, tmp_path, dirs_exist_ok=True)
    first = load_backbone(str(tmp_path)).info.fingerprint
    (kept,) = (home / "cache" / "fingerprints").iterdir()
    assert kept.read_text() == first
    kept.write_text("0" * 64)
    assert load_backbone(str(tmp_path)).info.fingerprint == "0" * 64  # read, not hashed again
    weights = load_file(tmp_path / "model.safetensors")
    weights["bert.embeddings.LayerNorm.bias"] += 1
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert load_backbone(str(tmp_path)).info.fingerprint not in (first, "0" * 64)


def test_another_backbone_is_refused_with_both_hashes(tiny_backbone: Path, tmp_path: Path) -> None:
    model = build(tiny_backbone)
    model.save_pretrained(tmp_path / "model")
    other = AutoModelForMaskedLM.from_pretrained(tiny_backbone)
    with torch.no_grad():
        other.bert.encoder.layer[1].output.dense.bias[0] += 1e-3
    _save(other, tiny_backbone, tmp_path / "other")
    wrong = load_backbone(str(tmp_path / "other"))
    right = model.backbone.info.fingerprint
    with pytest.raises(ConflictError, match=f"{right}.*but other has {wrong.info.fingerprint}; give the right one"):
        HyperX.from_pretrained(tmp_path / "model", backbone=wrong)


@pytest.mark.parametrize("place", ["here", "within", "beside"])
def test_a_backbone_s_folder_is_found_where_its_name_is(
    place: str, tiny_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, here = tmp_path / "models" / "one", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    mark = build(tiny_backbone).save_pretrained(folder)
    target = {"here": here, "within": folder, "beside": folder.parent}[place]
    shutil.copytree(tiny_backbone, target / tiny_backbone.name)
    assert HyperX.from_pretrained(folder).fingerprint() == mark
    weights = load_file(target / tiny_backbone.name / "model.safetensors")
    weights["bert.embeddings.LayerNorm.bias"] += 1
    save_file(weights, target / tiny_backbone.name / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConflictError, match="was trained on backbone"):  # another folder of that name
        HyperX.from_pretrained(folder)


def test_a_backbone_s_folder_that_is_not_here_is_asked_for(tiny_backbone: Path, tmp_path: Path) -> None:
    folder = tmp_path / tiny_backbone.name  # the model's own folder is not taken for its backbone's
    build(tiny_backbone).save_pretrained(folder)
    said = rf"backbone '{tiny_backbone.name}', which is neither a folder here .*backbone=DIR\), or --backbone DIR"
    with pytest.raises(NetworkError, match=said):
        HyperX.from_pretrained(folder)
    assert HyperX.from_pretrained(folder, backbone=str(tiny_backbone)).languages() == ["en", "mt", "ug"]


def test_no_model_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no model in .*: it needs config\.json and model\.safetensors"):
        HyperX.from_pretrained(tmp_path)


def test_damaged_weights(tiny_backbone: Path, tmp_path: Path) -> None:
    model = build(tiny_backbone)
    model.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"model\.safetensors is damaged or incomplete"):
        HyperX.from_pretrained(tmp_path, backbone=model.backbone)
    file.write_bytes(whole[:-4] + b"\0\0\0\1")
    with pytest.raises(DataError, match="does not have the fingerprint in its"):
        HyperX.from_pretrained(tmp_path, backbone=model.backbone)
    save_file({"hypernetwork.generator.weight": torch.zeros(3)}, file)
    with pytest.raises(DataError, match="is damaged or incomplete: .*size mismatch"):
        HyperX.from_pretrained(tmp_path, backbone=model.backbone)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "hyperx-cl/model@2"}, "has format 'hyperx-cl/model@2', this version reads .*update hyperx-cl"),
        ({"tasks": None}, "is not the configuration of a hyperx-cl model"),
        ({"model": {"bottleneck": 6, "sparkle": 1}}, "describes a model that this version does not know: .*sparkle"),
        ({"tasks": [{"name": "pos", "kind": "trees"}]}, "does not know: .*'trees'"),
    ],
)
def test_another_configuration(tiny_backbone: Path, tmp_path: Path, change: dict[str, object], message: str) -> None:
    model = build(tiny_backbone)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | change
    (tmp_path / "config.json").write_text(json.dumps({key: v for key, v in config.items() if v is not None}))
    with pytest.raises(DataError, match=message):
        HyperX.from_pretrained(tmp_path, backbone=model.backbone)


@pytest.mark.parametrize("text", ["", "[1, 2]", "\xff", "{"])
def test_a_configuration_that_is_none(tiny_backbone: Path, tmp_path: Path, text: str) -> None:
    build(tiny_backbone).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match="is not the configuration of a hyperx-cl model; copy or train it again"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"model": [1]}, {"tasks": 5}, {"tasks": ["pos"]}, {"languages": [1]}, {"languages": None},
        {"backbone": "mbert"}, {"backbone": {"id": "mbert"}},
        {"backbone": {"id": 1, "revision": None, "fingerprint": "0"}},
        {"fingerprint": None}, {"languages": ["e.n"]}, {"model": {"bottleneck": "wide"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_configuration_with_other_kinds_of_values(
    tiny_backbone: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    model = build(tiny_backbone)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match=f"{tmp_path}/config.json .* again"):
        HyperX.from_pretrained(tmp_path, backbone=model.backbone)


def test_the_fingerprint_says_what_a_model_is(tiny_backbone: Path) -> None:
    backbone = load_backbone(str(tiny_backbone))
    model = build(backbone)
    mark = model.fingerprint()
    model.new_language("fo", torch.ones(8), rank=2)
    assert model.fingerprint() == mark  # added languages are no part of it
    with torch.no_grad():
        model.get_parameter("heads.pos.bias")[0] += 1e-6
    assert model.fingerprint() != mark
    others = [
        build(backbone, placement="layer"),
        build(backbone, languages=("en", "mt", "xx")),
        build(backbone, seed=1),
    ]
    assert len({mark, *(other.fingerprint() for other in others)}) == 4


def test_a_forgotten_language_is_out_of_use_and_still_part_of_the_file(tiny_backbone: Path, tmp_path: Path) -> None:
    model = build(tiny_backbone, language_part=2)
    mark, record = model.save_pretrained(tmp_path / "before"), model.record("mt", {})
    given = batch(model, "pos", "mt")
    model.new_language("mt", torch.ones(8))
    model.forget("mt")
    assert model.languages() == ["en", "ug"] and list(model.base) == ["en", "ug"] and not len(model.added)
    with pytest.raises(NotFoundError, match="no language 'mt'"):
        model(given)
    for code in ("mt", "fo"):
        with pytest.raises(NotFoundError, match=f"no language '{code}'"):
            model.forget(code)
    assert model.fingerprint() == mark == model.save_pretrained(tmp_path / "after")
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "after" / name).read_bytes() == (tmp_path / "before" / name).read_bytes()
    assert HyperX.from_pretrained(tmp_path / "after", backbone=model.backbone).languages() == ["en", "mt", "ug"]
    model.attach(record)  # learnt again, it is in use again
    assert model.languages() == ["en", "mt", "ug"] and list(model.base) == ["en", "ug"]
    model.forget("mt")
    assert model.languages() == ["en", "ug"]


def test_a_record_gives_the_language_back(tiny_backbone: Path, tmp_path: Path) -> None:
    model = build(tiny_backbone, language_part=4)
    added = model.new_language("fo", torch.randn(8), rank=3)
    added.pairs["pos"] = Slot(torch.randn(8), build(model.backbone, language_part=2).language("en").own.part)
    with torch.no_grad():
        for parameter in added.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    record = model.record("fo", {"source": "a test"})
    assert record.tasks == ("pos",) and record.model == model.fingerprint()
    record = load_record(save_record(record, tmp_path / "records"))
    model.save_pretrained(tmp_path / "model")
    loaded = HyperX.from_pretrained(tmp_path / "model", backbone=model.backbone)
    loaded.attach(record)
    assert loaded.languages() == ["en", "fo", "mt", "ug"]
    assert loaded.fingerprint() == model.fingerprint()
    for task in ("pos", "ner", "mlm"):
        given = batch(model, task, "fo")
        assert torch.equal(model(given).logits[0], loaded(given).logits[0])
    again = loaded.record("fo", {})
    assert again.hash == record.hash
    assert all(np.array_equal(again.tensors[name], value) for name, value in record.tensors.items())
    assert loaded.record("en", {}).tensors["part.up"].shape == (3, 32, 4)


def test_a_pair_s_own_vector_acts_for_that_task_alone(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    tagged, masked = batch(model, "pos", "mt"), batch(model, "mlm", "mt")
    before = model(tagged).logits[0], model(masked).logits[0]
    model.language("mt").pairs["pos"] = Slot(torch.randn(8))
    assert not torch.equal(model(tagged).logits[0], before[0])
    assert torch.equal(model(masked).logits[0], before[1])


def test_a_new_part_changes_nothing_yet(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    given = batch(model, "mlm", "fo")
    vector = model.language("mt").own.embedding.detach()
    model.new_language("fo", vector)
    plain = model(given).logits[0]
    model.new_language("fo", vector, rank=4)
    torch.testing.assert_close(model(given).logits[0], plain, rtol=0, atol=1e-6)


def test_a_record_of_another_model_is_refused(tiny_backbone: Path) -> None:
    model, other = build(tiny_backbone), build(tiny_backbone, seed=1)
    record = other.record("mt", {})
    with pytest.raises(ConflictError, match=f"'mt' belongs to model {record.model[:12]}.*`hyperx-cl add-language`"):
        model.attach(record)
    assert model.languages() == ["en", "mt", "ug"] and not len(model.added)


@pytest.mark.parametrize(("name", "shape"), [("embedding", (9,)), ("part.down", (3, 2, 31)), ("part.down", (4, 2, 32))])
def test_a_record_of_other_sizes_is_refused(tiny_backbone: Path, name: str, shape: tuple[int, ...]) -> None:
    model = build(tiny_backbone)
    tensors = {"embedding": np.zeros(8, np.float32)}
    if name == "part.down":
        layers, rank, hidden = shape
        tensors |= {
            "part.down": np.zeros(shape, np.float32),
            "part.down_bias": np.zeros((layers, rank), np.float32),
            "part.up": np.zeros((layers, hidden, rank), np.float32),
        }
    else:
        tensors[name] = np.zeros(shape, np.float32)
    with pytest.raises(DataError, match=f"record of 'fo' does not fit this model: {name} has shape"):
        model.attach(LanguageRecord("fo", model.fingerprint(), tensors, {}))


def test_unknown_language_and_task_are_named_with_their_neighbours(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    with pytest.raises(NotFoundError, match=r"no language 'mtt' \(did you mean 'mt'\?\).*add-language mtt --mlm FILE"):
        model.language("mtt")
    with pytest.raises(NotFoundError, match=r"no task 'poss' \(did you mean 'pos'\?\); it has mlm, ner, pos"):
        model.task("poss")


def _save(model: PreTrainedModel, source: Path, folder: Path, **options: Any) -> None:
    model.save_pretrained(folder, **options)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
