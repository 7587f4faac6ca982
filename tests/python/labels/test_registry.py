"""Frozen labels stay what they were; contradictions are told, and there is one way out."""

import json

import duckdb
import pytest
from stored import hash_again

from pipeline.labels import freeze as freezing
from pipeline.labels.freeze import WITHDRAWN, _next_version
from pipeline.labels.registry import audit, check_files, entries
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import WARNED

RULE = domain_entries()["ecommerce"].label_rule_version
DAY, DEFINITION = "2019-12-01", "no_order_h30_l90_m2"


def change_outcomes(home, customers):
    """Take all purchases of some stayers within the horizon out of the lake; return how many."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select customer_id from ecommerce.ecommerce__labels where as_of_date = ? "
            "and label_definition = ? and not is_churned order by customer_id limit ?",
            [DAY, DEFINITION, customers],
        ).fetchall()
    names = ", ".join(f"'{name}'" for (name,) in rows)
    for path in (home.lake / "ecommerce").glob("events/*/event_type=purchase/month=2019-12/*"):
        part = path.with_suffix(".part")
        duckdb.sql(
            f"copy (select * from '{path}' where user_id not in ({names})) "
            f"to '{part}' (format parquet)"
        )
        part.replace(path)
    record = next((home.lake / "ecommerce").glob("events/2019-Dec-*/_file.json"))
    document = json.loads(record.read_text())
    record.write_text(json.dumps(document | {"content_hash": "changed"}))
    hash_again(home)
    return len(rows)


def cohorts(home):
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute(
            "select as_of_date, label_rows, churners, label_version, label_checksum "
            "from ecommerce.ecommerce__label_cohorts where is_closed order by all"
        ).fetchall()


def labels(home):
    """Day, rows, churners and checksum: what must not move; the version is known a build later."""
    return [(day, rows, churners, checksum) for day, rows, churners, _, checksum in cohorts(home)]


def test_what_is_frozen_agrees_with_the_demo(demo):
    home, _ = demo
    assert len(entries(home, "ecommerce")) == 45
    assert audit(home, "ecommerce", RULE) == []
    assert audit(home, "kkbox", 1) == []
    later = audit(home, "ecommerce", RULE + 1)
    assert len(later) == 45
    assert "frozen by version 1 of the rule" in later[0].why


def test_a_frozen_file_that_was_changed_is_told(demo_copy):
    (path,) = demo_copy.labels.glob(f"ecommerce/{DEFINITION}/{DAY}.v1.json")
    entry = json.loads(path.read_text())
    path.write_text(json.dumps(entry | {"checksum": "1"}))
    (found,) = audit(demo_copy, "ecommerce", RULE)
    assert found.as_of_date == DAY
    assert "not the registered one" in found.why


def test_a_frozen_file_that_is_lost_is_an_error_and_is_not_made_again(demo_copy):
    """What the raw data give by then may be other labels, and nobody would notice."""
    (path,) = demo_copy.labels.glob(f"ecommerce/{DEFINITION}/{DAY}.v1.parquet")
    check_files(demo_copy, "ecommerce")
    path.unlink()
    with pytest.raises(ChurnError, match="damaged or lost") as told:
        check_files(demo_copy, "ecommerce")
    assert f"{path}: is gone" in told.value.where
    check_files(demo_copy, "kkbox")
    # the registry only grows, whatever is lost
    assert _next_version(demo_copy, "ecommerce", DEFINITION, DAY) == 2


def test_no_version_is_written_over(demo_copy):
    folder = demo_copy.labels / "ecommerce" / DEFINITION
    (folder / f"{DAY}.v1.json").unlink()
    assert _next_version(demo_copy, "ecommerce", DEFINITION, DAY) == 2
    (folder / f"{DAY}.v1.parquet").rename(folder / f"{DAY}.v1.parquet{WITHDRAWN}")
    assert _next_version(demo_copy, "ecommerce", DEFINITION, DAY) == 2


def test_an_entry_whose_labels_a_killed_freeze_never_wrote_is_taken_again(demo_copy, monkeypatch):
    """The entry comes first, and says that the labels are in place only once they are."""
    folder = demo_copy.labels / "ecommerce" / DEFINITION
    (entry,) = [e for e in entries(demo_copy, "ecommerce") if e.as_of_date == DAY]
    target = folder / f"{DAY}.v2.parquet"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(freezing, "move_durably", killed)
        with pytest.raises(KeyboardInterrupt):
            freezing._commit(folder / f"{DAY}.v1.parquet", target, entry)
    assert target.with_suffix(".json").exists() and not target.exists()
    check_files(demo_copy, "ecommerce")
    assert _next_version(demo_copy, "ecommerce", DEFINITION, DAY) == 2


@pytest.mark.long
def test_a_changed_outcome_leaves_the_label_and_is_told_until_it_is_frozen_anew(
    demo_copy, run_churn
):
    before = labels(demo_copy)
    changed = change_outcomes(demo_copy, 7)

    done = run_churn(demo_copy.root, "run")
    told = " ".join(done.stdout.split())
    assert done.returncode == WARNED, done.stdout + done.stderr
    assert f"warning ecommerce {DAY}, {DEFINITION}: {changed} labels would differ" in told
    assert labels(demo_copy) == before
    kept = json.loads((demo_copy.labels / "ecommerce" / "_audit.json").read_text())
    assert any(d["as_of_date"] == DAY and d["rows"] == changed for d in kept)

    done = run_churn(demo_copy.root, "labels", "audit")
    assert done.returncode == 1
    assert f"ecommerce {DAY}, {DEFINITION}: {changed} labels would differ" in " ".join(
        done.stderr.split()
    )

    # a rebuilt warehouse changes nothing
    demo_copy.warehouse.unlink()
    assert run_churn(demo_copy.root, "build").returncode == WARNED
    assert labels(demo_copy) == before

    done = run_churn(
        demo_copy.root, "labels", "refreeze", "--domain", "ecommerce", "--reason", "late returns"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = {str(row[0]): row for row in cohorts(demo_copy)}
    old = {str(row[0]): row for row in before}
    assert after[DAY][2] == old[DAY][2] + changed
    assert after[DAY][3] == 2
    assert (demo_copy.labels / "ecommerce" / DEFINITION / f"{DAY}.v1.parquet").exists()
    done = run_churn(demo_copy.root, "labels", "audit")
    assert done.returncode == 0, done.stderr
    shown = run_churn(demo_copy.root, "labels", "show", "--domain", "ecommerce").stdout
    assert "returns" in shown
    assert any(e.reason == "late returns" for e in entries(demo_copy, "ecommerce"))
