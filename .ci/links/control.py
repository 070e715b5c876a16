"""That check.py finds what is wrong, at its line, and nothing where all is well: small repositories with one mistake each."""

import json
import pathlib
import sys
import tempfile

from check import Repository
from markdown import Page, slug

GOOD = {
    "README.md": "# Gateway\n\n[List](docs/README.md), [the folder](docs), ![picture](docs/picture.svg)\n",
    "docs/README.md": "# List\n\n[First](first.md#the-2nd-heading-a_b) and [its twin](first.md#twice-1) `src/main.rs`\n",
    "docs/first.md": "# First\n\n## The 2nd `heading`: *a_b*!\n\n## Twice\n\n## Twice\n\n```toml\n[x](nowhere.md)\n```\n\n"
    "`[y](nowhere.md)` [up](../README.md#gateway)\n",
    "docs/picture.svg": "<svg/>\n",
    "docs/api/openapi.json": json.dumps(
        {
            "info": {"description": "See [problems](/docs/problems#gone) and docs/first.md."},
            "paths": {"/docs/problems": {}},
            "components": {"schemas": {"Problem": {"properties": {"code": {"examples": ["gone"]}}}}},
        },
        indent=1,
    ),
    "deploy/rules.yml": "alert: a\nrunbook_url: https://gateway.example.com/docs/first.md#twice\n",
    "src/main.rs": "//! See docs/first.md; https://elsewhere.invalid/docs/none.md is another's.\n",
}

# The file, what is added at its end (or in the place of what), and what has to be said.
MISTAKES = [
    ("README.md", "[a](docs/secund.md)\n", "README.md:4: docs/secund.md: there is no docs/secund.md"),
    ("README.md", "[a](docs/First.md)\n", "README.md:4: docs/First.md: there is no docs/First.md"),
    ("README.md", "![a](docs/none.png)\n", "README.md:4: docs/none.png: there is no docs/none.png"),
    ("README.md", "[a](docs/first.md#third)\n", "README.md:4: docs/first.md#third: there is no heading #third in docs/first.md"),
    ("README.md", "[a](#nowhere)\n", "README.md:4: #nowhere: there is no heading #nowhere in README.md"),
    ("README.md", "[a](docs#nowhere)\n", "README.md:4: docs#nowhere: there is no heading #nowhere in docs/README.md"),
    ("README.md", "[a](/docs/first.md)\n", "README.md:4: /docs/first.md begins with a slash: links are relative"),
    ("README.md", "[a](../outside.md)\n", "README.md:4: ../outside.md: there is no ../outside.md"),
    ("README.md", "[a](docs/picture.svg#part)\n", "README.md:4: docs/picture.svg#part: only Markdown has anchors"),
    ("README.md", '<img src="docs/none.svg">\n', "README.md:4: docs/none.svg: there is no docs/none.svg"),
    ("README.md", "[a][b]\n", "README.md:4: [b] is nowhere defined"),
    ("README.md", "[a][b]\n\n[b]: none.md\n", "README.md:6: none.md: there is no none.md"),
    ("README.md", "[`a`\nb](none.md)\n", "README.md:5: none.md: there is no none.md"),
    ("README.md", "`src/gone.rs`\n", "README.md:4: `src/gone.rs` is not there"),
    ("docs/first.md", "### Twice\n\n[a](#twice-3)\n", "docs/first.md:16: #twice-3: there is no heading #twice-3 in docs/first.md"),
    (
        "deploy/rules.yml",
        "runbook_url: https://gateway.example.com/docs/first.md#thrice\n",
        "deploy/rules.yml:3: names docs/first.md#thrice: there is no such heading",
    ),
    ("src/main.rs", "/// docs/moved.md\n", "src/main.rs:2: names docs/moved.md, which is not there"),
    (
        "docs/api/openapi.json",
        ("/docs/problems#gone", "/docs/problems#went"),
        "docs/api/openapi.json:3: /docs/problems#went: there is no such problem",
    ),
    ("docs/api/openapi.json", ("(/docs/problems#gone)", "(/v1/none)"), "docs/api/openapi.json:3: /v1/none is none of its paths"),
    ("docs/api/openapi.json", ("docs/first.md", "docs/last.md"), "docs/api/openapi.json:3: names docs/last.md, which is not there"),
    ("docs/alone.md", "# Alone\n", "docs/alone.md:1: is not reached from README.md in 2 clicks: docs/README.md is the list"),
    ("docs/first.md", "[far](far.md)\n", "docs/far.md:1: is not reached from README.md in 2 clicks: docs/README.md is the list"),
]

SLUGS = {
    "On a RocketMQ 5 cluster": "on-a-rocketmq-5-cluster",
    "`[server.limits]`": "serverlimits",
    "Python, with openapi-generator": "python-with-openapi-generator",
    "What is *not* done: a – b": "what-is-not-done-a--b",
    "[A link](page.md) and `code_word`": "a-link-and-code_word",
    "`GET /v1/<name>`": "get-v1name",
    "Grüße, 消息": "grüße-消息",
}


def said(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Repository(root, files).check()


def main():
    wrong = []
    if found := said(GOOD):
        wrong.append(f"where all is well: {found}")
    for name, change, expected in MISTAKES:
        old = GOOD.get(name, "")
        new = old.replace(*change) if isinstance(change, tuple) else old + change
        assert new != old, (name, change)
        files = GOOD | {name: new}
        if "far.md" in new:
            files["docs/far.md"] = "# Far\n"
        found = said(files)
        if found != [expected]:
            wrong.append(f"{name} with {change!r}: {found}, expected {expected!r}")
    for heading, expected in SLUGS.items():
        if slug(heading) != expected:
            wrong.append(f"{heading!r}: #{slug(heading)}, expected #{expected}")
    if Page("~~~\n# no\n~~~\n\n<!-- # no -->\n<a id='yes'></a>\n").anchors != {"yes"}:
        wrong.append("headings in blocks or comments, or anchors of HTML")
    print(f"   {len(MISTAKES)} mistakes made on purpose, {len(SLUGS)} names of headings")
    sys.exit("\n".join(f"FAILED: {what}" for what in wrong) if wrong else 0)


if __name__ == "__main__":
    main()
