"""Options: every one explained, unknown and contradictory ones refused by name, and who overrides whom."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hyperx_cl.config import (
    PRESETS,
    SECTIONS,
    AddOptions,
    AddTaskOptions,
    FewshotOptions,
    FullOptions,
    ModelOptions,
    TrainOptions,
    as_dict,
    help_of,
    parse_shares,
    read_toml,
    resolve,
)
from hyperx_cl.errors import DataError, NotFoundError, UsageError

FIELDS = [(cls, field.name) for cls in SECTIONS.values() for field in dataclasses.fields(cls)]


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_every_option_has_a_help_text(cls: type, name: str) -> None:
    text = help_of(cls, name)
    assert 5 < len(text) < 100 and not text.endswith(".")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("cls", SECTIONS.values())
def test_every_preset_is_valid(preset: str, cls: type[TrainOptions]) -> None:
    section = next(name for name, known in SECTIONS.items() if known is cls)
    options = as_dict(resolve(cls, preset=preset))
    assert options == as_dict(cls()) | PRESETS[preset].get(section, {})


def test_presets_are_the_paper_s_two_sizes() -> None:
    assert {name: resolve(ModelOptions, preset=name).projected for name in PRESETS} == {
        "paper-base": 192,
        "paper-small": 32,
    }
    assert all(resolve(ModelOptions, preset=name).initialisation == "paper" for name in PRESETS)
    assert ModelOptions().initialisation == "scaled"
    train = resolve(TrainOptions, preset="paper-base")
    assert (train.steps, train.warmup, train.temperature, train.clip) == (100_000, 4000, 5.0, 1.0)
    assert (train.max_rows, train.max_tokens) == (32, 32 * train.max_length)
    assert train.rate == train.rate_generator == train.rate_embedding == 1e-4


def test_flag_beats_file_and_file_beats_preset(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[train]\nsteps = 7000\nwarmup = 10\nrate = 1\n[model]\nplacement = "layer"\ndropout = false\n')
    flags = {"steps": 900, "warmup": None}
    found = resolve(TrainOptions, file=file, preset="paper-base", flags=flags)
    assert (found.steps, found.warmup, found.rate, found.max_length) == (900, 10, 1.0, 256)
    assert isinstance(found.rate, float)
    model = resolve(ModelOptions, file=file, preset="paper-small")
    assert (model.placement, model.dropout, model.projected) == ("layer", False, 32)
    assert resolve(AddOptions, file=file) == AddOptions()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trian]\nsteps = 1", r"run\.toml: unknown table \[trian\] \(did you mean 'train'\?\)"),
        ("steps = 1", r"unknown table \[steps\]"),
        ("[train]\nstep = 1", r"unknown key train\.step \(did you mean 'steps'"),
        ("[train]\nplacement = 'ffn'", r"unknown key train\.placement"),
        ("[train]\nsteps = '8000'", r"train\.steps is '8000'; it must be of type int"),
        ("[train]\nsteps = 1.5", "must be of type int"),
        ("[train]\nsteps = true", "must be of type int"),
        ("[train]\nrate = true", "must be of type float"),
        ("[model]\ndropout = 1", "must be of type bool"),
        ("[train]\nprecision = 'fp16'", r"train\.precision is 'fp16'; it must be one of 'auto', 'bf16', 'fp32'"),
    ],
)
def test_a_file_with_what_is_not_known_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        resolve(TrainOptions, file=file)


def test_a_file_of_another_section_is_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[fewshot]\nsteps = 1\n")
    with pytest.raises(UsageError, match=r"unknown key fewshot\.steps"):
        resolve(TrainOptions, file=file)


@pytest.mark.parametrize("content", [b"[train", b"\xff\xfe[train]"])
def test_a_file_that_is_not_toml(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"run\.toml is not a TOML file"):
        read_toml(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no configuration file"):
        resolve(TrainOptions, file=tmp_path / "no.toml")


def test_an_unknown_preset() -> None:
    with pytest.raises(UsageError, match=r"Unknown preset 'paper-bse' \(did you mean 'paper-base'"):
        resolve(TrainOptions, preset="paper-bse")


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
