"""Preset, file and flags: who overrides whom, and what is not known is refused by name."""

from pathlib import Path

import pytest

from hyperx_cl.config import AddOptions, ModelOptions, TrainOptions, as_dict
from hyperx_cl.errors import DataError, NotFoundError, UsageError
from hyperx_cl.settings import PRESETS, SECTIONS, read_toml, resolve


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
