"""The work of a redo: interrupted and gone on with, and what fails on the way."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
FEW = ("--steps", "4", "--check-every", "1", "--rank", "2", "--shift-pieces", "20", "--precision", "fp32")
CPU = ("--device", "cpu")
REDO = ("languages", "redo", "--model", "anew", "--yes", *CPU, "--quiet")


@pytest.fixture
def two(cli: Cli, root: Path, twofold: Path) -> None:
    """Languages fo and mt of `tiny`."""
    for code in ("fo", "mt"):
        words = ("add-language", code, "--mlm", root / "mlm" / "mt.txt", *FEW, *CPU, "--model", "tiny", "--quiet")
        assert cli(*words).code == 0


def interrupt_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at some step, counted over all languages."""
    from hyperx_cl.train.progress import Silent

    left = [step]

    def count(self: object, done: int, text: str) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    patch.setattr(Silent, "step", count)


def hashes() -> dict[str, str]:
    with Registry.open(readonly=True) as registry:
        return {one.language: one.hash for one in registry.languages("anew")}


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("step", [3, 7], ids=["in the first", "in the second"])
def test_interrupted_and_run_again_is_as_never_interrupted(
    cli: Cli, twofold: Path, step: int, everything: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli(*REDO).out == "fo@1\nmt@1\n"
    whole = hashes()
    for code in ("fo", "mt"):
        assert cli("languages", "remove", code, "--model", "anew", "--yes").code == 0
    with monkeypatch.context() as patch:
        interrupt_at(step, patch)
        ended = cli(*REDO)
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.splitlines()[-1] == "Interrupted; what is whole stays; go on with the same command and --resume."
    kept = {"fo": whole["fo"]} if step == 7 else {}
    assert {code: mark for code, mark in hashes().items() if code in ("fo", "mt")} == kept
    stopped = "mt" if step == 7 else "fo"
    before = everything()
    refused = cli(*REDO)
    assert (refused.code, refused.out) == (4, "")
    assert f"an interrupted run of '{stopped}' has left a checkpoint: go on with --resume, or remove " in refused.err
    assert everything() == before
    ended = cli(*REDO, "--resume")
    assert ended.code == 0, ended.err
    assert ended.out.split() == (["mt@2"] if step == 7 else ["fo@2", "mt@2"])
    assert hashes() == whole
    assert not list((twofold / "checkpoints").rglob("*.safetensors"))


@pytest.mark.usefixtures("two")
def test_what_fails_is_told_and_the_rest_is_done(
    cli: Cli, twofold: Path, monkeypatch: pytest.MonkeyPatch, everything: Picture
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(3, patch)
        assert cli(*REDO).code == 130
    state = next((twofold / "checkpoints" / "anew-fo").rglob("state.json"))
    state.write_text("{}")
    ended = cli(*REDO[:-1], "--resume", "--json")
    first, second = ended.data["languages"]
    assert (ended.code, first["state"], second["state"]) == (6, "failed", "done")
    assert "has another format" in first["why"]
    assert "fo could not be redone for anew" in ended.err.splitlines()[-1]
    assert set(hashes()) == {"en", "tr", "mt"}


@pytest.mark.usefixtures("two")
def test_without_its_backbone_nothing_is_learnt(cli: Cli, everything: Picture) -> None:
    before = everything()
    ended = cli(*REDO, "--backbone", "/nowhere")
    assert (ended.code, ended.out) == (3, "") and "is not in /nowhere: name the folder" in ended.err
    assert everything() == before
