"""Whether a domain's data are those of the demo; ingest writes it down beside the lake's files."""

import json

from pipeline.project.home import Home

ORIGIN = "_origin.json"


def is_demo(home: Home, domain: str) -> bool:
    """Whether a domain's lake holds made-up data."""
    mark = home.lake / domain / ORIGIN
    if not mark.exists():
        return False
    return bool(json.loads(mark.read_text(encoding="utf-8"))["origin"] == "demo")
