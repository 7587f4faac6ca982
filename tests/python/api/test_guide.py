"""Every block of docs/api.md that is not output runs against a real server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.http_load import serving
from pipeline.project.home import PROJECT, Home

GUIDE = PROJECT / "docs" / "api.md"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def guide_home(demo, two_domains_home, tmp_path):
    """The guide shows customers of both domains."""
    home = Home(tmp_path / "home")
    shutil.copytree(two_domains_home.root, home.root, symlinks=True)
    home.lake.symlink_to(demo[0].lake)
    return home


def test_every_example_of_the_guide_runs(guide_home, tmp_path):
    blocks = BLOCK.findall(GUIDE.read_text())
    assert {kind for kind, _ in blocks} == {"bash", "python"}
    assert len(blocks) >= 9
    with serving(guide_home, "api", "--port", "0") as port:
        script = ["set -euo pipefail"]
        for number, (kind, text) in enumerate(blocks):
            text = text.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}")
            if kind == "python":
                path = tmp_path / f"block_{number}.py"
                path.write_text(text)
                text = f"{sys.executable} {path}"
            script.append(f"echo '--- block {number}'\n{text}\necho")
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            env=os.environ
            | {
                "CHURN_HOME": str(guide_home.root),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr
    assert done.stdout.count("--- block") == len(blocks)
    assert '"status":"ready"' in done.stdout
    assert "contacted_on" in done.stdout


def test_the_guide_names_every_kind_of_problem():
    sources = "".join(path.read_text() for path in (PROJECT / "app" / "api").rglob("*.py"))
    kinds = set(re.findall(r'ProblemError\(\s*\d+,\s*"([a-z-]+)"', sources))
    assert len(kinds) > 12
    guide = GUIDE.read_text()
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in guide] == []


def test_the_guide_names_every_scope():
    from app.api.access.keys import SCOPE_WORDS

    for scope, words in SCOPE_WORDS.items():
        assert f"| {scope} |" in GUIDE.read_text(), words
