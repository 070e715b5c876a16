"""What the chart's NOTES.txt tells of the Secrets that pods wait for: `notes.py HELM CHART`. Each is named, with the files that are read.

Helm shows notes only where it reaches a cluster, so here they are a template of a copy of the chart."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

HELM, CHART = sys.argv[1], pathlib.Path(sys.argv[2])
SECRET = "kubectl -n mq-gateway create secret generic "
PAIR = "mq-gateway-credentials --from-file=access_key=FILE --from-file=secret_key=FILE"
# By examples, none for the chart's own values.
WANTED = {
    None: [PAIR],
    "consuming": [
        PAIR,
        "mq-gateway-mail --from-file=NAME=FILE   # each file that `config` names below /run/secrets/mail",
        "mq-gateway-operator --from-file=token=FILE",
    ],
    "tracing": [PAIR, "mq-gateway-otlp --from-file=headers=FILE"],
    "embedded": [],
}
NOTES = """apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
data:
  notes: |
{{ include "notes" . | indent 4 }}
"""


def notes(chart, example):
    values = ["--values", CHART / "examples" / f"{example}.yaml"] if example else []
    command = [HELM, "template", "mq-gateway", chart, "--namespace", "mq-gateway", "--show-only", "templates/notes.yaml", *values]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        sys.exit(f"FAILED: the notes of {example or 'the chart'} cannot be made: {run.stderr}")
    return yaml.safe_load(run.stdout)["data"]["notes"]


with tempfile.TemporaryDirectory() as directory:
    chart = pathlib.Path(directory) / "chart"
    shutil.copytree(CHART, chart)
    templates = chart / "templates"
    text = (templates / "NOTES.txt").rename(templates / "_notes.tpl").read_text(encoding="utf-8")
    (templates / "_notes.tpl").write_text('{{- define "notes" -}}\n' + text + "{{- end }}\n", encoding="utf-8")
    (templates / "notes.yaml").write_text(NOTES, encoding="utf-8")
    wrong = []
    for example, wanted in WANTED.items():
        told = [line.strip().removeprefix(SECRET) for line in notes(chart, example).splitlines() if SECRET in line]
        if told != wanted:
            wrong.append(f"{example or 'the chart'}: NOTES.txt tells of {told}, and not of {wanted}")
if wrong:
    sys.exit("FAILED: " + "\n        ".join(wrong))
print(f"   {len(WANTED)} times NOTES.txt tells of the Secrets that pods wait for")
