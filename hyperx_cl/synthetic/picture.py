"""A picture of language vectors: their two main directions, drawn as SVG with numpy alone."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np

WIDTH, HEIGHT, MARGIN, TOP, LEGEND = 760, 520, 50, 70, 170
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Told apart by most colour-blind readers; used in turn."""
LETTER = 8.0
"""Width of a letter of a label, in pixels, and a little more."""


def draw(
    vectors: Mapping[str, np.ndarray],
    branches: Mapping[str, str],
    *,
    title: str = "Language vectors (synthetic data)",
    marked: Sequence[str] = (),
) -> str:
    """Draw each language as a labelled dot in the colour of its branch.

    Args:
        vectors: A vector of one size by language; at least one.
        branches: The branch by language; the legend lists them in order of first use.
        title: Stands above; it should say where the data come from.
        marked: Languages drawn as a ring, such as those added afterwards; the legend says so.

    Returns:
        A whole SVG document.

    Raises:
        ValueError: No vector at all.
    """
    if not vectors:
        raise ValueError("a picture needs at least one vector")
    names = list(vectors)
    flat, shares = project(np.stack([np.asarray(vectors[name], dtype=np.float64).ravel() for name in names]))
    places = _to_pixels(flat)
    order = list(dict.fromkeys(branches.get(name, "other") for name in names))
    colours = {branch: COLOURS[i % len(COLOURS)] for i, branch in enumerate(order)}
    body = [*_frame(title, shares)]
    labels = _labels(names, places)
    for name, place, label in zip(names, places, labels, strict=True):
        body += _dot(name, place, label, colours[branches.get(name, "other")], ring=name in marked)
    body += _legend(colours, rings=any(name in marked for name in names))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    style = 'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13" role="img"'
    return "\n".join([f"{head} {style}>", f"<title>{escape(title)}</title>", *body, "</svg>", ""])


def project(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two principal components.

    Args:
        vectors: [n, size].

    Returns:
        Coordinates [n, 2], each direction turned so that its farthest vector is positive, and the share of the
        variance that each explains [2].
    """
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    flat = np.zeros((len(vectors), 2))
    shares = np.zeros(2)
    kept = min(2, len(sizes))
    flat[:, :kept] = left[:, :kept] * sizes[:kept]
    for direction in range(kept):
        # The sign of a component is a whim of the decomposition: fix it, so that the picture is always the same.
        if flat[np.abs(flat[:, direction]).argmax(), direction] < 0:
            flat[:, direction] *= -1
    if (total := float((sizes**2).sum())) > 0:
        shares[:kept] = sizes[:kept] ** 2 / total
    return flat, shares


def _to_pixels(flat: np.ndarray) -> list[tuple[float, float]]:
    """Coordinates inside the frame, both directions in one scale so that distances stay true."""
    wide, high = WIDTH - LEGEND - 2 * MARGIN, HEIGHT - TOP - MARGIN
    low, span = flat.min(axis=0), np.ptp(flat, axis=0)
    # Room inside the frame for the labels.
    scale = 0.82 * min(wide / span[0] if span[0] else np.inf, high / span[1] if span[1] else np.inf)
    scale = scale if np.isfinite(scale) else 1.0
    middle = np.array([MARGIN + wide / 2, TOP + high / 2])
    offset = (flat - low - span / 2) * scale
    return [(float(middle[0] + x), float(middle[1] - y)) for x, y in offset]


def _labels(names: Sequence[str], places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where each label starts: beside its dot, at the first of four sides where it covers no dot and no label."""
    taken = [(x - 7, y - 7, x + 7, y + 7) for x, y in places]
    found = []
    for name, (x, y) in zip(names, places, strict=True):
        wide = LETTER * len(name)
        sides = [(x + 9, y + 5), (x - wide - 9, y + 5), (x - wide / 2, y - 11), (x - wide / 2, y + 20)]
        sides += [(x + 9, y - 9), (x + 9, y + 19), (x - wide - 9, y - 9), (x - wide - 9, y + 19)]
        boxes = [(left, base - 11, left + wide, base + 3) for left, base in sides]
        best = min(range(len(sides)), key=lambda i: (sum(_overlap(boxes[i], other) for other in taken), i))
        taken.append(boxes[best])
        found.append(sides[best])
    return found


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """The area that two boxes (left, top, right, bottom) share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _frame(title: str, shares: np.ndarray) -> list[str]:
    wide, high = WIDTH - LEGEND - 2 * MARGIN, HEIGHT - TOP - MARGIN
    along, up = (f"component {i + 1}: {share:.0%} of the variance" for i, share in enumerate(shares))
    x, y = MARGIN + wide / 2, TOP + high / 2
    return [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="40" font-size="18" fill="#222222">{escape(title)}</text>',
        f'<rect x="{MARGIN}" y="{TOP}" width="{wide}" height="{high}" fill="none" stroke="#bbbbbb"/>',
        f'<text x="{x:.1f}" y="{HEIGHT - 20}" text-anchor="middle" fill="#555555">{along}</text>',
        f'<text x="28" y="{y:.1f}" text-anchor="middle" fill="#555555" transform="rotate(-90 28 {y:.1f})">{up}</text>',
    ]


def _dot(name: str, place: tuple[float, float], label: tuple[float, float], colour: str, *, ring: bool) -> list[str]:
    x, y = place
    fill = "#ffffff" if ring else colour
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="{fill}" stroke="{colour}" stroke-width="2.5"/>',
        f'<text x="{label[0]:.1f}" y="{label[1]:.1f}" fill="#222222">{escape(name)}</text>',
    ]


def _legend(colours: Mapping[str, str], *, rings: bool) -> list[str]:
    x, y = WIDTH - LEGEND - MARGIN + 25, TOP + 15
    lines = [f'<text x="{x}" y="{y}" fill="#222222" font-weight="bold">Branch</text>']
    for i, (branch, colour) in enumerate(colours.items(), 1):
        lines.append(f'<circle cx="{x + 6}" cy="{y + 24 * i - 4}" r="5.5" fill="{colour}"/>')
        lines.append(f'<text x="{x + 22}" y="{y + 24 * i}" fill="#222222">{escape(branch)}</text>')
    if rings:
        below = y + 24 * (len(colours) + 1) + 12
        lines.append(
            f'<circle cx="{x + 6}" cy="{below - 4}" r="5.5" fill="#ffffff" stroke="#222222" stroke-width="2"/>'
        )
        lines.append(f'<text x="{x + 22}" y="{below}" fill="#222222">added afterwards</text>')
    return lines
