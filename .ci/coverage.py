"""The table of `.ci/stages/coverage.sh`: `coverage.py FILE`, which is what `llvm-cov export` wrote.

Lines and regions are those of `llvm-cov show`: each counts once, and has run if any instantiation of its function ran it. Tests are no
part of what is to be covered: neither `tests.rs` and what is below `tests/`, nor what follows `#[cfg(test)] mod tests` at the end of a
file."""

import collections
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LEAST = 10
FEW_LINES = 20


def end_of_code(path):
    """The last line before the tests at the end of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if line == "#[cfg(test)]" and lines[number : number + 1] == ["mod tests {"]:
            return number - 1
    return len(lines)


def counted(segments, end):
    """Lines and regions up to a line, and those of them that ran. A segment says what holds from its place to the next one's: line,
    column, count, whether there is a count, whether a region begins, whether it is a gap between regions."""
    by_line = collections.defaultdict(list)
    for segment in segments:
        by_line[segment[0]].append(segment)
    begins = [it for it in segments if it[3] and it[4] and not it[5] and it[0] <= end]
    regions, regions_run = len(begins), sum(it[2] > 0 for it in begins)
    lines = lines_run = 0
    wrapped = None
    for number in range(1, end + 1):
        here = by_line[number]
        entries = [it for it in here if it[3] and it[4] and not it[5]]
        is_skipped = bool(here) and not here[0][3] and here[0][4]
        if not is_skipped and (entries or (wrapped and wrapped[3])):
            lines += 1
            lines_run += max([wrapped[2] if wrapped and wrapped[3] else 0, *(it[2] for it in entries)]) > 0
        if here:
            wrapped = here[-1]
    return lines, lines_run, regions, regions_run


def row(name, numbers):
    lines, lines_run, regions, regions_run = numbers
    shares = [f"{100 * run / all:6.1f} %" if all else f"{'–':>8}" for all, run in ((lines, lines_run), (regions, regions_run))]
    return f"{name:<44} {lines:>7} {lines - lines_run:>7} {shares[0]} {regions:>8} {regions - regions_run:>7} {shares[1]}"


def main():
    rooms = collections.defaultdict(lambda: [0, 0, 0, 0])
    files = {}
    for file in json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))["data"][0]["files"]:
        path = pathlib.Path(file["filename"])
        if not path.is_relative_to(ROOT / "src"):
            continue
        name = path.relative_to(ROOT / "src")
        if "tests" in name.parts or name.name == "tests.rs":
            continue
        files[name] = counted(file["segments"], end_of_code(path))
        rooms[name.parts[0]] = [sum(pair) for pair in zip(rooms[name.parts[0]], files[name])]
    if not files:
        sys.exit("FAILED: no file of src/ is in the report")
    head = f"{'':<44} {'lines':>7} {'missed':>7} {'run':>8} {'regions':>8} {'missed':>7} {'run':>8}"
    print(head)
    for room in sorted(rooms):
        print(row(room, rooms[room]))
    print(row("all", [sum(column) for column in zip(*rooms.values())]))
    large = [it for it in files.items() if it[1][0] >= FEW_LINES]
    print(f"\nThe least covered of {len(large)} files with {FEW_LINES} lines of code or more:\n{head}")
    for name, numbers in sorted(large, key=lambda it: it[1][1] / it[1][0])[:LEAST]:
        print(row(str(name), numbers))


main()
