"""What of a Markdown file links are checked by: its links, its anchors as GitHub makes them, and the paths that it names in code."""

import re

FENCE = re.compile(r"^ *(`{3,}|~{3,})")
HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
CODE = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n\s*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# What follows a link's text: `](target)` or `](target "title")`.
INLINE = re.compile(r"""\]\(\s*(<[^>\n]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)""")
DEFINITION = re.compile(r"^ {0,3}\[([^\]]+)\]:\s*(\S+)", re.MULTILINE)
REFERENCE = re.compile(r"\]\[([^\]\n]+)\]")
HTML = re.compile(r"""<[a-z][^>]*?\b(?:href|src|srcset)\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
HTML_ANCHOR = re.compile(r"""<[a-z][^>]*?\b(?:id|name)\s*=\s*["']([^"']+)["']""", re.IGNORECASE)


class Page:
    def __init__(self, text):
        prose = blank(COMMENT, without_fences(text))
        self.anchors = anchors(prose)
        self.code = [(line_of(prose, found.start()), found[2].strip()) for found in CODE.finditer(prose)]
        bare = blank(CODE, prose)
        definitions = {found[1].casefold() for found in DEFINITION.finditer(bare)}
        self.links = [(line_of(bare, found.start(1)), found[1].strip("<>")) for found in INLINE.finditer(bare)]
        self.links += [(line_of(bare, found.start(2)), found[2].strip("<>")) for found in DEFINITION.finditer(bare)]
        self.links += [(line_of(bare, found.start(1)), word) for found in HTML.finditer(bare) for word in targets(found[1])]
        self.undefined = [
            (line_of(bare, found.start(1)), found[1]) for found in REFERENCE.finditer(bare) if found[1].casefold() not in definitions
        ]


def targets(attribute):
    """The addresses of an attribute: `srcset` has several, with widths behind them."""
    return [part.split()[0] for part in attribute.split(",") if part.split()]


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def blank(pattern, text):
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def without_fences(text):
    """The text with empty lines in the place of fenced blocks."""
    lines, fence = [], None
    for line in text.split("\n"):
        found = FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and not line.strip(" `~"):
                fence = None
            line = ""
        elif found:
            fence, line = found[1], ""
        lines.append(line)
    return "\n".join(lines)


def anchors(prose):
    """Names of headings by GitHub's rule, and those that HTML in the page has."""
    found = {match[1] for match in HTML_ANCHOR.finditer(blank(CODE, prose))}
    seen = {}
    for line in prose.split("\n"):
        heading = HEADING.match(line)
        if not heading:
            continue
        name = slug(heading[2])
        count = seen.get(name, 0)
        seen[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def slug(heading):
    """In small letters, without all but letters, digits, `_`, `-` and blanks, which become `-`."""
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", heading)
    text = re.sub(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])", r"\1", text)
    text = re.sub(r"<[^>]+>", "", text) if "`" not in text else text
    text = re.sub(r"(?<!\w)_([^_`]+)_(?!\w)", r"\1", text)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
