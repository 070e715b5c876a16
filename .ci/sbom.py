"""What the shipped program is made of, as a CycloneDX document: `sbom.py [--target TRIPLE] [--program FILE] OUT`.

The crates are those that cargo links for the target with the default features, in the versions of Cargo.lock: nothing that only builds
or tests. Beside them stand the C libraries that some of them bring, the page at /docs/, and what the toolchain links in, which is why
this runs where the program is built. The same sources and toolchain give the same bytes. With `--program`, every crate that the
program's own panic messages name must be in the document."""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]


def said(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


class Crates:
    """The crates that are linked, and which of them uses which."""

    def __init__(self, target):
        filtered = ("--locked", "--filter-platform", target, "--format-version", "1")
        packages = json.loads(said("cargo", "metadata", *filtered))["packages"]
        self.packages = {(package["name"], package["version"]): package for package in packages}
        lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))
        self.checksums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock["package"]}
        self.uses, path = {}, []
        options = ("--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "|{p}")
        for line in said("cargo", "tree", "--locked", "--target", target, *options).splitlines():
            depth, name, version = re.match(r"(\d+)\|(\S+) v(\S+)", line).groups()
            key = name, version
            del path[int(depth):]
            if path:
                self.uses[path[-1]].add(key)
            self.uses.setdefault(key, set())
            path.append(key)
        self.root = path[0]

    def text(self, crate, file, pattern):
        """What a file of a crate's sources says."""
        package = next(package for (name, _), package in self.packages.items() if name == crate)
        path = pathlib.Path(package["manifest_path"]).parent / file
        found = re.search(pattern, path.read_text(encoding="utf-8"))
        return found[1] if found else sys.exit(f"{path} does not say {pattern}: change {__file__}")


def component(name, version, purl, licence, **more):
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"expression": licence.replace("/", " OR ")}],
        **more,
    }


def of_crate(crates, key):
    """A crate from the registry, with the checksum that Cargo.lock holds it to."""
    package, checksum = crates.packages[key], crates.checksums[key]
    if not checksum or not package["license"]:
        sys.exit(f"{key}: no checksum in Cargo.lock or no licence; a crate from elsewhere needs a line here")
    links = [{"type": "vcs", "url": package["repository"]}] if package["repository"] else []
    return component(
        *key,
        f"pkg:cargo/{key[0]}@{key[1]}",
        package["license"],
        hashes=[{"alg": "SHA-256", "content": checksum}],
        externalReferences=links,
    )


def brought_along(crates):
    """What is no crate and in the program all the same: component by the crate that brings it."""
    sqlite = crates.text("libsqlite3-sys", "sqlite3/sqlite3.h", r'#define SQLITE_VERSION +"(.+)"')
    encoded = int(crates.text("libmimalloc-sys", "c_src/mimalloc/v3/include/mimalloc.h", r"#define MI_MALLOC_VERSION (\d+)"))
    mimalloc = f"{encoded // 10000}.{encoded // 100 % 100}.{encoded % 100}"
    swagger = re.search(r"# Swagger UI (\S+)", (ROOT / "docs/api/swagger-ui/README.md").read_text(encoding="utf-8"))[1]
    rust = re.search(r"release: (\S+)", said("rustc", "-vV"))[1]
    glibc = said("getconf", "GNU_LIBC_VERSION").split()[1]
    cpe = f"cpe:2.3:a:sqlite:sqlite:{sqlite}:*:*:*:*:*:*:*"
    return [
        ("libsqlite3-sys", component("sqlite", sqlite, f"pkg:generic/sqlite@{sqlite}", "blessing", cpe=cpe)),
        ("libmimalloc-sys", component("mimalloc", mimalloc, f"pkg:generic/mimalloc@{mimalloc}", "MIT")),
        (crates.root[0], component("swagger-ui-dist", swagger, f"pkg:npm/swagger-ui-dist@{swagger}", "Apache-2.0")),
        (crates.root[0], component("rust-std", rust, f"pkg:generic/rust-std@{rust}", "MIT OR Apache-2.0")),
        (crates.root[0], component("glibc", glibc, f"pkg:generic/glibc@{glibc}", "LGPL-2.1-or-later")),
    ]


def document(crates):
    name, version = crates.root
    package = crates.packages[crates.root]
    own = component(name, version, f"pkg:generic/{name}@{version}", package["license"], description=package["description"])
    own["type"] = "application"
    reference = {key: f"pkg:cargo/{key[0]}@{key[1]}" for key in crates.uses} | {crates.root: own["bom-ref"]}
    uses = {reference[key]: {reference[other] for other in others} for key, others in crates.uses.items()}
    parts = [of_crate(crates, key) for key in sorted(crates.uses) if key != crates.root]
    for crate, part in brought_along(crates):
        user = next(reference[key] for key in crates.uses if key[0] == crate)
        uses[user].add(part["bom-ref"])
        uses[part["bom-ref"]] = set()
        parts.append(part)
    text = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"lifecycles": [{"phase": "build"}], "component": own},
        "components": sorted(parts, key=lambda part: part["bom-ref"]),
        "dependencies": [{"ref": user, "dependsOn": sorted(used)} for user, used in sorted(uses.items())],
    }
    # No two contents have the same number, and no content has two.
    text["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(text, sort_keys=True)).urn
    return text


def validate(text):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        sys.exit(f"not valid CycloneDX 1.6: {error}")


def compare(crates, program):
    """A crate's panic messages name its sources, in a stripped program, too."""
    named = set(re.findall(rb"/registry/src/[^/]+/([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+[A-Za-z0-9.+-]*)/", program.read_bytes()))
    named = {(name.decode(), version.decode()) for name, version in named}
    if len(named) < 20:
        sys.exit(f"{program} names only {len(named)} crates: the comparison sees nothing")
    if missing := named - crates.uses.keys():
        sys.exit(f"linked, and not in the document: {sorted(missing)}")
    print(f"   {program.name} names {len(named)} crates, all of them in the document")


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--target", default=re.search(r"host: (\S+)", said("rustc", "-vV"))[1])
parser.add_argument("--program", type=pathlib.Path)
parser.add_argument("out", type=pathlib.Path)
arguments = parser.parse_args()
crates = Crates(arguments.target)
text = json.dumps(document(crates), indent=1) + "\n"
validate(text)
if arguments.program:
    compare(crates, arguments.program)
arguments.out.write_text(text)
print(f"   {arguments.out.name}: CycloneDX 1.6, {len(json.loads(text)['components'])} components for {arguments.target}")
