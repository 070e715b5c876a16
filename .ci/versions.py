"""That what is said in several places is the same in all: the version, the oldest Rust, and that every build keeps to Cargo.lock.

Rust's oldest version is real as far as it can be told without that toolchain: no dependency asks for a newer one, the image's builder
is not older, and clippy's `incompatible_msrv`, a warning and so an error of the stage `lint`, knows since when each function of the
standard library is there. With that toolchain at hand, `cargo +VERSION check --locked --all-targets` tells the rest."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]
wrong = []


def said(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


FILES = [name for name in said("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines() if (ROOT / name).is_file()]


def version():
    """Each of these names our version, and names it at least once."""
    images = r"\bmq-gateway:(\d+\.\d+\.\d+\S*?)(?=[\s`\"'@]|$)"
    places = {
        "Cargo.lock": r'name = "mq-gateway"\nversion = "(.+)"',
        # The newest; those below are history.
        "CHANGELOG.md": r"\A[^\0]*?\n## (\d\S*)",
        "deploy/Dockerfile": r"(?m)^ARG VERSION=(.+)$",
        "docs/api/openapi.json": r'"info": \{\s+"title": "mq-gateway",\s+"version": "(.+)"',
        "docs/operate/install.md": r"VERSION=(\d\S+)",
        "docs/release.md": r"(?:VERSION=|`v)(\d[^\s`]*)",
    }
    for name in FILES:
        if name.startswith(("deploy/", "docs/")) and name.endswith((".md", ".yaml", ".yml")):
            found = {"newTag": r"(?m)^\s*newTag: [\"']?([^\"'\s]+)"} if "newTag:" in text(name) else {}
            found |= {"image": images} if re.search(images, text(name)) else {}
            for pattern in found.values():
                check(name, pattern)
        if name.endswith("/Chart.yaml"):
            check(name, r"(?m)^appVersion: [\"']?([^\"'\s]+)")
    for name, pattern in places.items():
        check(name, pattern)


def check(name, pattern):
    found = re.findall(pattern, text(name))
    if not found:
        wrong.append(f"{name} does not say the version where {pattern!r} looks for it")
    for value in set(found) - {PACKAGE["version"]}:
        wrong.append(f"{name} says {value}, Cargo.toml {PACKAGE['version']}")
    if set(found) == {PACKAGE["version"]}:
        print(f"   {PACKAGE['version']} in {name}")


def rust():
    def number(text):
        return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])

    ours = PACKAGE["rust-version"]
    packages = json.loads(said("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]
    asked = [(number(package["rust_version"]), package["name"]) for package in packages if package["rust_version"]]
    for needed, name in asked:
        if needed > number(ours):
            wrong.append(f"{name} needs Rust {'.'.join(map(str, needed))}, Cargo.toml says rust-version = {ours}")
    if len(asked) < 100:
        wrong.append(f"only {len(asked)} dependencies say which Rust they need: the comparison sees too little")
    builder = re.search(r"rust:(\d+\.\d+)", text("deploy/Dockerfile"))[1]
    if number(builder) < number(ours):
        wrong.append(f"deploy/Dockerfile builds with Rust {builder}, Cargo.toml says rust-version = {ours}")
    if f"Rust is needed, {ours} or newer" not in text("CONTRIBUTING.md"):
        wrong.append(f"CONTRIBUTING.md does not say that Rust {ours} is needed")
    if f"Rust {ours} or newer" not in text("README.md"):
        wrong.append(f"README.md does not say that Rust {ours} is needed")
    print(f"   Rust {ours}: {len(asked)} dependencies ask for {'.'.join(map(str, max(asked)[0]))} at most; the image has {builder}")


def locked():
    """What builds for others never chooses versions of its own."""
    scripts = [name for name in FILES if name.startswith(".ci/") and not name.endswith(".py")] + ["deploy/Dockerfile"]
    builds = re.compile(r"\bcargo(?:-deny)? (?:-\S+ )*(?:build|check|clippy|doc|fetch|metadata|run|test|tree)\b[^;&|\"']*")
    count = 0
    for name in scripts:
        for line in text(name).replace("\\\n", " ").splitlines():
            if line.lstrip().startswith("#"):
                continue
            for command in builds.findall(line):
                count += 1
                if "--locked" not in command:
                    wrong.append(f"{name}: `{command.strip()}` without --locked")
    if count < 6:
        wrong.append(f"only {count} cargo commands were found in .ci and deploy/Dockerfile: the comparison sees too little")
    print(f"   {count} cargo commands of .ci and deploy/Dockerfile say --locked")


version()
rust()
locked()
sys.exit("\n".join(f"FAILED: {what}" for what in wrong) if wrong else 0)
