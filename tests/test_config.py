"""Options: every one explained, contradictory ones refused by name."""

import dataclasses
from typing import Any

import pytest

from hyperx_cl.config import (
    AddOptions,
    AddTaskOptions,
    FewshotOptions,
    FullOptions,
    ModelOptions,
    TrainOptions,
    help_of,
    parse_shares,
)
from hyperx_cl.errors import UsageError
from hyperx_cl.settings import SECTIONS

FIELDS = [(cls, field.name) for cls in SECTIONS.values() for field in dataclasses.fields(cls)]


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_every_option_has_a_help_text(cls: type, name: str) -> None:
    text = help_of(cls, name)
    assert 5 < len(text) < 100 and not text.endswith(".")


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (TrainOptions, {"steps": 10, "warmup": 10}, r"warmup \(10\) must be smaller than steps \(10\)"),
        (TrainOptions, {"max_length": 900}, r"max_length \(900\) must not exceed max_tokens \(800\)"),
        (AddOptions, {"max_tokens": 32}, r"max_length \(64\) must not exceed max_tokens \(32\)"),
        (FewshotOptions, {"max_tokens": 32}, r"max_length \(128\) must not exceed max_tokens \(32\)"),
        (TrainOptions, {"steps": 0}, "steps is 0; it must be at least 1"),
        (TrainOptions, {"rate": 0.0}, "rate is 0.0; it must be above 0"),
        (TrainOptions, {"rate": float("nan")}, "rate is nan; it must be above 0"),
        (TrainOptions, {"mask_rate": 1.0}, "mask_rate is 1.0; it must lie between 0 and 1"),
        (TrainOptions, {"final_rate": -0.1}, "final_rate is -0.1; it must be at least 0 and at most 1"),
        (TrainOptions, {"precision": "fp16"}, "precision is 'fp16'; it must be auto or bf16 or fp32"),
        (TrainOptions, {"seed": -1}, "seed is -1"),
        (TrainOptions, {"max_length": 4}, "max_length is 4; it must be at least 8"),
        (ModelOptions, {"bottleneck": 0}, "bottleneck is 0"),
        (
            ModelOptions,
            {"placement": "layers"},
            r"placement is 'layers'; it must be ffn or layer \(did you mean 'layer'",
        ),
        (ModelOptions, {"initialisation": "kaiming"}, "initialisation is 'kaiming'"),
        (ModelOptions, {"language_part": -1}, "language_part is -1"),
        (AddOptions, {"patch_pieces": -1}, "patch_pieces is -1; it must be at least 0"),
        (AddOptions, {"keep_part": 0.0}, "keep_part is 0.0"),
        (AddOptions, {"keep_shift": 2.0}, "keep_shift is 2.0; it must be at least 0 and at most 1"),
        (AddOptions, {"keep_part": 1.5}, "keep_part is 1.5; it must be at least 0 and at most 1"),
        (AddOptions, {"patch_least": 0}, "patch_least is 0; it must be at least 1"),
        (AddOptions, {"capacity": "all"}, "capacity is 'all'; it must be part or vector or both"),
        (AddOptions, {"start": "zero"}, "start is 'zero'"),
        (AddOptions, {"precision": "half"}, "precision is 'half'"),
        (AddTaskOptions, {"max_tokens": 32}, r"max_length \(128\) must not exceed max_tokens \(32\)"),
        (AddTaskOptions, {"start": ""}, "start is empty; name best, mean or a task"),
        (AddTaskOptions, {"screen_steps": 0}, "screen_steps is 0; it must be at least 1"),
        (AddTaskOptions, {"rate_embedding": 0.0}, "rate_embedding is 0.0; it must be above 0"),
        (AddTaskOptions, {"temperature": 0.5}, "temperature is 0.5"),
        (FewshotOptions, {"n": 1}, "n is 1; it must be at least 2"),
        (FewshotOptions, {"folds": 1}, "folds is 1"),
        (FullOptions, {"full_epochs": 0}, "full_epochs is 0; it must be at least 1"),
        (FullOptions, {"full_pairs": 0}, "full_pairs is 0"),
        (FullOptions, {"full_rate": 0.0}, "full_rate is 0.0; it must be above 0"),
        (FullOptions, {"full_weight": -1.0}, "full_weight is -1.0; it must be at least 0"),
        (FewshotOptions, {"precision": "half"}, "precision is 'half'"),
    ],
)
def test_values_out_of_range_or_against_each_other(cls: type, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cls(**values)


def test_options_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainOptions().steps = 1  # type: ignore[misc]


def test_shares() -> None:
    assert parse_shares("") == {}
    assert parse_shares("mlm=0.5, pos=0.3,") == {"mlm": 0.5, "pos": 0.3}
    for text, message in (
        ("mlm", "'mlm' is not of the form task=number"),
        ("mlm=a", "'mlm=a' is not of the form"),
        ("=0.5", "'=0.5' is not of the form"),
        ("mlm=1.5", "share of 'mlm' must lie between 0 and 1"),
        ("mlm=nan", "share of 'mlm' must lie between 0 and 1"),
        ("mlm=0.7,pos=0.7", "add up to 1.4"),
        ("mlm=0.2,mlm=0.3", "names 'mlm' twice"),
    ):
        with pytest.raises(UsageError, match=f"task_shares: .*{message}"):
            TrainOptions(task_shares=text)
    assert parse_shares("mlm=0.5", ["mlm", "pos"]) == {"mlm": 0.5}
    with pytest.raises(UsageError, match=r"names the task 'po' \(did you mean 'pos'\?\), which is not trained"):
        parse_shares("po=0.5", ["mlm", "pos"])
    with pytest.raises(UsageError, match="names every task, but the shares add up to 0.9; make it 1"):
        parse_shares("mlm=0.5,pos=0.4", ["mlm", "pos"])


def test_a_temperature_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="temperature is 0.9; it must be at least 1"):
        TrainOptions(temperature=0.9)
