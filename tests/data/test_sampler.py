"""The sampler: how often each pair comes, every example once an epoch, and going on exactly where it stood."""

import json
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperx_cl.data.batches import Pair
from hyperx_cl.data.sampler import PairSampler, pair_probabilities
from hyperx_cl.errors import ConflictError, DataError, UsageError

EN, MT, NER = Pair("mlm", "en"), Pair("mlm", "mt"), Pair("ner", "en")


def _lengths(seed: int = 0) -> dict[Pair, list[int]]:
    rng = np.random.default_rng(seed)
    return {pair: rng.integers(3, 40, size).tolist() for pair, size in ((EN, 300), (MT, 31), (NER, 120))}


def _sampler(**options: object) -> PairSampler:
    return PairSampler(_lengths(), **{"max_tokens": 200, "seed": 3, **options})  # type: ignore[arg-type]


@given(
    st.dictionaries(
        st.sampled_from([Pair(t, x) for t in ("mlm", "pos") for x in "abc"]), st.integers(1, 10**6), min_size=1
    ),
    st.floats(1, 20),
)
def test_probabilities_follow_the_formula(sizes: dict[Pair, int], temperature: float) -> None:
    found = pair_probabilities(sizes, temperature=temperature)
    assert sum(found.values()) == pytest.approx(1)
    total = sum(size ** (1 / temperature) for size in sizes.values())
    assert found == pytest.approx({pair: size ** (1 / temperature) / total for pair, size in sizes.items()})


def test_shares_divide_by_task_and_leave_the_rest_to_the_others() -> None:
    sizes = {EN: 32, MT: 1, NER: 5, Pair("pos", "en"): 5}
    found = pair_probabilities(sizes, shares={"mlm": 0.4})
    assert found[EN] == pytest.approx(0.4 * 2 / 3)
    assert found[MT] == pytest.approx(0.4 / 3)
    assert found[NER] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.5}, "temperature 0.5 is below 1"),
        ({"shares": {"pos": 0.5}}, "'pos', which has no data"),
        ({"shares": {"mlm": -0.1}}, "from 0 to 1"),
        ({"shares": {"mlm": 0.5, "ner": 0.4}}, "add up to 0.9"),
        ({"max_tokens": 20}, "longest example of .* a micro-batch only 20"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _sampler(**options)


def test_pairs_without_examples_are_refused() -> None:
    with pytest.raises(DataError, match="'mt' has no examples"):
        PairSampler({MT: []}, max_tokens=9, seed=0)
    with pytest.raises(DataError, match="nothing to train on"):
        PairSampler({}, max_tokens=9, seed=0)


def test_pairs_come_as_often_as_they_should() -> None:
    sampler = _sampler()
    counts = Counter(pair for pair, _ in islice(sampler, 20_000))
    for pair, probability in sampler.probabilities.items():
        assert counts[pair] / 20_000 == pytest.approx(probability, abs=0.015)


def test_a_task_without_a_share_never_comes() -> None:
    sampler = _sampler(shares={"ner": 0.0})
    assert NER not in {pair for pair, _ in islice(sampler, 3000)}


def test_every_example_once_an_epoch_in_a_fresh_order_under_the_budget() -> None:
    lengths = _lengths()
    orders: dict[Pair, list[list[int]]] = {pair: [[]] for pair in lengths}
    for pair, indices in islice(_sampler(max_rows=16), 2000):
        assert len(indices) <= 16
        assert len(indices) * max(lengths[pair][index] for index in indices) <= 200
        if len(orders[pair][-1]) == len(lengths[pair]):
            orders[pair].append([])
        orders[pair][-1].extend(indices)
    for pair, epochs in orders.items():
        complete = [epoch for epoch in epochs if len(epoch) == len(lengths[pair])]
        assert len(complete) >= 3
        assert all(sorted(epoch) == list(range(len(lengths[pair]))) for epoch in complete)
        assert len({tuple(epoch) for epoch in complete}) == len(complete)


def test_examples_are_grouped_by_length() -> None:
    lengths = _lengths()[EN]
    sampler = PairSampler({EN: lengths}, max_tokens=200, seed=0)
    real = cells = 0
    for _, indices in islice(sampler, 400):
        sizes = [lengths[index] for index in indices]
        real += sum(sizes)
        cells += len(sizes) * max(sizes)
    assert real / cells > 0.9


@given(st.integers(0, 9000), st.integers(0, 50), st.integers(0, 2**31))
def test_it_goes_on_exactly_where_it_stood(before: int, after: int, seed: int) -> None:
    sampler = _sampler(seed=seed)
    sampler.skip(before)
    state = json.loads(json.dumps(sampler.state_dict()))
    assert len(json.dumps(state)) < 400
    expected = list(islice(sampler, after))
    resumed = _sampler(seed=seed)
    resumed.load_state_dict(state)
    assert resumed.number == before
    assert list(islice(resumed, after)) == expected


def test_the_order_of_the_pairs_changes_nothing_and_the_seed_everything() -> None:
    turned = PairSampler(dict(reversed(_lengths().items())), max_tokens=200, seed=3)
    expected = list(islice(_sampler(), 300))
    assert list(islice(turned, 300)) == expected
    assert list(islice(_sampler(seed=4), 300)) != expected


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_share_the_sequence_between_them(world: int) -> None:
    samplers = [_sampler() for _ in range(world)]
    turns = [[sampler.take(rank, world) for rank, sampler in enumerate(samplers)] for _ in range(50)]
    assert [draw for turn in turns for draw in turn] == list(islice(_sampler(), 50 * world))
    assert len({json.dumps(sampler.state_dict()) for sampler in samplers}) == 1


@pytest.mark.parametrize("options", [{"seed": 4}, {"max_tokens": 300}, {"temperature": 2.0}, {"shares": {"mlm": 0.5}}])
def test_the_state_of_another_run_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConflictError, match="other data, seed or sampling options"):
        _sampler(**options).load_state_dict(_sampler().state_dict())


def test_the_state_of_other_data_is_refused() -> None:
    other = PairSampler(_lengths(1), max_tokens=200, seed=3)
    with pytest.raises(ConflictError):
        other.load_state_dict(_sampler().state_dict())
