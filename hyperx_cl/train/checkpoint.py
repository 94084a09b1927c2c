"""Checkpoints to resume from: tensors in safetensors, everything else in JSON, written whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from hyperx_cl.errors import DataError
from hyperx_cl.train.loop import DivergedError, Loop
from hyperx_cl.writing import settle, told

FORMAT = "hyperx-cl/checkpoint@1"
TENSORS, STATE, DIVERGED = "tensors.safetensors", "state.json", "diverged.json"
MENDING = ("rate", "rate_generator", "rate_embedding", "clip", "precision")
"""Options that may be changed on the way, but only by who goes on from a checkpoint that diverged."""


def random_state(loop: Loop) -> dict[str, Tensor]:
    """Where this process's random numbers stand, by name: those of torch, and those of the GPU, where dropout draws."""
    device, named = _device(loop), {"torch": torch.get_rng_state()}
    if device.type == "cuda":
        named["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        named["mps"] = torch.mps.get_rng_state()
    return named


def save_checkpoint(
    folder: Path, loop: Loop, tensors: Mapping[str, Tensor], state: Mapping[str, Any],
    others: Sequence[Mapping[str, Tensor]] = (),
) -> None:  # fmt: skip
    """Keep what an interrupted run needs to go on with the same numbers.

    Args:
        folder: Replaced as a whole; the old one stays until the new one is complete.
        loop: Its optimiser, step and token counts are kept.
        tensors: The trained tensors by name.
        state: JSON-able: sampler, configuration, best scores.
        others: `random_state` of the other processes, from rank 1 on.

    Raises:
        DivergedError: The numbers have left all bounds; the checkpoint before stays.
        StorageError: It cannot be written; the checkpoint before stays.
    """
    loop.expect_sound()
    optimiser = loop.optimiser.state_dict()
    named = {f"model/{name}": value for name, value in tensors.items()}
    for index, moments in optimiser["state"].items():
        named |= {f"optimiser/{index}/{name}": value for name, value in moments.items()}
    for rank, drawn in enumerate((random_state(loop), *others)):
        named |= {f"{_random_of(rank)}{name}": value for name, value in drawn.items()}
    text = {
        "format": FORMAT, "step": loop.number, "tokens": loop.tokens, "threads": torch.get_num_threads(),
        "piece_limit": loop.memory.limit, **state,
    }  # fmt: skip
    checkpoint_exists(folder)  # one that was moved aside comes back before what lies aside is removed
    fresh, old = _beside(folder)
    try:
        with told(folder):
            for leftover in (fresh, old):
                shutil.rmtree(leftover, ignore_errors=True)
            fresh.mkdir(parents=True)
            save_file({name: value.detach().cpu().contiguous() for name, value in named.items()}, fresh / TENSORS)
            (fresh / STATE).write_text(json.dumps(text), encoding="utf-8")
            for name in (TENSORS, STATE):
                settle(fresh / name)
            if folder.exists():
                os.replace(folder, old)
            os.replace(fresh, folder)
    except BaseException:
        checkpoint_exists(folder)
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def checkpoint_exists(folder: Path) -> bool:
    """Whether there is a whole checkpoint; one whose replacement was cut off is put back first."""
    _, old = _beside(folder)
    if not folder.exists() and old.exists():
        os.replace(old, folder)
    return (folder / STATE).is_file()


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint, and what an interruption while it was being replaced has left beside it."""
    fresh, old = _beside(folder)
    for part in (fresh, old):
        shutil.rmtree(part, ignore_errors=True)
    if folder.exists():
        os.replace(folder, fresh)  # at once: half of one would be taken for damaged
    shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def naming_checkpoint(folder: Path | None) -> Iterator[None]:
    """Where numbers leave all bounds, say that the checkpoint stays, and let it be gone on from with lower rates."""
    try:
        yield
    except DivergedError as error:
        if folder is None or not checkpoint_exists(folder):
            raise
        facts = {"step": error.step, "pair": list(error.pair), "sentences": error.sentences}
        with told(folder):
            (folder / DIVERGED).write_text(json.dumps(facts), encoding="utf-8")
        raise DivergedError(error.step, error.batch, read_state(folder)["step"]) from error


def options_to_compare(folder: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that must be those a checkpoint was made with: all, or all but `MENDING` where it diverged."""
    free = MENDING if (folder / DIVERGED).exists() else ()
    return {name: value for name, value in options.items() if name not in free}


def same_run(folder: Path, configuration: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is of this configuration, whose ``options`` are compared as `options_to_compare` says."""
    kept: dict[str, Any] = read_state(folder)["configuration"]
    one, other = ({**told, "options": options_to_compare(folder, told["options"])} for told in (kept, configuration))
    return one == other


def under(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``name/``, without that."""
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}/")}


def told_of(state: Mapping[str, Any]) -> str:
    """What a resumed run should say first: where it goes on, and whether its numbers can be the same."""
    now, before = torch.get_num_threads(), state.get("threads", torch.get_num_threads())
    other = f", with {now} threads instead of {before}: the numbers will differ a little" if now != before else ""
    return f"going on from the checkpoint of step {state['step']}{other}"


def read_state(folder: Path) -> dict[str, Any]:
    """Read what a checkpoint keeps besides tensors.

    Raises:
        DataError: The checkpoint is damaged or of another format.
    """
    try:
        state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise DataError(f"The checkpoint in {folder} has another format than {FORMAT}; remove it to start again.")
    return state


def load_checkpoint(folder: Path, loop: Loop) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint and put the loop where it stood.

    Args:
        folder: What `save_checkpoint` wrote.
        loop: One with the same parameters in the same order; its learning rates stay its own.

    Returns:
        The trained tensors, and the state that was kept with them.

    Raises:
        DataError: The checkpoint is damaged or of another format.
    """
    state = read_state(folder)
    try:
        named = load_file(folder / TENSORS)
    except (OSError, ValueError, SafetensorError) as error:
        raise _damaged(folder, error) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in named.items():
        kind, _, rest = name.partition("/")
        if kind == "optimiser":
            index, _, moment = rest.partition("/")
            moments.setdefault(int(index), {})[moment] = value
    loop.optimiser.load_state_dict({"state": moments, "param_groups": loop.optimiser.state_dict()["param_groups"]})
    loop.number, loop.tokens, loop.memory.limit = state["step"], state["tokens"], state.get("piece_limit")
    _draw_on(loop, named)
    for leftover in _beside(folder):  # of a killed process, which no later checkpoint may come to remove
        shutil.rmtree(leftover, ignore_errors=True)
    return {name[len("model/") :]: value for name, value in named.items() if name.startswith("model/")}, state


def _random_of(rank: int) -> str:
    return f"random/{rank}/" if rank else "random/"


def _draw_on(loop: Loop, named: Mapping[str, Tensor]) -> None:
    """Let this process's random numbers go on as they would have, where the checkpoint knows how."""
    own = _random_of(loop.accelerator.process_index)
    kept = {name: named[f"{own}{name}"] for name in ("torch", "cuda", "mps") if f"{own}{name}" in named}
    device = _device(loop)
    if "torch" in kept:
        torch.set_rng_state(kept["torch"])
    if "cuda" in kept and device.type == "cuda":
        torch.cuda.set_rng_state(kept["cuda"], device)
    if "mps" in kept and device.type == "mps":
        torch.mps.set_rng_state(kept["mps"])


def _beside(folder: Path) -> tuple[Path, Path]:
    """Where the next checkpoint is written, and where the last one waits meanwhile."""
    return folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")


def _device(loop: Loop) -> torch.device:
    return loop.parameters[0].device


def _damaged(folder: Path, error: Exception) -> DataError:
    return DataError(f"The checkpoint in {folder} cannot be read: {error}; remove it to start again.")
