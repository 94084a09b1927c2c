"""A language from raw text: it learns, nothing else moves, the report part decides nothing, and it can be resumed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperx_cl.data.encode import Encoder
from hyperx_cl.data.tasks import NER, POS
from hyperx_cl.data.text import Text, split_text
from hyperx_cl.errors import ConflictError, DataError, NotFoundError, UsageError
from hyperx_cl.model.fingerprint import fingerprint
from hyperx_cl.model.hyperx import HyperX
from hyperx_cl.model.infer import masked_batches, masked_score
from hyperx_cl.model.language import Slot
from hyperx_cl.train.add_language import Added, add_language, like
from hyperx_cl.train.starts import loss_with
from tests.model.building import build
from tests.train.small_text import add_options, as_text, lines

PART = {"part.down", "part.down_bias", "part.up"}


class Interrupting:
    """A reporter that is interrupted at some look, as by Ctrl-C."""

    def __init__(self, at: int) -> None:
        self.left, self.said = at, [""]

    def step(self, done: int, text: str) -> None:
        """Count down."""
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        """Keep."""
        self.said.append(text)


@pytest.fixture
def text(tmp_path: Path) -> Text:
    (tmp_path / "text").mkdir()
    return as_text(lines(90), tmp_path / "text")


@pytest.fixture
def model(tiny_backbone: Path) -> HyperX:
    """Three base languages, and tr added; in training mode, one embedding not to be trained."""
    model = build(tiny_backbone)
    model.new_language("tr", torch.randn(8, generator=torch.Generator().manual_seed(1)), rank=2)
    model.language("mt").own.embedding.requires_grad_(False)
    return model.train()


def state(model: HyperX) -> dict[str, Any]:
    """All that must be as before: tensors, languages, flags, mode, and what torch draws next."""
    return {
        "saved": fingerprint(model.saved_tensors()),
        "records": {code: model.record(code, {}).hash for code in model.languages()},
        "flags": {n: p.requires_grad for n, p in model.named_parameters() if not n.startswith("added.xx.")},
        "training": model.training,
        "chance": torch.get_rng_state().tolist(),
    }


def stop_loss(model: HyperX, text: Text, code: str, options: Any) -> float:
    """Loss of a language on the stop part, as the recipe measures it."""
    encoder = Encoder(model.tokenizer, max_length=options.max_length)
    stop = masked_batches(model, code, encoder.text(split_text(text.lines).stop), seed=options.seed)
    return masked_score(model, stop).loss


def test_what_is_learnt_helps_on_lines_never_seen(model: HyperX, text: Text) -> None:
    added = add_language(model, "xx", text, add_options())
    assert list(added.losses) == ["random", "zero", "mean", "nearest", "learnt"]
    assert added.losses["learnt"] < min(loss for name, loss in added.losses.items() if name != "learnt") - 0.05
    assert (added.steps, added.nearest in ("en", "mt", "tr", "ug"), added.seconds > 0) == (12, True, True)
    assert added.start in (f"nearest: {added.nearest}", "mixture", "mean")
    assert added.tokens > 15 * 40  # those of the three steps of the mixture too
    assert added.proof.holds and added.proof.languages == 4
    encoder = Encoder(model.tokenizer, max_length=24)
    told = masked_batches(model, "xx", encoder.text(split_text(text.lines).report), seed=1)
    assert round(masked_score(model, told).loss, 4) == added.losses["learnt"]
    assert added.record.hash == model.record("xx", {}).hash and added.record.language == "xx"


def test_nothing_else_changes(model: HyperX, text: Text) -> None:
    before = state(model)
    logits = _logits(model, text)
    add_language(model, "xx", text, add_options())
    after = state(model)
    assert set(after["records"]) - set(before["records"]) == {"xx"}
    del after["records"]["xx"]
    assert after == before
    assert _logits(model, text) == logits
    assert all(p.requires_grad for p in model.language("xx").parameters())
    assert not any(p.grad is not None for p in model.parameters())


def _logits(model: HyperX, text: Text) -> dict[str, float]:
    return {code: stop_loss(model, text, code, add_options()) for code in ("en", "mt", "tr", "ug")}


def test_the_part_has_its_numbers_and_no_output_bias(model: HyperX, text: Text) -> None:
    added = add_language(model, "xx", text, add_options(rank=5, steps=1, warmup=0, mixture_steps=0))
    layers, hidden, rank = 3, 32, 5
    assert set(added.record.tensors) == {"embedding", *PART}
    assert sum(added.record.tensors[name].size for name in PART) == layers * (2 * rank * hidden + rank)
    assert added.record.numbers == 8 + layers * (2 * rank * hidden + rank)


def test_the_vector_alone_has_no_part(model: HyperX, text: Text) -> None:
    added = add_language(model, "xx", text, add_options(capacity="vector"))
    assert set(added.record.tensors) == {"embedding"} and added.record.numbers == 8
    assert added.record.provenance["rank"] == 0
    assert added.losses["learnt"] < min(added.losses["nearest"], added.losses["mean"])


@pytest.mark.parametrize("capacity", ["part", "vector"])
def test_every_number_of_what_is_added_learns(tiny_backbone: Path, text: Text, capacity: str) -> None:
    model = build(tiny_backbone, language_part=3)  # of the rank that is learnt: the nearest one's part is taken over
    added = add_language(model, "xx", text, add_options(start="nearest", capacity=capacity))
    own = model.language(added.nearest).tensors()
    for name, values in added.record.tensors.items():
        assert (values != own[name]).any(), name
    assert set(added.record.tensors) == ({"embedding", *PART} if capacity == "part" else {"embedding"})
    assert added.proof.holds


@pytest.mark.parametrize(("capacity", "rank"), [("vector", 3), ("part", 2), ("part", 3)])
def test_starts_are_compared_as_they_are_learnt_on(tiny_backbone: Path, text: Text, capacity: str, rank: int) -> None:
    model = build(tiny_backbone, language_part=3)
    options = add_options(start="nearest", capacity=capacity, rank=rank)
    added = add_language(model, "xx", text, options)
    own = model.language(added.nearest).own
    start = Slot(own.embedding, own.part if (capacity, rank) == ("part", 3) else None)
    encoder = Encoder(model.tokenizer, max_length=24)
    stop = masked_batches(model, "xx", encoder.text(split_text(text.lines).stop), seed=1)
    assert added.record.provenance["stop_losses"][0] == [0, round(loss_with(model, "xx", start, stop), 4)]


def test_the_best_start_is_the_one_of_the_lowest_loss_on_the_stop_part(model: HyperX, text: Text) -> None:
    names, losses = {}, {}
    for start in ("nearest", "mixture", "mean", "best"):
        added = add_language(model, "xx", text, add_options(start=start, steps=1, warmup=0))
        names[start], losses[start] = added.start, added.record.provenance["stop_losses"][0][1]
        del model.added["xx"]
    best = min(("nearest", "mixture", "mean"), key=lambda start: losses[start])
    assert len(set(losses.values())) == 3
    assert (names["best"], losses["best"]) == (names[best], losses[best])
    assert names["mixture"] == "mixture" and names["mean"] == "mean" and names["nearest"].startswith("nearest: ")


def test_an_added_language_may_be_the_start_and_the_language_itself_never_is(model: HyperX, text: Text) -> None:
    first = add_language(model, "tr", text, add_options(rate=0.1))
    assert first.nearest != "tr"
    again = add_language(model, "tr", text, add_options())
    assert again.nearest != "tr" and again.record.hash != first.record.hash
    assert add_language(model, "xx", text, add_options(start="nearest")).start == "nearest: tr"


def test_no_step_for_a_mixture_means_no_mixture_unless_it_is_asked_for(model: HyperX, text: Text) -> None:
    said = Interrupting(0)
    add_language(model, "xx", text, add_options(mixture_steps=0, steps=1, warmup=0), reporter=said)
    assert "mixture" not in said.said[1]
    assert add_language(model, "xx", text, add_options(mixture_steps=0, start="mixture", steps=1)).start == "mixture"


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
    return add_language(build(backbone), "xx", text, add_options(**changes))


def test_it_stops_when_nothing_is_gained_and_the_start_stays(model: HyperX, text: Text) -> None:
    known = add_language(model, "tr", text, add_options(rate=0.1, steps=40))
    options = add_options(rate=30.0, start="nearest", steps=50, check_every=2, patience=3)
    added = add_language(model, "xx", text, options)
    looks = added.record.provenance["stop_losses"]
    assert added.steps == 6 and [step for step, _ in looks] == [0, 2, 4, 6]
    assert min(loss for _, loss in looks) == looks[0][1]
    assert added.nearest == "tr" and looks[-1][1] > looks[0][1]
    assert all((added.record.tensors[name] == values).all() for name, values in known.record.tensors.items())
    assert added.losses["learnt"] == added.losses["nearest"]


def test_the_best_look_stays_not_the_last(model: HyperX, text: Text) -> None:
    options = add_options(rate=0.6, steps=24, check_every=1, patience=24)
    added = add_language(model, "xx", text, options)
    looks = [loss for _, loss in added.record.provenance["stop_losses"]]
    assert looks[0] > min(looks) < looks[-1] and len(looks) == 25
    assert round(stop_loss(model, text, "xx", options), 4) == min(looks)


def test_the_seed_decides_and_nothing_else_of_chance(tiny_backbone: Path, text: Text) -> None:
    hashes = []
    for ambient, seed in ((1, 1), (2, 1), (2, 2)):
        model = build(tiny_backbone)
        torch.manual_seed(ambient)
        hashes.append(add_language(model, "xx", text, add_options(seed=seed)).record.hash)
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("look", [2, 3, 6])
def test_interrupted_and_resumed_is_as_never_interrupted(
    look: int, tiny_backbone: Path, text: Text, tmp_path: Path
) -> None:
    options = add_options(check_every=2)
    whole = add_language(build(tiny_backbone, dropout=True), "xx", text, options)
    model, folder = build(tiny_backbone, dropout=True), tmp_path / "checkpoint"
    before = state(model)
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "xx", text, options, checkpoint=folder, reporter=Interrupting(look))
    assert state(model) == before
    model = build(tiny_backbone, dropout=True)
    torch.manual_seed(77)
    resumed = add_language(model, "xx", text, options, checkpoint=folder, resume=True)
    assert resumed.record.hash == whole.record.hash
    assert (resumed.losses, resumed.steps, resumed.tokens) == (whole.losses, whole.steps, whole.tokens)
    assert (resumed.start, resumed.nearest) == (whole.start, whole.nearest)
    assert resumed.record.provenance["stop_losses"] == whole.record.provenance["stop_losses"]
    assert resumed.proof.holds


@pytest.mark.parametrize(
    ("changes", "steps"), [({}, 12), ({"rate": 1e-30, "steps": 50, "patience": 2}, 8)], ids=["all steps", "stopped"]
)
def test_resuming_what_is_done_takes_no_further_step(
    changes: dict[str, Any], steps: int, tiny_backbone: Path, text: Text, tmp_path: Path
) -> None:
    options = add_options(**changes)
    done = add_language(build(tiny_backbone), "xx", text, options, checkpoint=tmp_path / "c")
    again = add_language(build(tiny_backbone), "xx", text, options, checkpoint=tmp_path / "c", resume=True)
    assert (again.record.hash, again.steps, again.losses) == (done.record.hash, steps, done.losses)


def test_without_resume_a_checkpoint_is_not_read(model: HyperX, text: Text, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "xx", text, add_options(), checkpoint=tmp_path / "c", reporter=Interrupting(2))
    fresh = add_language(model, "xx", text, add_options(seed=5), checkpoint=tmp_path / "c")
    del model.added["xx"]
    assert fresh.record.hash == add_language(model, "xx", text, add_options(seed=5)).record.hash


def test_a_checkpoint_of_something_else_is_refused(model: HyperX, text: Text, tmp_path: Path) -> None:
    folder, options = tmp_path / "c", add_options()
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "xx", text, options, checkpoint=folder, reporter=Interrupting(2))
    before = state(model)
    (tmp_path / "other").mkdir()
    other = as_text(lines(90, seed=1), tmp_path / "other")
    tries = [
        ("xx", other, options), ("yy", text, options), ("xx", text, add_options(rank=2)),
        ("xx", text, add_options(capacity="vector")), ("xx", text, add_options(rate=1e-3)),
    ]  # fmt: skip
    for code, given, chosen in tries:
        with pytest.raises(ConflictError, match="made with another text, model or other options; resume with the same"):
            add_language(model, code, given, chosen, checkpoint=folder, resume=True)
        assert state(model) == before
    with torch.no_grad():
        model.language("en").own.embedding.add_(1)
    with pytest.raises(ConflictError, match="another text, model"):
        add_language(model, "xx", text, options, checkpoint=folder, resume=True)


def test_after_an_interruption_an_earlier_version_is_as_it_was(model: HyperX, text: Text) -> None:
    add_language(model, "xx", text, add_options())
    model.language("xx").pairs["pos"] = Slot(torch.ones(8))
    before, earlier = state(model), model.language("xx")
    with pytest.raises(KeyboardInterrupt):
        add_language(model, "xx", text, add_options(seed=3), reporter=Interrupting(1))
    assert state(model) == before and model.language("xx") is earlier
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
        add_language(model, "xx", text, add_options())
    assert model.languages() == ["en", "mt", "ug"]
    model = build(tiny_backbone, languages=["xx"])
    with pytest.raises(UsageError, match="no other language to start from"):
        add_language(model, "xx", text, add_options())


def test_twenty_lines_are_enough_and_nineteen_are_not(model: HyperX, tmp_path: Path) -> None:
    added = add_language(model, "xx", as_text(lines(20), tmp_path), add_options())
    assert added.record.provenance["text"]["lines"] == {"train": 12, "stop": 4, "report": 4}
    assert added.losses["learnt"] < added.losses["mean"]
    del model.added["xx"]
    before = state(model)
    for given, options in ((lines(19), add_options()), (lines(80), add_options(max_lines=19))):
        with pytest.raises(DataError, match=r"\.txt gives 19 lines to learn from; give at least 20"):
            add_language(model, "xx", as_text(given, tmp_path), options)
    assert state(model) == before


def test_a_part_of_unknown_pieces_alone_is_refused(model: HyperX, tmp_path: Path) -> None:
    given = [f"∀∃ ∄{'∅' * n}" for n in range(1, 40)]
    with pytest.raises(DataError, match="too few pieces that the backbone's tokenizer knows"):
        add_language(model, "xx", as_text(given, tmp_path), add_options())
    assert "xx" not in model.languages()


def test_more_lines_than_asked_for_are_left_out(model: HyperX, text: Text) -> None:
    added = add_language(model, "xx", text, add_options(max_lines=50))
    assert sum(added.record.provenance["text"]["lines"].values()) == 50


def test_provenance_says_how_and_quotes_nothing(model: HyperX, text: Text) -> None:
    options = add_options()
    added = add_language(model, "xx", text, options, provenance={"source": "invented", "licence": "CC0-1.0"})
    facts = dict(added.record.provenance)
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {
        "method", "capacity", "rank", "seed", "steps", "tokens", "seconds", "text", "start", "nearest", "losses",
        "options", "stop_losses", "source", "licence",
    }  # fmt: skip
    assert (facts["method"], facts["source"], facts["losses"]) == ("mlm", "invented", added.losses)
    assert facts["text"]["sha256"] == text.sha256 and facts["text"]["bytes"] == text.bytes
    assert facts["options"] == json.loads(json.dumps(vars(options))) and facts["tokens"] == added.tokens
    said = json.dumps(facts, ensure_ascii=False)
    assert not any(word in said for line in text.lines for word in line.split() if len(word) > 5)


def test_like_is_the_mean_of_the_relatives(model: HyperX) -> None:
    before = state(model)
    record = like(model, "xx", ["en", "tr"], {"author": "somebody"})
    middle = (model.language("en").own.embedding + model.language("tr").own.embedding) / 2
    assert torch.equal(torch.tensor(record.tensors["embedding"]), middle.detach())
    assert set(record.tensors) == {"embedding"}  # en has no part
    assert record.provenance == {"method": "like", "relatives": ["en", "tr"], "steps": 0, "author": "somebody"}
    after = state(model)
    del after["records"]["xx"]
    assert after == before
    assert set(like(model, "xx", ["tr"]).tensors) == {"embedding", *PART}


@pytest.mark.parametrize(
    ("relatives", "error", "said"),
    [
        ([], UsageError, "--like needs stored languages other than 'xx'"),
        (["en", "xx"], UsageError, "--like needs stored languages other than 'xx'"),
        (["en", "uk"], NotFoundError, "no language 'uk'"),
    ],
)
def test_like_refuses(model: HyperX, relatives: list[str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        like(model, "xx", relatives)
    assert "xx" not in model.languages()
