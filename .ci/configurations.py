"""Each gateway.toml of OUT/rendered as OUT/configurations/NAME.toml, with what is mounted in OUT/keys: `configurations.py OUT`."""

import pathlib
import re
import sys

import yaml

OUT = pathlib.Path(sys.argv[1])
(OUT / "configurations").mkdir()
for path in sorted((OUT / "rendered").glob("*.yaml")):
    texts = [
        one["data"]["gateway.toml"]
        for one in yaml.safe_load_all(path.read_text())
        if one and one["kind"] == "ConfigMap" and "gateway.toml" in one["data"]
    ]
    if len(texts) != 1:
        sys.exit(f"FAILED: {path} has {len(texts)} gateway.toml")
    text = re.sub(r"/run/secrets/\w+", str(OUT / "keys"), texts[0])
    (OUT / "configurations" / f"{path.stem}.toml").write_text(text)
