"""Helm's chart and kustomize make the same objects: `same_objects.py KUSTOMIZE.yaml HELM.yaml`.

Left out of the comparison is what each tool does in its own way: Helm's labels and the checksum that rolls the pods,
kustomize's hash in the ConfigMap's name, which does the same, and the Namespace, which Helm's user makes.
"""

import difflib
import re
import sys

import yaml

HELM_LABELS = {"helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by"}


def alike(value, key=""):
    if isinstance(value, dict):
        inner = {k: alike(v, k) for k, v in value.items() if k not in HELM_LABELS and k != "checksum/config"}
        return {k: v for k, v in inner.items() if not (k == "annotations" and v == {})}
    if isinstance(value, list):
        return [alike(one) for one in value]
    if isinstance(value, str) and key == "name":
        return re.sub(r"-config-[a-z0-9]{10}$", "-config", value)
    return value


def read(path):
    objects = [one for one in yaml.safe_load_all(open(path, encoding="utf-8")) if one and one["kind"] != "Namespace"]
    named = {f"{one['kind']} {alike(one)['metadata']['name']}": alike(one) for one in objects}
    if len(named) != len(objects):
        sys.exit(f"{path}: two objects have the same kind and name")
    return named


def main():
    kustomize, helm = read(sys.argv[1]), read(sys.argv[2])
    if set(kustomize) != set(helm):
        sys.exit(
            f"FAILED: only kustomize has {sorted(set(kustomize) - set(helm))}, only Helm {sorted(set(helm) - set(kustomize))}"
        )
    different = 0
    for name in sorted(kustomize):
        texts = [yaml.safe_dump(one[name], sort_keys=True).splitlines() for one in (kustomize, helm)]
        lines = list(difflib.unified_diff(*texts, f"kustomize: {name}", f"helm: {name}", lineterm="", n=2))
        different += bool(lines)
        print("\n".join(lines[:60]), end="\n" if lines else "")
    if different:
        sys.exit(f"FAILED: {different} of {len(kustomize)} objects differ between {sys.argv[1]} and {sys.argv[2]}")
    print(f"   {len(kustomize)} objects are the same")


main()
