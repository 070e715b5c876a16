"""CPU time of a message against the baseline, drawn as bars with whiskers: an SVG for light and dark pages."""

from xml.sax.saxutils import escape

WIDTH, LABELS, RIGHT, BAR, LINE, TOP, BOTTOM = 860, 260, 70, 18, 26, 52, 34

STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.page { fill: #ffffff }
.title { font-weight: 600; font-size: 15px }
.heading { font-weight: 600 }
.note { fill: #59636e; font-size: 12px }
.peer { fill: #8c959f } .gateway { fill: #0969da } .base { stroke: #1f2328; stroke-dasharray: 4 3 }
.grid { stroke: #d1d9e0 } .whisker { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } text { fill: #f0f6fc } .note { fill: #9198a1 }
  .peer { fill: #6e7681 } .gateway { fill: #4493f8 } .base, .whisker { stroke: #f0f6fc } .grid { stroke: #3d444d }
}"""


def svg(groups, baseline):
    """`groups` are headings with bars; a bar is its label, whether it stands out, and lower quarter, median and upper quarter."""
    most = max([high for _, bars in groups for *_, (_, _, high) in bars] + [1.0])
    step = next(step for step in (0.25, 0.5, 1, 2, 5, 10, 20, 50) if most / step <= 8)
    ticks = int(most / step) + 1
    below = TOP + LINE * sum(1 + len(bars) for _, bars in groups)

    def x(value):
        return round(LABELS + (WIDTH - LABELS - RIGHT) * value / (ticks * step), 1)

    # A background of its own: what shows it may be light where the system is dark.
    parts = [f'<rect class="page" width="{WIDTH}" height="{below + BOTTOM}" rx="6"/>',
             text(12, 22, f"CPU time of a message against {baseline}", "title"),
             text(12, 41, f"shorter is better; whiskers are the middle half of the rounds; the dashed line is {baseline}", "note")]
    for tick in range(ticks + 1):
        value = tick * step
        parts += [line(x(value), TOP, x(value), below, "grid"), text(x(value), below + 18, f"{value:g}", "note", "middle")]
    y = TOP
    for heading, bars in groups:
        parts.append(text(12, y + 19, heading, "heading"))
        for label, stands_out, (low, median, high) in bars:
            y += LINE
            middle = y + BAR / 2 + (LINE - BAR) / 2
            parts += [
                text(LABELS - 10, middle + 4.5, label, None, "end"),
                f'<rect class="{"gateway" if stands_out else "peer"}" x="{x(0)}" y="{middle - BAR / 2}" '
                f'width="{round(x(median) - x(0), 1)}" height="{BAR}" rx="2"/>',
                line(x(low), middle, x(high), middle, "whisker"), line(x(low), middle - 4, x(low), middle + 4, "whisker"),
                line(x(high), middle - 4, x(high), middle + 4, "whisker"),
                text(x(high) + 8, middle + 4.5, f"{median:.2f}"),
            ]
        y += LINE
    parts.append(line(x(1), TOP, x(1), below, "base"))
    height = below + BOTTOM
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
    title = f"<title>CPU time of a message against {escape(baseline)}</title>"
    return "\n".join([head, title, f"<style>\n{STYLE}\n</style>", *parts, "</svg>", ""])


def text(x, y, content, kind=None, anchor=None):
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x}" y="{y}"{kind}{anchor}>{escape(content)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
