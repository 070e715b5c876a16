"""Links that lead nowhere: `check.py [ROOT]` says each with file and line, and ends with 1 where there is one. It asks no network.

- Every relative link and image of every Markdown file leads to a file or folder of the repository, and its anchor to a heading.
- Every Markdown file that any text names by its path (`docs/…md` in a comment, an error's text, a `runbook_url`) is there, with the
  anchor that it names; so is every path that a Markdown file names in code.
- Links in the descriptions of the OpenAPI document lead to its own paths, and those to problems to codes that there are.
- Every page of the documentation is reached from the README in two clicks.

Addresses of other hosts are not looked at: what is theirs is not ours to keep."""

import json
import pathlib
import posixpath
import re
import subprocess
import sys
import urllib.parse

from markdown import Page, line_of

OURS = r"(?:docs|config|deploy|examples|tests|benches)"
NAMED = re.compile(rf"(?P<before>\S*?)\b(?P<path>{OURS}/[\w./-]+\.md)\b(?:#(?P<anchor>[\w-]+))?")
PATH_IN_CODE = re.compile(rf"(?:{OURS}|src|\.ci)/[\w./-]+\Z")
OPENAPI = "docs/api/openapi.json"
# Names that readers give to what is theirs.
THEIRS = re.compile(r"deploy/kubernetes/mine|.*\b[A-Z]{3,}\.\w+")
# There, but not looked into: the work of others, and mistakes made on purpose.
FOREIGN = ("docs/api/swagger-ui/", ".ci/links/control.py")
CLICKS = 2
# What is read by way of the README: what begins so and is Markdown.
PAGES = ("docs/", "deploy/", "examples/", "config/")


class Repository:
    def __init__(self, root, files=None):
        self.root = pathlib.Path(root)
        self.files = set(files or tracked(root))
        self.folders = {"."} | {parent for name in self.files for parent in parents(name)}
        self.problems = []
        self.own = sorted(name for name in self.files if not name.startswith(FOREIGN))
        self.pages = {name: Page(self.text(name)) for name in self.own if name.endswith(".md")}
        self.links_of_pages = {}

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8")

    def wrong(self, name, line, what):
        self.problems.append(f"{name}:{line}: {what}")

    def check(self):
        for name, page in sorted(self.pages.items()):
            self.check_page(name, page)
        for name in self.own:
            self.check_names(name)
        if OPENAPI in self.files:
            self.check_openapi()
        self.check_clicks()
        return self.problems

    # ---- Markdown -------------------------------------------------------------------------------------------------------

    def check_page(self, name, page):
        reached = self.links_of_pages.setdefault(name, set())
        for line, target in page.links:
            found = self.follow(name, line, target)
            if found:
                reached.add(found)
        for line, label in page.undefined:
            self.wrong(name, line, f"[{label}] is nowhere defined")
        for line, code in page.code:
            path = code.rstrip("/")
            if PATH_IN_CODE.match(code) and not THEIRS.fullmatch(code) and path not in self.files | self.folders:
                self.wrong(name, line, f"`{code}` is not there")

    def follow(self, name, line, target):
        """The Markdown file that a link of `name` leads to, if any."""
        parts = urllib.parse.urlsplit(target)
        if parts.scheme or parts.netloc:
            return None
        path = urllib.parse.unquote(parts.path)
        if path.startswith("/"):
            self.wrong(name, line, f"{target} begins with a slash: links are relative")
            return None
        to = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        if to not in self.files | self.folders:
            self.wrong(name, line, f"{target}: there is no {to}")
            return None
        page = posixpath.normpath(posixpath.join(to, "README.md")) if to in self.folders else to
        anchor = urllib.parse.unquote(parts.fragment)
        if anchor and page not in self.pages:
            self.wrong(name, line, f"{target}: only Markdown has anchors")
        elif anchor and anchor not in self.pages[page].anchors:
            self.wrong(name, line, f"{target}: there is no heading #{anchor} in {page}")
        return page if page in self.pages else None

    # ---- paths of pages in any text -------------------------------------------------------------------------------------

    def check_names(self, name):
        try:
            text = self.text(name)
        except UnicodeDecodeError:
            return
        for found in NAMED.finditer(text):
            host = re.search(r"https?://([^/\s]+)", found["before"])
            if host and not host[1].endswith((".example.com", ".example.org")):
                continue
            line = line_of(text, found.start("path"))
            if any(said.startswith(f"{name}:{line}: ") for said in self.problems):
                continue  # a link, and said already
            # Relative to the file itself, or to the root.
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), found["path"]))
            path = path if path in self.files else found["path"]
            if path not in self.files:
                self.wrong(name, line, f"names {found['path']}, which is not there")
            elif found["anchor"] and found["anchor"] not in self.pages[path].anchors:
                self.wrong(name, line, f"names {found['path']}#{found['anchor']}: there is no such heading")

    # ---- the API's document ---------------------------------------------------------------------------------------------

    def check_openapi(self):
        text = self.text(OPENAPI)
        document = json.loads(text)
        codes = set(document["components"]["schemas"]["Problem"]["properties"]["code"]["examples"])
        for found in re.finditer(r"\]\(([^)\s]+)\)|\"(/docs/problems#[a-z-]+)\"", text):
            path, _, anchor = (found[1] or found[2]).partition("#")
            if re.match(r"https?:", path):
                continue
            line = line_of(text, found.start())
            if path not in document["paths"]:
                self.wrong(OPENAPI, line, f"{path} is none of its paths")
            elif anchor and not (path == "/docs/problems" and anchor in codes):
                self.wrong(OPENAPI, line, f"{path}#{anchor}: there is no such problem")

    # ---- the way from the README ----------------------------------------------------------------------------------------

    def check_clicks(self):
        reached = here = {"README.md"}
        for _ in range(CLICKS):
            here = {to for name in here for to in self.links_of_pages.get(name, ())} - reached
            reached = reached | here
        for name in sorted(self.pages):
            if name.startswith(PAGES) and name not in reached:
                self.wrong(name, 1, f"is not reached from README.md in {CLICKS} clicks: docs/README.md is the list")


def parents(name):
    while name := posixpath.dirname(name):
        yield name


def tracked(root):
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True)
    return [name for name in listed.stdout.decode().split("\0") if name and (pathlib.Path(root) / name).is_file()]


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    repository = Repository(root)
    problems = repository.check()
    links = sum(len(page.links) for page in repository.pages.values())
    anchored = sum("#" in target for page in repository.pages.values() for _, target in page.links)
    print(f"   {len(repository.pages)} pages, {links} links, {anchored} of them with an anchor")
    if len(repository.pages) < 30 or links < 300:
        problems.append("too few pages or links were found: the check sees too little")
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
