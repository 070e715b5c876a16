#!/usr/bin/env python3
"""The dashboard as a picture, from a run's figures: `tests/alerts/plot.py FIGURES PICTURE`. Laid out as Grafana lays it out."""

import json
import pathlib
import re
import sys

import matplotlib
from dashboard import SPAN
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as pyplot  # noqa: E402 (after the choice of what draws)
from matplotlib.patches import Rectangle  # noqa: E402
from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMN, LINE = 0.62, 0.27  # inches of one of Grafana's 24 columns, and of a unit of its heights
DOTS = 96  # an inch
HEAD = 2  # of Grafana's heights, for the title
BACKGROUND, PANEL, TEXT, GRID, LIMIT = "#111217", "#181b1f", "#ccccdc", "#2c3036", "#f2495c"
COLOURS = ["#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#96d98d", "#ffa6b0", "#c0d8ff"]
MOST_IN_LEGEND = 5


def scaled(value, units):
    for size, letter in units:
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def shown(value, unit):
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bytes":
        return scaled(value, [(1 << 30, " GiB"), (1 << 20, " MiB"), (1 << 10, " KiB")])
    if unit == "s":
        return f"{value * 1000:.3g} ms" if 0 < abs(value) < 1 else f"{value:.4g} s"
    return scaled(value, [(1e6, " M"), (1e3, " k")]) + ("/s" if unit == "reqps" else "")


def label(form, metric):
    return re.sub(r"\{\{(\w+)\}\}", lambda found: metric.get(found[1], ""), form).strip()


def with_gaps(points, step=2):
    """A line breaks where there is no value."""
    xs, ys = [], []
    for at, value in points:
        if xs and at - xs[-1] > step * 1.5:
            xs.append(xs[-1] + step)
            ys.append(float("nan"))
        xs.append(at)
        ys.append(value)
    return xs, ys


def draw(axes, panel, figures, end):
    defaults = panel["fieldConfig"]["defaults"]
    custom, unit = defaults["custom"], defaults["unit"]
    lines = [(label(form, metric), points) for form, found in figures for metric, points in found]
    lines.sort(key=lambda line: -max((value for _, value in line[1] if value == value), default=0))
    style = "steps-post" if custom["lineInterpolation"] == "stepAfter" else "default"
    stacked = {}
    for number, (name, points) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = [(at - end, value) for at, value in points]
        if custom["stacking"]["mode"] == "normal":
            below = [stacked.get(at, 0) for at, _ in points]
            points = [(at, value + under) for (at, value), under in zip(points, below)]
            stacked.update(points)
            axes.fill_between([at for at, _ in points], below, [value for _, value in points], color=colour, alpha=0.35, lw=0)
        xs, ys = with_gaps(points)
        axes.plot(xs, ys, color=colour, linewidth=1, drawstyle=style, label=name if number < MOST_IN_LEGEND else None)
    limits = [step["value"] for step in defaults["thresholds"]["steps"] if step["value"] is not None]
    for limit in limits:
        axes.axhline(limit, color=LIMIT, linewidth=0.8, linestyle="--")
    low, high = axes.get_ylim()
    axes.set_ylim(defaults.get("min", low), max(high, *[limit * 1.15 for limit in limits]) if limits else high)
    axes.set_xlim(-SPAN, 0)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, unit)))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} s" if value else "now"))
    axes.set_title(panel["title"], loc="left", fontsize=9, color=TEXT, pad=4)
    axes.set_facecolor(PANEL)
    axes.grid(color=GRID, linewidth=0.5)
    axes.tick_params(colors=TEXT, labelsize=6.5, length=0)
    for spine in axes.spines.values():
        spine.set_color(GRID)
    more = len(lines) - MOST_IN_LEGEND
    if more > 0:
        axes.plot([], [], alpha=0, label=f"… and {more} more")
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(-0.01, -0.1), ncols=3, fontsize=6, frameon=False, labelcolor=TEXT, handlelength=1,
        columnspacing=1, labelspacing=0.25, borderpad=0,
    )
    legend.set_in_layout(False)


def main():
    figures = json.loads(pathlib.Path(sys.argv[1]).read_text())
    dashboard = json.loads((ROOT / "deploy/grafana/mq-gateway.json").read_text())
    panels = dashboard["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    height += HEAD
    picture = pyplot.figure(figsize=(24 * COLUMN, height * LINE), facecolor=BACKGROUND)
    picture.text(0.01, 1 - 1 / height, dashboard["title"], color=TEXT, fontsize=14, va="center", weight="bold")
    for panel in panels:
        place = panel["gridPos"]
        left, width = place["x"] / 24, place["w"] / 24
        top, tall = 1 - (place["y"] + HEAD) / height, place["h"] / height
        if panel["type"] == "row":
            picture.text(0.01, top - tall * 0.55, panel["title"], color=TEXT, fontsize=11, va="center", weight="bold")
            continue
        corner, look = (left + 0.003, top - tall * 0.98), {"facecolor": PANEL, "edgecolor": GRID, "linewidth": 0.5, "zorder": -1}
        card = Rectangle(corner, width - 0.006, tall * 0.96, **look)
        picture.add_artist(card)
        axes = picture.add_axes((left + 0.045, top - tall * 0.74, width - 0.057, tall * 0.6))
        draw(axes, panel, figures["panels"][str(panel["id"])], figures["end"])
    picture.savefig(sys.argv[2], dpi=DOTS, facecolor=BACKGROUND)
    # A few colours are enough, and a quarter of the bytes.
    with Image.open(sys.argv[2]) as whole:
        fewer = whole.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    fewer.save(sys.argv[2], optimize=True)


if __name__ == "__main__":
    main()
