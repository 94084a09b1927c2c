"""A token patch in a model: as if the backbone had those rows, for one language alone, and nothing else moves a bit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM

from hyperx_cl.artefact import from_bytes, load_record, save_record, to_bytes
from hyperx_cl.data.batches import Batch, Pair, collate, join
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.masking import Vocabulary, mask_generator, mask_tokens
from hyperx_cl.data.tokenpatch import find_patch
from hyperx_cl.errors import DataError
from hyperx_cl.model.backbone import Backbone, load_backbone
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches, masked_rows, masked_score
from hyperx_cl.model.language import Language, Slot
from hyperx_cl.model.tokenpatch import Patch
from tests.model.building import batch, build, mixed

LINES = ["ŵan əl aŵ tin", "əŵ la ka ŵŵ", "tin ta ə"]
TAGGED = [Sentence(tuple(line.split()), ("NOUN",) * len(line.split())) for line in LINES]


def patch(model: HyperX, *codes: str) -> HyperX:
    """Give the languages a patch each, every number of it random."""
    for seed, code in enumerate(codes):
        chance = torch.Generator().manual_seed(seed)
        pieces = find_patch(LINES, model.tokenizer, least=1)
        own = Patch.begin(pieces, model.tokenizer, model.backbone.word_embeddings, model.heads["mlm"].bias)  # type: ignore[arg-type]
        with torch.no_grad():
            for parameter in own.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=chance))
        model.added[code] = Language(Slot(torch.randn(8, generator=chance)), own)
    return model


def spelt(model: HyperX, task: str, code: str) -> Batch:
    """A batch of text that has own pieces."""
    tokenizer, pair = model.tokenizer_for(code), Pair(task, code)
    encoder = Encoder(tokenizer, max_length=32)
    if task == "mlm":
        return mask_tokens(encoder.text(LINES), pair, Vocabulary.of(tokenizer), mask_generator(1, 0), rate=0.5)
    return collate(encoder.words(TAGGED, model.tasks[task].label_ids), pair, pad_id=tokenizer.pad_token_id)


def grown(folder: Path, own: Patch) -> Backbone:
    """The backbone as if it had been made with the patch's rows and biases."""
    plain = load_backbone(str(folder))
    masked_lm = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    size = plain.info.vocabulary
    masked_lm.resize_token_embeddings(size + len(own.pieces))
    with torch.no_grad():
        masked_lm.get_input_embeddings().weight[size:] = own.embeddings
    info = plain.info.__class__(**{**vars(plain.info), "vocabulary": size + len(own.pieces)})
    return Backbone(masked_lm, plain.tokenizer, info, has_head=True)


@pytest.mark.parametrize("kind", ["tiny_backbone", "tiny_xlmr"])
def test_it_is_as_if_the_backbone_had_those_rows(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    model = patch(build(folder), "xx")
    own = model.language("xx").patch
    assert own is not None
    reference = build(grown(folder, own))
    tensors = model.saved_tensors()
    bias = torch.cat([tensors["heads.mlm.bias"], own.bias.detach()])
    reference.load_state_dict(tensors | {"heads.mlm.bias": bias})
    reference.new_language("xx", model.language("xx").own.embedding)
    for task in ("pos", "mlm"):
        given = spelt(model, task, "xx")
        assert (given.input_ids >= model.backbone.info.vocabulary).sum() > 3
        found, wanted = model(given), reference(given)
        assert torch.allclose(found.logits[0], wanted.logits[0], atol=1e-5)
        assert torch.allclose(found.loss, wanted.loss)
    assert given.targets is not None and (given.targets >= model.backbone.info.vocabulary).any()
    assert found.logits[0].shape[1] == model.backbone.info.vocabulary + len(own.pieces)


def logits(model: HyperX, *batches: Batch) -> list[Tensor]:
    """All logits, one batch after the other."""
    with torch.no_grad():
        return [scores for given in batches for scores in model(given).logits]


def test_nobody_else_sees_it(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    pairs = [(task, code) for task in ("pos", "ner", "mlm") for code in ("en", "mt", "ug")]
    given = [*(batch(model, *pair) for pair in pairs), mixed(model, *pairs[:5])]
    before, mark = logits(model, *given), model.fingerprint()
    patch(model, "xx")
    assert all(torch.equal(a, b) for a, b in zip(before, logits(model, *given), strict=True))
    assert model.fingerprint() == mark and model.tokenizer_for("en") is model.tokenizer
    assert not [name for name in model.saved_tensors() if "patch" in name]


def test_a_language_with_a_patch_reads_plain_ids_as_without(tiny_backbone: Path) -> None:
    model = patch(build(tiny_backbone), "xx")
    given = [batch(model, task, "xx") for task in ("pos", "mlm")]
    patched = logits(model, *given)
    model.language("xx").patch = None
    plain = logits(model, *given)
    assert torch.equal(plain[0], patched[0])
    size = model.backbone.info.vocabulary
    assert torch.equal(plain[1], patched[1][:, :size]) and patched[1].shape[1] == size + 3


def test_languages_with_and_without_share_a_batch(tiny_backbone: Path) -> None:
    model = patch(build(tiny_backbone), "xx", "yy")
    alone = [spelt(model, "pos", "xx"), batch(model, "ner", "en"), spelt(model, "mlm", "yy"), spelt(model, "mlm", "xx")]
    shared = join([*alone, batch(model, "mlm", "mt")], model.tokenizer.pad_token_id)
    for one, other in zip(logits(model, *alone, batch(model, "mlm", "mt")), logits(model, shared), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    xx, yy = (logits(model, spelt(model, "pos", code))[0] for code in ("xx", "yy"))
    assert not torch.allclose(xx, yy, atol=1e-2)
    nats, pieces = masked_rows(model, [join(alone[2:], model.tokenizer.pad_token_id)])
    wanted = sum(len(given.targets) for given in alone[2:] if given.targets is not None)
    assert len(nats) == 6 and np.isfinite(nats).all() and pieces.sum() == wanted


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_and_biases_learn(tiny_backbone: Path, dtype: torch.dtype) -> None:
    model = patch(build(tiny_backbone), "xx").place("cpu", dtype)
    own = model.language("xx").patch
    assert own is not None
    for task in ("pos", "mlm"):
        given = spelt(model, task, "xx")
        model(given).loss.backward()
        used = torch.unique(given.input_ids[given.input_ids >= model.backbone.info.vocabulary]).numel()
        assert own.embeddings.grad is not None and own.embeddings.grad.dtype == torch.float32
        assert int(own.embeddings.grad.any(1).sum()) == (3 if task == "mlm" else used)  # MLM scores all of them
        own.embeddings.grad = None
    assert own.bias.grad is not None and own.bias.grad.all()
    assert not any(p.requires_grad for p in model.backbone.encoder.parameters())
    batches = masked_batches(model, "xx", Encoder(model.tokenizer_for("xx"), max_length=32).text(LINES), seed=1)
    loss, learning = masked_score(model, batches).loss, torch.optim.SGD(own.parameters(), lr=0.5)
    for given in batches * 5:
        learning.zero_grad()
        model(given).loss.backward()
        learning.step()
    assert masked_score(model, batches).loss < loss


def test_ids_of_no_piece_are_refused_and_leave_nothing_on(tiny_backbone: Path) -> None:
    model = patch(build(tiny_backbone), "xx")
    size = model.backbone.info.vocabulary
    for code, number in (("en", size), ("xx", size + 3)):
        given = batch(model, "pos", code)
        given.input_ids[0, 1] = number
        with pytest.raises(IndexError, match=f"token id {number} belongs to no piece of the segment's language"):
            model(given)
        assert model.active is None
    with pytest.raises(IndexError):  # switched off, the backbone is what it was
        model.backbone.encoder(input_ids=torch.full((1, 4), size))


def test_a_piece_begins_as_what_it_is_like(tiny_backbone: Path) -> None:
    model = build(tiny_backbone)
    words, bias = model.backbone.word_embeddings, model.heads["mlm"].bias
    assert isinstance(bias, Tensor)
    own = Patch.begin(("##ŵ", "—"), model.tokenizer, words, bias)
    letter = model.tokenizer.convert_tokens_to_ids("##w")
    signs = model.tokenizer.convert_tokens_to_ids([*"0123456789.,;:!?'\"-()"])
    assert torch.equal(own.embeddings[0], words[letter]) and own.bias[0] == bias[letter]
    assert torch.allclose(own.embeddings[1], words[signs].mean(0)) and torch.allclose(own.bias[1], bias[signs].mean())
    assert all(p.requires_grad and p.dtype == torch.float32 for p in own.parameters())
    with torch.no_grad():
        own.embeddings.zero_()
    assert words[letter].any()  # a copy


def test_a_record_carries_it_to_another_model_of_the_same_numbers(tiny_backbone: Path, tmp_path: Path) -> None:
    model, other = patch(build(tiny_backbone), "mt"), build(tiny_backbone)  # a version of mt beside the base one
    record = model.record("mt", {"method": "mlm"})
    assert record.pieces == ("##ŵ", "ə", "ŵ") and record.numbers == 8 + 3 * 32 + 3
    assert {name for name in record.tensors if "patch" in name} == {"patch.embeddings", "patch.bias"}
    stored = load_record(save_record(record, tmp_path))
    assert stored.hash == record.hash == from_bytes(to_bytes(record), provenance={}).hash
    other.attach(stored)
    assert other.record("mt", {}).hash == record.hash
    given = [spelt(other, task, "mt") for task in ("pos", "mlm")]
    assert all(torch.equal(a, b) for a, b in zip(logits(model, *given), logits(other, *given), strict=True))
    other.forget("mt")
    assert other.tokenizer_for("mt") is other.tokenizer


def test_views_are_made_once_for_each_set_of_pieces(tiny_backbone: Path) -> None:
    model = patch(build(tiny_backbone), "xx", "yy")
    assert model.tokenizer_for("xx") is model.tokenizer_for("yy") is not model.tokenizer
    assert model.tokenizer_for("nobody") is model.tokenizer_for("en") is model.tokenizer


def test_a_patch_of_another_vocabulary_is_refused(tiny_backbone: Path) -> None:
    model = patch(build(tiny_backbone), "xx")
    with pytest.raises(DataError, match="which the vocabulary has already"):
        model.tokenizer_with(("##w",))
    record = model.record("xx", {})
    wide = record.__class__("xx", record.model, {**record.tensors, "patch.embeddings": np.ones((3, 31), np.float32)},
                            {}, record.pieces)  # fmt: skip
    with pytest.raises(DataError, match=r"patch.embeddings has shape \(3, 31\)"):
        model.attach(wide)
    own = model.language("xx").patch
    assert own is not None
    with pytest.raises(DataError, match="vocabularies of two sizes; use its own tokenizer"):
        build(grown(tiny_backbone, own)).tokenizer_with(("##ŵ",))
    model.backbone.tokenizer.add_tokens(["whole"])
    with pytest.raises(DataError, match="takes no further pieces"):
        model.tokenizer_with(("##ŵ", "ə"))
