"""How many numbers a model trains, from its shape alone."""

from hyperx_cl.config import ModelOptions
from hyperx_cl.model.shapes import Shape


def trainable(options: ModelOptions, *, layers: int, hidden: int, languages: int, tasks: int) -> dict[str, int]:
    """Count what base training trains, heads left out.

    Args:
        options: The model's options.
        layers: Layers of the backbone.
        hidden: Its hidden width.
        languages: Base languages.
        tasks: Tasks.

    Returns:
        Counts by kind of tensor; the total is ``sum(counts.values())``. Of the backbone's LayerNorms a model has
        copies: one behind the embeddings and two a layer, each a scale and a shift.
    """
    shape = Shape(layers, hidden, options)
    counts = {
        **shape.hypernetwork_numbers(),
        "task embeddings": tasks * options.embedding,
        "language embeddings": languages * options.embedding,
        "LayerNorms": (2 * layers + 1) * 2 * hidden,
    }
    if options.language_part:
        counts["language parts"] = languages * shape.part_numbers(options.language_part)
    return counts
