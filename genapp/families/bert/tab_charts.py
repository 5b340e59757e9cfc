"""Charts as SVG text in the page's own ink."""

import html
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 230, 44, 14, 24, 34
COLOURS = ("#e76300", "#3f90da", "#4f9d5d", "#94a4a2")

Curve = Sequence[tuple[float, float]]


def lines(curves: Mapping[str, Curve], x_label: str, y_label: str, low: float, high: float) -> str:
    """An SVG of ``curves`` between ``low`` and ``high``; the legend holds the last values."""
    first = min(x for curve in curves.values() for x, _ in curve)
    last = max(x for curve in curves.values() for x, _ in curve)

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - first) / max(last - first, 1e-9) * (WIDTH - LEFT - RIGHT)
        share = (min(max(y, low), high) - low) / (high - low)
        return across, HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    shapes, legend = [f'<text x="2" y="14">{y_label}</text>'], []
    for i in range(5):
        level = low + i * (high - low) / 4
        _, down = at(first, level)
        shapes.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down:.1f}" y2="{down:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{down + 4:.1f}" text-anchor="end">{level:.3g}</text>'
        )
    for i in range(5):
        x = first + i * (last - first) / 4
        anchor, across = "end" if i == 4 else "middle", at(x, low)[0]
        shapes.append(
            f'<text x="{across:.1f}" y="{HEIGHT - 16}" text-anchor="{anchor}">{x:,.0f}</text>'
        )
    for n, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[n % len(COLOURS)]
        points = [at(x, y) for x, y in curve]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shapes.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (step, value) in zip(points, curve, strict=True):
            shapes.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">'
                f"<title>{html.escape(name)}: {value:.3f} at {step:,.0f}</title></circle>"
            )
        legend.append(
            f'<tspan dx="12" style="fill:{colour}">{html.escape(name)} {curve[-1][1]:.3g}</tspan>'
        )
    shapes.append(f'<text x="{WIDTH - RIGHT}" y="14" text-anchor="end">{"".join(legend)}</text>')
    shapes.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 2}" text-anchor="middle">{x_label}</text>')
    return _svg(shapes, f"{y_label}: {', '.join(curves)}", HEIGHT)


def scatter(points: Sequence[tuple[float, float]], names: Sequence[str]) -> str:
    """An SVG map of ``points`` with a short name at each."""
    size = 300
    reach = max([abs(v) for point in points for v in point] + [1e-6])
    shapes = [
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{size / 2}" y2="{size / 2}"/>',
        f'<line class="grid" x1="{WIDTH / 2}" x2="{WIDTH / 2}" y1="0" y2="{size}"/>',
    ]
    taken: list[tuple[float, float]] = []
    for n, ((x, y), name) in enumerate(zip(points, names, strict=True)):
        across = WIDTH / 2 + x / reach * (WIDTH / 2 - 70)
        down = size / 2 - y / reach * (size / 2 - 24)
        at = down - 9
        while any(abs(t - at) < 14 and abs(s - across) < 100 for s, t in taken):
            at += 14
        taken.append((across, at))
        short = name if len(name) <= 22 else f"{name[:21]}…"
        shapes.append(
            f'<circle cx="{across:.1f}" cy="{down:.1f}" r="5" fill="{COLOURS[n % 3]}">'
            f"<title>{html.escape(name)}</title></circle>"
            f'<text x="{across:.1f}" y="{at:.1f}" text-anchor="middle">{n + 1} '
            f"{html.escape(short)}</text>"
        )
    return _svg(shapes, "sentences on a map: " + "; ".join(names), size)


def _svg(shapes: Sequence[str], label: str, height: int) -> str:
    return (
        f'<svg class="bt-chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{html.escape(label)}">{"".join(shapes)}</svg>'
    )
