"""The dashboard's queries, asked of Prometheus as Grafana would: each has to find something."""

import json
import time

RATE_INTERVAL = "15s"
SPAN, STEP = 180, 2  # seconds: about as long as a run takes
EVERYTHING = {"namespace": ".*", "instance": ".*", "topic": ".*", "profile": ".*"}
# The picture shows some of the gateways: all of them would be lines without end.
SHOWN = "control|key-files|keys|clock|stopped|leaking|memory|connections|callers|dead|backlog|disk|panic|push-.+|streams"


def panels(root):
    shipped = json.loads((root / "deploy/grafana/mq-gateway.json").read_text())
    variables = {variable["name"] for variable in shipped["templating"]["list"]}
    assert variables == {"datasource", *EVERYTHING}, f"the dashboard's variables are {sorted(variables)}"
    return [panel for panel in shipped["panels"] if panel["type"] != "row"]


def filled_in(expression, **chosen):
    for name, value in {**EVERYTHING, **chosen}.items():
        expression = expression.replace("$" + name, value)
    return expression.replace("$__rate_interval", RATE_INTERVAL)


def series(monitoring, expression, end):
    found = monitoring.query(expression, "query_range", start=end - SPAN, end=end, step=STEP)
    numbers = ([(float(at), float(value)) for at, value in it["values"]] for it in found)
    return [(it["metric"], points) for it, points in zip(found, numbers) if any(value == value for _, value in points)]


def check(monitoring, root, data):
    """Which queries find nothing, or nothing but zeros, in words: whatever a panel shows was provoked. `data` is written for plot.py."""
    wrong, shown, end = [], {}, time.time()
    for panel in panels(root):
        title = panel["title"]
        for target in panel["targets"]:
            found = series(monitoring, filled_in(target["expr"]), end)
            if not any(value and value == value for _, points in found for _, value in points):
                wrong.append(f"dashboard: {title!r} shows nothing of {target['expr']}")
        if data:
            shown[panel["id"]] = [
                (target["legendFormat"], series(monitoring, filled_in(target["expr"], namespace=SHOWN), end))
                for target in panel["targets"]
            ]
    if data:
        data.write_text(json.dumps({"end": end, "panels": shown}))
    print(f"dashboard: {len(panels(root))} panels asked, {len(wrong)} queries without an answer", flush=True)
    return wrong
