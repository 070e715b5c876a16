#!/usr/bin/env python3
"""Writes what is said once and needed in several places below deploy/; `deploy/generate.py --check` only says what is stale.

- The alerts (prometheus/rules) and the dashboard (grafana/mq-gateway.json): copies for the Helm chart, which packs nothing from
  outside of its folder, and for kustomize, which reads nothing from there.
- The list of values in the chart's README, out of the comments in its values.yaml. Values, comments and schema have to have the
  same keys.
- gateway.toml of kustomize's base and overlays, out of the chart's values and examples.
"""

import json
import pathlib
import re
import sys

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent
CHART = DEPLOY / "helm/mq-gateway"
KUSTOMIZE = DEPLOY / "kubernetes"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


def main():
    arguments = sys.argv[1:]
    if arguments not in ([], ["--check"]):
        sys.exit("usage: deploy/generate.py [--check]")
    wanted = dict(monitoring()) | dict(configurations()) | {CHART / "README.md": readme()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    left_over = [path for path in (CHART / "files/rules").glob("*") if path not in wanted]
    for path in stale + left_over:
        print(f"{'stale' if arguments else 'written'}: {path.relative_to(DEPLOY.parent)}")
    if arguments:
        sys.exit("run deploy/generate.py, and commit what it writes" if stale + left_over else 0)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    for path in left_over:
        path.unlink()


# ---- alerts and dashboard ------------------------------------------------------------------------------------------------


def monitoring():
    rules = sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
    if not rules:
        sys.exit("there is nothing in deploy/prometheus/rules")
    groups = ""
    for path in rules:
        text = path.read_text()
        yield CHART / "files/rules" / path.name, text
        _, found, body = text.partition("\ngroups:\n")
        if not found:
            sys.exit(f"{path}: no line `groups:`, below which everything is")
        groups += f"    # ---- {path.name}\n" + "".join(
            f"  {line}" if line.strip() else line for line in body.splitlines(keepends=True)
        )
    text = (
        "# Generated from deploy/prometheus/rules by deploy/generate.py; do not edit.\n"
        "# yamllint disable rule:line-length\n"
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: mq-gateway\n  labels:\n"
        "    app.kubernetes.io/name: mq-gateway\nspec:\n  groups:\n" + groups
    )
    together = [group for path in rules for group in yaml.safe_load(path.read_text())["groups"]]
    if yaml.safe_load(text)["spec"]["groups"] != together:
        sys.exit(
            "deploy/prometheus/rules: the groups are not indented as lists below `groups:` are elsewhere, by two blanks"
        )
    yield KUSTOMIZE / "components/monitoring/prometheusrule.yaml", text

    dashboard = DEPLOY / "grafana/mq-gateway.json"
    if not dashboard.exists():
        sys.exit(f"there is no {dashboard.relative_to(DEPLOY.parent)}")
    for copy in (CHART / "files/mq-gateway.json", KUSTOMIZE / "components/monitoring/mq-gateway.json"):
        yield copy, dashboard.read_text()


def configurations():
    for values, folder in (
        ("values.yaml", "base"),
        ("examples/embedded.yaml", "overlays/embedded"),
        ("examples/rocketmq.yaml", "overlays/rocketmq"),
        ("examples/tracing.yaml", "overlays/tracing"),
        ("examples/consuming.yaml", "overlays/consuming"),
    ):
        yield KUSTOMIZE / folder / "gateway.toml", yaml.safe_load((CHART / values).read_text())["config"]


# ---- the list of values --------------------------------------------------------------------------------------------------


def readme():
    text = (CHART / "README.md").read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{CHART / 'README.md'}: no lines {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + value_tables() + END + after


def value_tables():
    text = (CHART / "values.yaml").read_text()
    values, comments = yaml.safe_load(text), comments_of(text)
    schema = json.loads((CHART / "values.schema.json").read_text())
    definitions = schema["$defs"]
    same_keys("", values, {key: value for key, value in schema["properties"].items() if key != "global"})
    plain, sections = [], []

    def walk(path, value, shape, rows):
        prose, samples = comments.get(path, ("", ""))
        below = [key for key in comments if key.startswith(path + ".")]
        if not below:
            if not prose:
                sys.exit(f"values.yaml: {path} has no comment right above it")
            rows.append((path, kind(shape, definitions), value, prose, samples))
            return
        same_keys(path, value, shape["properties"])
        for key, inner in value.items():
            walk(f"{path}.{key}", inner, shape["properties"][key], rows)

    for key, value in values.items():
        if any(other.startswith(key + ".") for other in comments):
            sections.append((key, comments.get(key, ("", ""))[0], []))
            walk(key, value, schema["properties"][key], sections[-1][2])
        else:
            walk(key, value, schema["properties"][key], plain)
    return table(plain) + "".join(f"### `{key}`\n\n{prose}\n\n{table(rows)}" for key, prose, rows in sections)


def same_keys(path, values, properties):
    difference = set(values) ^ set(properties)
    if difference:
        sys.exit(
            f"values.yaml and values.schema.json do not have the same keys below {path or 'the top'}: {', '.join(sorted(difference))}"
        )


def comments_of(text):
    """Dotted key -> (prose, samples): the block of comment lines right above each key; indented by four, it is a sample."""
    found, block, parents = {}, [], []
    for line in text.splitlines():
        stripped = line.strip()
        key = re.match(r"^( *)([A-Za-z]\w*):(?: |$)", line)
        if stripped.startswith("#"):
            block.append(stripped[1:].removeprefix(" "))
            continue
        if key:
            depth = len(key[1]) // 2
            parents = parents[:depth] + [key[2]]
            if block and len(parents) == depth + 1:
                prose = [part for part in block if not part.startswith("    ")]
                sample = [part[4:] for part in block if part.startswith("    ")]
                found[".".join(parents)] = (" ".join(part for part in prose if part), "\n".join(sample))
        block = []
    return found


def kind(shape, definitions):
    if "$ref" in shape:
        name = shape["$ref"].rsplit("/", 1)[1]
        return {"strings": "strings by name", "kubernetesObject": "object", "peers": "list of peers", "destinations": "list"}[name]
    if "enum" in shape:
        return " or ".join(f"`{value}`" if value else "empty" for value in shape["enum"])
    if "anyOf" in shape:
        return " or ".join(kind(one, definitions) for one in shape["anyOf"])
    if shape["type"] == "integer":
        low, high = shape["minimum"], shape.get("maximum")
        return f"integer from {low}" + (f" to {high}" if high else "")
    return {"string": "string", "boolean": "`true` or `false`", "array": "list", "object": "object"}[shape["type"]]


def table(rows):
    if not rows:
        return ""
    text = "| value | kind | default | meaning |\n|---|---|---|---|\n"
    after = ""
    for path, what, default, prose, sample in rows:
        shown = json.dumps(default)
        shown = "see values.yaml" if len(shown) > 60 else f"`{shown}`"
        text += "| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{path}`", what, shown, prose)) + " |\n"
        if sample:
            after += f"\n```yaml\n{sample}\n```\n"
    return text + after + "\n"


main()
