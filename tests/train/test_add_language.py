"""A language from raw text: it learns, nothing else moves, the report part decides nothing, and it can be resumed."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.config import AddOptions
from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.tasks import NER, POS
from hyperx_cl.data.text import Text, split_text
from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches, masked_score
from hyperx_cl.model.language import Slot
from hyperx_cl.train.add_language import Added, add_language, like
from hyperx_cl.train.starts import controls, loss_with
from tests.model.building import build
from tests.train.small_text import Interrupting, add_options, as_text, lines, state

PART = {"part.down", "part.down_bias", "part.up"}


def stop_loss(model: HyperX, text: Text, code: str, options: Any) -> float:
    """Loss of a language on the stop part, as the recipe measures it."""
    encoder = Encoder(model.tokenizer, max_length=options.max_length)
    stop = masked_batches(model, code, encoder.text(split_text(text.lines).stop), seed=options.seed)
    return masked_score(model, stop).loss


def test_what_is_learnt_helps_on_lines_never_seen(model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options())
    assert list(added.losses) == ["random", "zero", "mean", "nearest", "learnt"]
    assert added.losses["learnt"] < min(loss for name, loss in added.losses.items() if name != "learnt") - 0.05
    assert (added.steps, added.nearest in ("en", "mt", "tr", "ug")) == (12, True)
    assert added.start in (f"nearest: {added.nearest}", "mixture", "mean")
    assert added.tokens > 15 * 40  # those of the three steps of the mixture too
    assert added.proof.holds and added.proof.languages == 4
    encoder = Encoder(model.tokenizer, max_length=24)
    told = masked_batches(model, "qaa", encoder.text(split_text(text.lines).report), seed=1)
    assert round(masked_score(model, told).loss, 4) == added.losses["learnt"]
    assert added.record.hash == model.record("qaa", {}).hash and added.record.language == "qaa"


def test_nothing_else_changes(model: HyperX, text: Text) -> None:
    before = state(model)
    logits = _logits(model, text)
    add_language(model, "qaa", text, add_options())
    after = state(model)
    assert set(after["records"]) - set(before["records"]) == {"qaa"}
    del after["records"]["qaa"]
    assert after == before
    assert _logits(model, text) == logits
    assert all(p.requires_grad for p in model.language("qaa").parameters())
    assert not any(p.grad is not None for p in model.parameters())


def _logits(model: HyperX, text: Text) -> dict[str, float]:
    return {code: stop_loss(model, text, code, add_options()) for code in ("en", "mt", "tr", "ug")}


def test_the_part_has_its_numbers_and_no_output_bias(model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options(rank=5, steps=1, warmup=0, mixture_steps=0))
    layers, hidden, rank = 3, 32, 5
    assert set(added.record.tensors) == {"embedding", *PART}
    assert sum(added.record.tensors[name].size for name in PART) == layers * (2 * rank * hidden + rank)
    assert added.record.numbers == 8 + layers * (2 * rank * hidden + rank)


@pytest.mark.parametrize(("option", "scaled"), [("keep_part", "part.up"), ("keep_shift", "shift.factors")])
def test_a_share_of_what_is_learnt_is_kept(tiny_backbone: Path, text: Text, option: str, scaled: str) -> None:
    whole, half = (
        add_language(
            build(tiny_backbone), "qaa", text, add_options(capacity="part", shift_pieces=30, **{option: share})
        ).record
        for share in (1.0, 0.5)
    )
    assert (whole.tensors[scaled] != 0).any()
    assert (half.tensors[scaled] == whole.tensors[scaled] / 2).all()
    for name in set(whole.tensors) - {scaled}:
        assert (half.tensors[name] == whole.tensors[name]).all()


def test_the_reported_loss_is_of_what_is_kept(model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options(keep_part=0.25, keep_shift=0.5, patch_pieces=0))
    encoder = Encoder(model.tokenizer, max_length=24)
    told = masked_batches(model, "qaa", encoder.text(split_text(text.lines).report), seed=1)
    assert round(masked_score(model, told).loss, 4) == added.losses["learnt"]
    assert added.record.provenance["options"]["keep_part"] == 0.25


def test_the_vector_alone_has_no_part(model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options(capacity="vector"))
    assert set(added.record.tensors) == {"embedding"} and added.record.numbers == 8
    assert added.record.provenance["rank"] == 0
    assert added.losses["learnt"] < min(added.losses["nearest"], added.losses["mean"])


@pytest.mark.parametrize("capacity", ["both", "part", "vector"])
def test_every_number_of_what_is_added_learns(tiny_backbone: Path, text: Text, capacity: str) -> None:
    model = build(tiny_backbone, language_part=3)  # of the rank that is learnt: the nearest one's part is taken over
    added = add_language(model, "qaa", text, add_options(start="nearest", capacity=capacity))
    own = model.language(added.nearest).tensors()
    moved = {name for name, values in added.record.tensors.items() if (values != own[name]).any()}
    assert moved == {"both": {"embedding", *PART}, "part": {*PART}, "vector": {"embedding"}}[capacity]
    assert set(added.record.tensors) == {"embedding"} | (set() if capacity == "vector" else {*PART})
    assert added.proof.holds


def test_the_default_leaves_the_vector_at_the_mean_and_the_upper_layers_without_a_part(
    model: HyperX, text: Text
) -> None:
    default = AddOptions()
    added = add_language(
        model, "qaa", text, add_options(steps=40, capacity=default.capacity, depth=default.depth, start=default.start)
    )
    embeddings = torch.stack([model.base[code].own.embedding for code in model.base])
    assert (added.record.tensors["embedding"] == embeddings.mean(0).detach().numpy()).all()
    assert {name: added.record.tensors[name].shape[0] for name in PART} == dict.fromkeys(PART, 2)  # of 3 layers
    assert added.record.provenance["layers"] == 2 and added.start == "mean"
    assert added.losses["learnt"] < min(added.losses["nearest"], added.losses["mean"])


@pytest.mark.parametrize(("capacity", "rank"), [("vector", 3), ("both", 2), ("both", 3)])
def test_starts_are_compared_as_they_are_learnt_on(tiny_backbone: Path, text: Text, capacity: str, rank: int) -> None:
    model = build(tiny_backbone, language_part=3)
    options = add_options(start="nearest", capacity=capacity, rank=rank)
    added = add_language(model, "qaa", text, options)
    own = model.language(added.nearest).own
    start = Slot(own.embedding, own.part if (capacity, rank) == ("both", 3) else None)
    encoder = Encoder(model.tokenizer, max_length=24)
    stop = masked_batches(model, "qaa", encoder.text(split_text(text.lines).stop), seed=1)
    assert added.record.provenance["stop_losses"][0] == [0, round(loss_with(model, "qaa", start, stop), 4)]


def test_the_best_start_is_the_one_of_the_lowest_loss_on_the_stop_part(model: HyperX, text: Text) -> None:
    names, losses = {}, {}
    for start in ("nearest", "mixture", "mean", "best"):
        added = add_language(model, "qaa", text, add_options(start=start, steps=1, warmup=0))
        names[start], losses[start] = added.start, added.record.provenance["stop_losses"][0][1]
        del model.added["qaa"]
    best = min(("nearest", "mixture", "mean"), key=lambda start: losses[start])
    assert len(set(losses.values())) == 3
    assert (names["best"], losses["best"]) == (names[best], losses[best])
    assert names["mixture"] == "mixture" and names["mean"] == "mean" and names["nearest"].startswith("nearest: ")


def test_a_random_start_is_the_random_control(model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options(capacity="vector", start="random", steps=1))
    drawn = controls(model, "qaa", added.nearest, seed=add_options().seed)["random"].embedding
    assert added.start == "random" and torch.allclose(model.language("qaa").own.embedding, drawn, atol=0.1)


def test_an_added_language_may_be_the_start_and_the_language_itself_never_is(model: HyperX, text: Text) -> None:
    first = add_language(model, "tr", text, add_options(rate=0.1))
    assert first.nearest != "tr"
    again = add_language(model, "tr", text, add_options())
    assert again.nearest != "tr" and again.record.hash != first.record.hash
    assert add_language(model, "qaa", text, add_options(start="nearest")).start == "nearest: tr"


def test_no_step_for_a_mixture_means_no_mixture_unless_it_is_asked_for(model: HyperX, text: Text) -> None:
    said = Interrupting(0)
    add_language(model, "qaa", text, add_options(mixture_steps=0, steps=1, warmup=0), reporter=said)
    (starts,) = [line for line in said.said if line.startswith("starts by loss")]
    assert "mixture" not in starts
    assert add_language(model, "qaa", text, add_options(mixture_steps=0, start="mixture", steps=1)).start == "mixture"


def swapped(given: Sequence[str], part: str) -> list[str]:
    """The lines, with other ones in the place of those that fall into one part; the two other parts stay."""
    parts, out, fresh = split_text(given)._asdict(), list(given), iter(lines(3000, seed=99))
    for line in parts[part]:
        for candidate in fresh:
            tried = [candidate if known == line else known for known in out]
            now = split_text(tried)._asdict()
            if candidate not in out and all(now[name] == parts[name] for name in parts if name != part):
                out = tried
                break
    assert not set(split_text(out)._asdict()[part]) & set(parts[part])
    return out


def test_the_report_part_decides_nothing(tiny_backbone: Path, tmp_path: Path) -> None:
    given = lines(40)
    other = swapped(given, "report")
    one, two = (_learnt(tiny_backbone, as_text(some, tmp_path)) for some in (given, other))
    assert one.record.hash == two.record.hash and one.start == two.start and one.nearest == two.nearest
    assert one.record.provenance["stop_losses"] == two.record.provenance["stop_losses"]
    assert one.losses["zero"] != two.losses["zero"] and one.losses["learnt"] != two.losses["learnt"]


def test_the_stop_part_is_not_learnt_on(tiny_backbone: Path, tmp_path: Path) -> None:
    given = lines(40)
    # Every look better than the one before: then the stop part has nothing to choose, and changes no number.
    one, two = (
        _learnt(tiny_backbone, as_text(some, tmp_path), start="mean", check_every=12)
        for some in (given, swapped(given, "stop"))
    )
    assert one.record.provenance["stop_losses"] != two.record.provenance["stop_losses"]
    assert one.record.hash == two.record.hash


def _learnt(backbone: Path, text: Text, **changes: Any) -> Added:
    return add_language(build(backbone), "qaa", text, add_options(**changes))


def test_it_stops_when_nothing_is_gained_and_the_start_stays(model: HyperX, text: Text) -> None:
    known = add_language(model, "tr", text, add_options(rate=0.1, steps=40))
    options = add_options(rate=30.0, start="nearest", steps=50, check_every=2, patience=3)
    added = add_language(model, "qaa", text, options)
    looks = added.record.provenance["stop_losses"]
    assert added.steps == 6 and [step for step, _ in looks] == [0, 2, 4, 6]
    assert min(loss for _, loss in looks) == looks[0][1]
    assert added.nearest == "tr" and looks[-1][1] > looks[0][1]
    assert all((added.record.tensors[name] == values).all() for name, values in known.record.tensors.items())
    assert added.losses["learnt"] == added.losses["nearest"]


def test_the_best_look_stays_not_the_last(model: HyperX, text: Text) -> None:
    options = add_options(rate=0.6, steps=24, check_every=1, patience=24)
    added = add_language(model, "qaa", text, options)
    looks = [loss for _, loss in added.record.provenance["stop_losses"]]
    assert looks[0] > min(looks) < looks[-1] and len(looks) == 25
    assert round(stop_loss(model, text, "qaa", options), 4) == min(looks)


def test_the_seed_decides_and_nothing_else_of_chance(tiny_backbone: Path, text: Text) -> None:
    hashes = []
    for ambient, seed in ((1, 1), (2, 1), (2, 2)):
        model = build(tiny_backbone)
        torch.manual_seed(ambient)
        hashes.append(add_language(model, "qaa", text, add_options(seed=seed)).record.hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_after_an_interruption_an_earlier_version_is_as_it_was(model: HyperX, text: Text) -> None:
    add_language(model, "qaa", text, add_options())
    model.language("qaa").pairs["pos"] = Slot(torch.ones(8))
    before, earlier = state(model), model.language("qaa")
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "qaa", text, add_options(seed=3), reporter=Interrupting(1))
    assert state(model) == before and model.language("qaa") is earlier
    assert all(p.requires_grad for p in earlier.parameters())


def test_a_base_language_gets_a_version_beside_the_one_it_was_trained_with(model: HyperX, text: Text) -> None:
    base = dict(model.base.named_parameters())["en.own.embedding"]
    before = base.clone()
    added = add_language(model, "en", text, add_options())
    assert added.proof.holds and added.nearest != "en"
    assert torch.equal(base, before)
    assert not torch.equal(model.language("en").own.embedding, before)


def test_models_that_cannot_learn_from_text(tiny_backbone: Path, text: Text) -> None:
    model = build(tiny_backbone, tasks=[POS, NER])
    with pytest.raises(UsageError, match="trained without mlm"):
        add_language(model, "qaa", text, add_options())
    assert model.languages() == ["en", "mt", "ug"]
    model = build(tiny_backbone, languages=["qaa"])
    with pytest.raises(UsageError, match="no other language to start from"):
        add_language(model, "qaa", text, add_options())


def test_more_lines_than_asked_for_are_left_out(model: HyperX, text: Text) -> None:
    added = add_language(model, "qaa", text, add_options(max_lines=50))
    assert sum(added.record.provenance["text"]["lines"].values()) == 50


def test_provenance_says_how_and_quotes_nothing(model: HyperX, text: Text) -> None:
    options = add_options()
    added = add_language(model, "qaa", text, options, provenance={"source": "invented", "licence": "CC0-1.0"})
    facts = dict(added.record.provenance)
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {
        "method", "capacity", "rank", "layers", "seed", "steps", "tokens", "seconds", "text", "start", "nearest",
        "losses", "options", "stop_losses", "source", "licence",
    }  # fmt: skip
    assert (facts["method"], facts["source"], facts["losses"]) == ("mlm", "invented", added.losses)
    assert facts["text"]["sha256"] == text.sha256 and facts["text"]["bytes"] == text.bytes
    assert facts["options"] == json.loads(json.dumps(vars(options))) and facts["tokens"] == added.tokens
    said = json.dumps(facts, ensure_ascii=False)
    assert not any(word in said for line in text.lines for word in line.split() if len(word) > 5)


def test_like_is_the_mean_of_the_relatives(model: HyperX) -> None:
    before = state(model)
    record = like(model, "qaa", ["en", "tr"], {"author": "somebody"})
    middle = (model.language("en").own.embedding + model.language("tr").own.embedding) / 2
    assert torch.equal(torch.tensor(record.tensors["embedding"]), middle.detach())
    assert set(record.tensors) == {"embedding"}  # en has no part
    assert record.provenance == {"method": "like", "relatives": ["en", "tr"], "steps": 0, "author": "somebody"}
    after = state(model)
    del after["records"]["qaa"]
    assert after == before
    assert set(like(model, "qaa", ["tr"]).tensors) == {"embedding", *PART}


@pytest.mark.parametrize(
    ("relatives", "error", "said"),
    [
        ([], UsageError, "--like needs stored languages other than 'qaa'"),
        (["en", "qaa"], UsageError, "--like needs stored languages other than 'qaa'"),
        (["en", "uk"], NotFoundError, "no language 'uk'"),
    ],
)
def test_like_refuses(model: HyperX, relatives: list[str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        like(model, "qaa", relatives)
    assert "qaa" not in model.languages()


def test_every_look_says_how_fast_it_is(model: HyperX, text: Text) -> None:
    told = Interrupting(0)
    add_language(model, "qaa", text, add_options(), reporter=told)
    looks = [line for line in told.said if line.startswith("step ")]
    assert [line.partition(":")[0] for line in looks] == ["step 4", "step 8", "step 12"]
    for line in looks:
        told_loss, *speed = line.split(" · ")
        assert re.fullmatch(r"step \d+: stop loss [\d.]+ \(start [\d.]+\)", told_loss), line
        assert re.fullmatch(r"[1-9]\d* tokens/s · \d+% of peak", " · ".join(speed)), line


def test_a_forgotten_language_is_no_start_and_not_in_the_mean(model: HyperX, text: Text) -> None:
    nearest = add_language(model, "qaa", text, add_options(start="nearest")).nearest
    del model.added["qaa"]
    model.forget(nearest)
    again = add_language(model, "qaa", text, add_options(start="nearest"))
    assert again.nearest != nearest and nearest not in model.languages() and again.proof.holds
    for code in list(model.base):
        model.forget(code)
    with pytest.raises(UsageError, match="no other language to start from"):
        add_language(model, "qaa", text, add_options())
