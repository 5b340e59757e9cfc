"""A chart of one line per model, as SVG text in the page's own ink."""

import html
from collections.abc import Mapping, Sequence

COLOURS = {"no attention": "#94a4a2", "attention": "#e76300", "Transformer": "#3f90da"}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 270, 44, 112, 26, 42

Curve = Sequence[tuple[float, float]]


def lines(
    curves: Mapping[str, Curve],
    x_label: str,
    y_label: str,
    every: int,
    least: float = 10,
    dashed: Mapping[str, Curve] | None = None,
) -> str:
    """An SVG of ``curves``; a tick ``every`` units of x, the y axis reaching ``least`` or more.

    ``dashed`` are a second set, thin and without labels, in the colours of the first.
    """
    longest = max(x for curve in curves.values() for x, _ in curve) * 1.04
    second = dashed or {}
    top = max(least, *(y for c in (*curves.values(), *second.values()) for _, y in c))
    highest = 10 * -(-int(top) // 10)

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + x / longest * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - y / highest * (HEIGHT - TOP - BOTTOM)

    shapes = []
    for level in range(0, highest + 1, 10 if highest <= 50 else 20):
        _, down = at(0, level)
        shapes.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>'
            f'<text x="{LEFT - 8}" y="{down + 4:.1f}" text-anchor="end">{level}</text>'
        )
    for tick in range(every, int(longest) + 1, every):
        across, _ = at(tick, 0)
        shapes.append(
            f'<text x="{across:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{tick}</text>'
        )
    for name, curve in second.items():
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in curve))
        shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="1.5" '
            'stroke-dasharray="5 4" opacity="0.8"/>'
        )
    labels = _spread({name: at(*curve[-1])[1] for name, curve in curves.items()})
    for name, curve in curves.items():
        shapes.append(_line(name, curve, [at(x, y) for x, y in curve], labels[name], y_label))
    middle = (LEFT + WIDTH - RIGHT) / 2
    shapes.append(
        f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{x_label}</text>'
        f'<text x="2" y="12">{y_label}</text>'
    )
    said = "; ".join(f"{n}: " + ", ".join(f"{y:.0f}" for _, y in c) for n, c in curves.items())
    return (
        f'<svg class="mt-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{y_label} by {x_label}. {html.escape(said)}">{"".join(shapes)}</svg>'
    )


def _line(
    name: str, curve: Curve, points: Sequence[tuple[float, float]], label: float, unit: str
) -> str:
    colour = COLOURS[name]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}">'
        f"<title>{name}: {value:.1f} {unit} at {length:g}</title></circle>"
        for (x, y), (length, value) in zip(points, curve, strict=True)
    )
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
        f'<text x="{points[-1][0] + 9:.1f}" y="{label + 4:.1f}" style="fill:{colour}">{name}</text>'
    )


def _spread(heights: Mapping[str, float], gap: float = 16) -> dict[str, float]:
    """Label heights at least ``gap`` apart, in the order of the curves' ends."""
    placed: dict[str, float] = {}
    last = -gap
    for name in sorted(heights, key=lambda n: heights[n]):
        placed[name] = last = max(heights[name], last + gap)
    return placed
