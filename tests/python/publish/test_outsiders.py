"""A client that does what it likes with current.duckdb is in nobody's way."""

import subprocess
import sys

import pytest

from app.api.published.generation import Reader
from pipeline.project.generations import current_file
from pipeline.retention import decisions


@pytest.mark.slow
def test_a_publish_and_the_api_work_beside_a_client_that_opened_it_to_write(demo_copy, run_churn):
    home = demo_copy
    before = current_file(home)
    path = home.published / "current.duckdb"
    path.chmod(0o644)
    client = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; c = duckdb.connect({str(path)!r}); "
            "c.sql('drop table serving.crm_churn_actions'); print('open', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert client.stdout.readline() == "open\n"
        reader = Reader(home)
        assert reader.current().path == before
        decisions.suppress(home, "kkbox", [("nobody-we-know", "asked")])
        done = run_churn(home.root, "publish")
        assert done.returncode == 0, done.stdout + done.stderr
        assert reader.refresh().path == current_file(home) != before
        kept = reader.current().rows("select count(*) as rows from serving.crm_churn_actions")
        assert kept[0]["rows"] > 1_000
        assert reader.current().rows(
            "select count(*) as rows from serving.crm_churn_actions "
            f"where first_seen_at >= timestamp '{reader.current().published_at:%Y-%m-%d}' "
            "and updated_at > first_seen_at"
        ) == [{"rows": 0}], "it was compared with what was published, not with nothing"
    finally:
        client.communicate("\n")
