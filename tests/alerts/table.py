"""The table at the top of docs/operate/alerts.md, and whether the rules and Alertmanager's configuration say the same."""

import re
from dataclasses import dataclass

ALERT = re.compile(r"MqGateway\w+")
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
# As the page itself says below its table's head.
BURN = {"MqGatewayPublishBurnFast", "MqGatewayPublishBurnMedium", "MqGatewayPublishBurnSlow"}
WORDS = {"the burn alerts": BURN, "the failure alerts": BURN | {"MqGatewayPublishFailing"}}


@dataclass(frozen=True)
class Row:
    outage: str
    alert: str
    # What may fire beside it.
    beside: frozenset
    # Seconds that it may take.
    limit: float
    # Seconds that it took, None before that was recorded.
    measured: float | None
    # In unit tests only.
    simulated: bool


def seconds(text):
    """`45 s` or `2 min`; None for the unit tests."""
    found = re.fullmatch(r"(\d+) (s|min|h|d)", text)
    return int(found[1]) * UNITS[found[2]] if found else None


def rows(root):
    text = (root / "docs/operate/alerts.md").read_text()
    lines = text[text.index("| outage |"):].splitlines()[2:]
    table = []
    for line in lines:
        if not line.startswith("|"):
            break
        outage, alert, beside, limit, measured = (cell.strip() for cell in line.strip("|").split(" | "))
        named = ALERT.findall(re.sub(r"\]\([^)]*\)", "", alert))
        assert len(named) == 1, f"the row {outage!r} of docs/operate/alerts.md has to name one alert: {named}"
        others = set(ALERT.findall(beside)).union(*(names for words, names in WORDS.items() if words in beside))
        assert seconds(limit), f"the row {outage!r} of docs/operate/alerts.md has no delay such as `2 min`: {limit!r}"
        table.append(Row(outage, named[0], frozenset(others), seconds(limit), seconds(measured), measured == "unit test"))
    assert table, "docs/operate/alerts.md has no table of outages"
    return table


def record(root, measured):
    """Puts what a run measured, seconds by outage, into the table."""
    page = root / "docs/operate/alerts.md"
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines):
        outage = line.strip("| ").split(" | ")[0]
        if line.startswith("| ") and outage in measured:
            lines[number] = line[: line.rstrip(" |").rindex("| ")] + f"| {measured[outage]:.0f} s |"
    page.write_text("\n".join(lines) + "\n")


def parsed(path):
    # Here, since those who only read the table need the standard library alone.
    import yaml

    return yaml.safe_load(path.read_text())


def alerts(root):
    groups = parsed(root / "deploy/prometheus/rules/alerts.yml")["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def inhibited(root):
    """For each alert, which others it silences."""
    rules = parsed(root / "deploy/prometheus/alertmanager.yml")["inhibit_rules"]
    found = {}
    for rule in rules:
        sources = {name for matcher in rule["source_matchers"] for name in ALERT.findall(matcher)}
        targets = {name for matcher in rule["target_matchers"] for name in ALERT.findall(matcher)}
        assert {"namespace", "job"} <= set(rule["equal"]), f"an inhibit rule of {sources} silences other gateways, too"
        for source in sources:
            found.setdefault(source, set()).update(targets)
    return found


def contradictions(root):
    """Every difference between the table, the headings, the rules and the inhibitions, in words."""
    table, known, silenced = rows(root), alerts(root), inhibited(root)
    text = (root / "docs/operate/alerts.md").read_text()
    wrong = []

    def expect(holds, words):
        if not holds:
            wrong.append(words)

    besides = {}
    for row in table:
        besides.setdefault(row.alert, set()).update(row.beside)
        for name in {row.alert, *row.beside}:
            expect(name in known, f"the table names {name}, which no rule in alerts.yml makes")
        expect(row.measured is None or row.measured <= row.limit, f"{row.outage!r} took longer than its own limit")
    for name, rule in known.items():
        expect(name in besides, f"{name} has no row in the table of docs/operate/alerts.md")
        heading = re.search(rf"^### {name}\n\n\*\*(\w+)\*\*", text, re.MULTILINE)
        severity = rule["labels"]["severity"]
        expect(severity in ("page", "ticket"), f"{name}: severity is page or ticket, not {severity}")
        expect(heading and heading[1] == severity, f"docs/operate/alerts.md lacks `### {name}` with `**{severity}**` below it")
        url = rule["annotations"]["runbook_url"]
        expected = f"https://mq-gateway.example.com/docs/operate/alerts.md#{name.lower()}"
        expect(url == expected, f"{name}: runbook_url is {url}, not {expected}")
    for heading in re.findall(r"^### (MqGateway\w+)", text, re.MULTILINE):
        expect(heading in known, f"docs/operate/alerts.md explains {heading}, which no rule makes")
    for name in sorted({*besides, *silenced}):
        allowed, silent = besides.get(name, set()), silenced.get(name, set())
        expect(allowed == silent, f"{name}: the table allows {sorted(allowed)} beside it, alertmanager.yml silences {sorted(silent)}")
        for other in silent & known.keys():
            loud = known[other]["labels"]["severity"] == "page" and known.get(name, known[other])["labels"]["severity"] == "ticket"
            expect(not loud, f"{name} is a ticket and must not silence the page {other}")
            expect(name not in silenced.get(other, ()), f"{name} and {other} silence each other: nobody is told")
    return wrong
