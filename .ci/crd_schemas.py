"""Objects of prometheus-operator, validated by its CRDs, strictly: `crd_schemas.py CRDS RENDERED.yaml…`; others are left out."""

import copy
import pathlib
import sys

import jsonschema
import yaml

GROUP = "monitoring.coreos.com"
KINDS = ("PrometheusRule", "PodMonitor", "ServiceMonitor")


def strict(schema):
    """The CRD's schema as JSON Schema, in which no unknown field passes."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(value) for key, value in schema.items()}
    if schema.get("x-kubernetes-int-or-string") is True:
        schema.pop("type", None)
    if "properties" in schema and schema.get("type") == "object" and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    return schema


def validators(folder):
    found = {}
    for kind in KINDS:
        crd = yaml.safe_load((pathlib.Path(folder) / f"{GROUP}_{kind.lower()}s.yaml").read_text())
        for version in crd["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            schema["properties"]["metadata"] = {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
                "required": ["name"],
            }
            found[f"{GROUP}/{version['name']}", crd["spec"]["names"]["kind"]] = jsonschema.Draft7Validator(strict(schema))
    return found


def mistakes(by_kind, one):
    validator = by_kind.get((one["apiVersion"], one["kind"]))
    if validator is None:
        return [f"{one['apiVersion']} has no {one['kind']}"]
    return [
        f"{one['kind']} /{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator.iter_errors(one)
    ]


def main():
    by_kind = validators(sys.argv[1])
    checked, kinds, bad = 0, set(), []
    for path in sys.argv[2:]:
        for one in yaml.safe_load_all(open(path, encoding="utf-8")):
            if one and one["apiVersion"].startswith(GROUP):
                checked += 1
                kinds.add(one["kind"])
                bad += [f"{path}: {mistake}" for mistake in mistakes(by_kind, one)]
                # Would a typing error be noticed?
                damaged = copy.deepcopy(one)
                damaged["spec"]["selectr"] = {}
                if not any("'selectr'" in mistake for mistake in mistakes(by_kind, damaged)):
                    bad.append(f"{path}: an unknown field in a {one['kind']} is not noticed")
    if not set(KINDS) <= kinds:
        bad.append(f"of {GROUP} there are only {sorted(kinds)}")
    if bad:
        sys.exit("FAILED: " + "\n        ".join(bad))
    print(f"   {checked} objects of {GROUP} are valid: {', '.join(sorted(kinds))}")


main()
