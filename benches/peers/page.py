"""The results as tables for people, and where docs/benchmarks.md has them."""

import re
import statistics

import plot
from relays import BASELINE, HERE, LARGE, PEERS, SMALL, gateway

DOCS = HERE.parent.parent / "docs"
PAGE, PLOT = DOCS / "benchmarks.md", DOCS / "benchmarks.svg"
BEGIN, END = "<!-- run.py writes from here -->", "<!-- to here -->"
GATEWAY = gateway("mq-gateway")
RELAYS = [relay.name for relay in [*PEERS, GATEWAY]]
WORKS = [work.description for work in GATEWAY.works]


# ---- figures -----------------------------------------------------------------------------------------------------------


def rows(results):
    """The runs of each row: relay, work and connections, those of one work together."""
    found = {}
    for run in results["timed"]:
        found.setdefault((run["relay"], run["work"], run["connections"]), []).append(run)
    return dict(sorted(found.items(), key=lambda row: (WORKS.index(row[0][1]), RELAYS.index(row[0][0]))))


def ratios(found, row):
    """CPU time of a message against HAProxy's of the same round: of the same size, or of a publish of 1 KB where it cannot do the work."""
    _, work, connections = row
    base = found.get((BASELINE, LARGE if work == LARGE else SMALL, connections), [])
    by_round = {run["round"]: run["cpu_us"] for run in base}
    return [run["cpu_us"] / by_round[run["round"]] for run in found[row] if run["round"] in by_round]


def middle(values):
    """Lower quarter, median and upper quarter."""
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values, *values, *values]


def groups(results):
    """What the plot shows of the rows with many connections: headings, and of each bar its label, whether it is ours, and `middle`."""
    found = rows(results)
    bars = {row: middle(values) for row in found if row[2] > 1 and row[0] != BASELINE and (values := ratios(found, row))}

    def group(heading, wanted, label):
        return heading, [(label(row), row[0] == GATEWAY.name, bar) for row, bar in bars.items() if wanted(row[1])]

    return [
        *(group(work, lambda done, work=work: done == work, lambda row: row[0]) for work in (SMALL, LARGE)),
        group(f"{GATEWAY.name}, each message against a publish of 1 KB", lambda done: done not in (SMALL, LARGE), lambda row: row[1]),
    ]


# ---- tables ------------------------------------------------------------------------------------------------------------


def tables(results):
    parts = []
    found = rows(results)
    for connections in sorted({row[2] for row in found}, reverse=True):
        lines = [cells_of_run(found, row) for row in found if row[2] == connections]
        heading = f"{connections} connections, 16 where messages are received" if connections > 1 else "One connection"
        parts += [f"**{heading}: medians of {max(run['round'] for run in results['timed'])} rounds**",
                  table(["relay", "work", "CPU µs", f"against {BASELINE}", "middle half", "messages/s", "p50 µs", "p99 µs", "RSS MiB",
                         "new connections"], lines)]
    if results["exact"]:
        counted = sorted(results["exact"], key=lambda row: (WORKS.index(row["work"]), RELAYS.index(row["relay"])))
        base = next((row["instructions"] for row in counted if row["relay"] == BASELINE), None)
        lines = [[row["relay"], row["work"], number(row["instructions"], ",.0f"), number(quotient(row["instructions"], base), ".2f"),
                  number(row["calls"], ".1f"), number(row["calls_many"], ".1f")] for row in counted]
        parts += ["**Exact counts of each message**",
                  table(["relay", "work", "user instructions", f"against {BASELINE}", "system calls, 1 connection", "64 connections"],
                        lines)]
    if results["timed"]:
        others = statistics.median(run["others"] for run in results["timed"])
        parts.append(f"Meanwhile other programs took {others:.1f} of the {results['machine']['cpus']} CPUs (median of the runs).")
    return "\n\n".join([about(results["machine"]), *parts])


def cells_of_run(found, row):
    runs = found[row]

    def median(name, form):
        values = [run[name] for run in runs if run[name] is not None]
        return number(statistics.median(values) if values else None, form)

    low, mid, high = middle(ratios(found, row) or [None])
    span = "–" if mid is None else f"{low:.2f}–{high:.2f}"
    return [row[0], row[1], median("cpu_us", ".1f"), number(mid, ".2f"), span, median("messages_per_second", ",.0f"),
            median("p50_us", ",.0f"), median("p99_us", ",.0f"), median("resident_mib", ".0f"), median("new_connections", ",.0f")]


def number(value, form):
    return "–" if value is None else format(value, form)


def quotient(value, base):
    return value / base if value and base else None


def table(heads, lines):
    """The first two columns are words."""
    marks = ["---", "---"] + ["---:"] * (len(heads) - 2)
    return "\n".join("| " + " | ".join(bold_gateway(line)) + " |" for line in [heads, marks, *lines])


def bold_gateway(line):
    return [f"**{line[0]}**", *line[1:]] if line[0] == GATEWAY.name else line


def about(machine):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    text = f"{machine['cpu']}, {machine['cpus']} CPUs{' of a virtual machine' if machine['virtual'] else ''}, {machine['system']}, "
    text += f"Linux {machine['kernel']}; {versions}."
    if machine["left_out"]:
        text += f" Left out, since their programs are missing: {', '.join(machine['left_out'])}."
    return text


# ---- the page ----------------------------------------------------------------------------------------------------------


def write(results):
    text = PAGE.read_text()
    if results["timed"]:
        PLOT.write_text(plot.svg(groups(results), BASELINE))
    content = f"{BEGIN}\n\n{tables(results)}\n\n{END}"
    PAGE.write_text(re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: content, text, count=1, flags=re.S))
