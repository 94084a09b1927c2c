"""Preset, TOML file and flags, put together into one object of options.

A TOML file has the tables ``[model]``, ``[train]``, ``[add_language]``, ``[add_task]``, ``[fewshot]`` and ``[full]``;
a flag overrides the file, the file overrides the preset. Unknown keys are refused by name.
"""

import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hyperx_cl.config import (
    AddOptions,
    AddTaskOptions,
    FewshotOptions,
    FullOptions,
    ModelOptions,
    Tokens,
    TrainOptions,
)
from hyperx_cl.errors import DataError, NotFoundError, UsageError, did_you_mean

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # The paper's section 4.3 and its public configuration: 100,000 steps of 32 sentences, linear to zero.
    name: {
        "model": {"projected": projected, "initialisation": "paper", "dropout": True},
        "train": {
            "steps": 100_000, "warmup": 4000, "rate": 1e-4, "rate_generator": 1e-4, "rate_embedding": 1e-4,
            "final_rate": 0.001, "max_rows": 32, "max_tokens": 8192, "max_length": 256, "validate_every": 5000,
            "average_last": 1,
        },
    }
    for name, projected in (("paper-base", 192), ("paper-small", 32))
}  # fmt: skip
"""Named settings: ``paper-base`` and ``paper-small`` follow the paper's appendix."""

SECTIONS = {
    "model": ModelOptions, "train": TrainOptions, "add_language": AddOptions, "add_task": AddTaskOptions,
    "fewshot": FewshotOptions, "full": FullOptions,
}  # fmt: skip

Options = TypeVar("Options", ModelOptions, TrainOptions, AddOptions, AddTaskOptions, FewshotOptions, FullOptions)


def resolve(
    cls: type[Options], *, file: Path | None = None, preset: str | None = None, flags: Mapping[str, Any] | None = None
) -> Options:
    """Put preset, TOML file and flags together into one option object.

    Args:
        cls: The option class, one of `SECTIONS`.
        file: TOML file with one table a section.
        preset: A name in `PRESETS`.
        flags: What was typed; values of ``None`` were not typed.

    Raises:
        UsageError: An unknown preset, table or key, a value of the wrong type or out of range, or a contradiction.
        NotFoundError: `file` does not exist.
        DataError: `file` is not TOML.
    """
    section = next(name for name, known in SECTIONS.items() if known is cls)
    if preset is not None and preset not in PRESETS:
        raise UsageError(f"Unknown preset '{preset}'{did_you_mean(preset, PRESETS)}; known are {', '.join(PRESETS)}.")
    values: dict[str, Any] = dict(PRESETS[preset].get(section, {})) if preset else {}
    if file is not None:
        values |= read_toml(file).get(section, {})
    values |= {key: value for key, value in (flags or {}).items() if value is not None}
    return cls(**values)


def read_toml(file: Path) -> dict[str, dict[str, Any]]:
    """Read a TOML file of options and refuse what `SECTIONS` does not know.

    Raises:
        UsageError: An unknown table or key, or a value of the wrong type.
        NotFoundError: `file` does not exist.
        DataError: `file` is not TOML.
    """
    if not file.is_file():
        raise NotFoundError(f"There is no configuration file {file}; see to --config.")
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file} is not a TOML file ({error}); correct it there.") from error
    for section, table in tables.items():
        if section not in SECTIONS or not isinstance(table, dict):
            raise UsageError(
                f"{file}: unknown table [{section}]{did_you_mean(section, SECTIONS)}; use one of {', '.join(SECTIONS)}."
            )
        known = get_type_hints(SECTIONS[section])
        for key, value in table.items():
            if key not in known:
                raise UsageError(f"{file}: unknown key {section}.{key}{did_you_mean(key, known)}; remove or rename it.")
            table[key] = _typed(f"{file}: {section}.{key}", value, known[key])
    return tables


def _typed(where: str, value: Any, kind: Any) -> Any:
    if kind == Tokens:
        if value == "auto":
            return value
        kind = int
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise UsageError(f"{where} is {value!r}; it must be one of {', '.join(map(repr, get_args(kind)))}.")
        return value
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(k for k in get_args(kind) if k is not type(None))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise UsageError(f"{where} is {value!r}; it must be of type {kind.__name__}.")
    return value
