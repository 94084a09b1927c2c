"""How many numbers a model trains, from its shape and the LayerNorms of its backbone."""

import math
from pathlib import Path

from hyperx_cl.config import ModelOptions
from hyperx_cl.model.shapes import Shape


def trainable(
    options: ModelOptions, *, layers: int, hidden: int, languages: int, tasks: int, norms: int | None = None
) -> dict[str, int]:
    """Count what base training trains, heads left out.

    Args:
        options: The model's options.
        layers: Layers of the backbone.
        hidden: Its hidden width.
        languages: Base languages.
        tasks: Tasks.
        norms: Numbers of the backbone's LayerNorms, of which a model has copies. By default as in BERT: one behind the
            embeddings and two a layer, each a scale and a shift.

    Returns:
        Counts by kind of tensor; the total is ``sum(counts.values())``.
    """
    shape = Shape(layers, hidden, options)
    counts = {
        **shape.hypernetwork_numbers(),
        "task embeddings": tasks * options.embedding,
        "language embeddings": languages * options.embedding,
        "LayerNorms": (2 * layers + 1) * 2 * hidden if norms is None else norms,
    }
    if options.language_part:
        counts["language parts"] = languages * shape.part_numbers(options.language_part)
    return counts


def stored_norms(folder: Path) -> int | None:
    """Count the LayerNorms' numbers in a stored model, out of its file's table; None where the file is not there."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / "model.safetensors", framework="numpy") as file:
            named = [name for name in file.keys() if name.startswith("norms.")]  # noqa: SIM118 - it is no mapping
            return int(sum(math.prod(file.get_slice(name).get_shape()) for name in named))
    except (OSError, SafetensorError):
        return None
