"""Labels freeze once a cohort has settled; those that the raw data do not support are told."""

import json
from datetime import timedelta

import duckdb

from pipeline.labels.freeze import CHECKSUM, WITHDRAWN
from pipeline.labels.registry import audit, entries, refreeze
from pipeline.project.domains import domain_entries

ENTRY = domain_entries()["ecommerce"]
RULE, DEFINITION = ENTRY.label_rule_version, "no_order_h30_l90_m2"


def frozen_for(home, day, known_on):
    """Labels of another cohort, frozen as those of a day whose outcomes are known on another."""
    (newest,) = [e for e in entries(home, "ecommerce") if e.as_of_date == "2019-12-01"]
    folder = home.labels / "ecommerce" / DEFINITION
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * replace (date '{day}' as as_of_date, date '{known_on}' as "
            f"label_known_on) from '{folder}/2019-12-01.v1.parquet') "
            f"to '{folder}/{day}.v1.parquet' (format parquet)"
        )
        (checksum,) = connection.execute(
            f"select {CHECKSUM} from '{folder}/{day}.v1.parquet'"
        ).fetchone()
    entry = newest.model_copy(update={"as_of_date": day, "checksum": str(checksum)})
    (folder / f"{day}.v1.json").write_text(entry.model_dump_json(exclude_none=True))
    return newest.rows


def test_a_cohort_settles_before_it_is_frozen(demo):
    home, _ = demo
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        for domain in ("kkbox", "ecommerce"):
            (end,) = connection.execute(
                "select known_before from control.control__knowledge where domain = ?", [domain]
            ).fetchone()
            settled = end - timedelta(days=domain_entries()[domain].settle_days)
            cohorts = connection.execute(
                "select label_definition, as_of_date, closes_on, label_version "
                f"from {domain}.{domain}__label_cohorts where is_closed "
                "and label_definition != 'supplied'"
            ).fetchall()
            frozen = {(e.label_definition, e.as_of_date) for e in entries(home, domain)}
            assert any(closes_on > settled for *_, closes_on, _ in cohorts)
            for definition, day, closes_on, _ in cohorts:
                assert ((definition, str(day)) in frozen) == (closes_on <= settled)


def test_labels_beyond_what_is_known_are_told_and_withdrawn(demo_copy):
    rows = frozen_for(demo_copy, "2020-04-15", "2020-05-15")
    (found,) = [d for d in audit(demo_copy, "ecommerce", RULE) if d.as_of_date == "2020-04-15"]
    assert found.is_open
    assert found.rows == rows
    assert "outcomes are known only before 2020-05-01" in found.why
    assert found.hint == (
        "churn labels refreeze --domain ecommerce --cut-off 2020-04-15 "
        f"--definition {DEFINITION} --reason WHY"
    )
    (gone,) = refreeze(
        demo_copy,
        "ecommerce",
        cut_off="2020-04-15",
        definition=None,
        reason="a stray row",
        rule_version=RULE,
    )
    assert gone.withdrawn_at
    assert gone.reason == "a stray row"
    assert audit(demo_copy, "ecommerce", RULE) == []
    folder = demo_copy.labels / "ecommerce" / DEFINITION
    assert not (folder / "2020-04-15.v1.parquet").exists()
    assert (folder / f"2020-04-15.v1.parquet{WITHDRAWN}").exists()
    assert json.loads((folder / "2020-04-15.v1.json").read_text())["withdrawn_at"]


def test_labels_over_missing_days_are_told(demo_copy):
    with duckdb.connect(str(demo_copy.warehouse)) as connection:
        connection.execute(
            "insert into control.control__outcome_holes values "
            "('ecommerce', date '2019-12-20', null, null)"
        )
    found = audit(demo_copy, "ecommerce", RULE)
    with duckdb.connect(str(demo_copy.warehouse), read_only=True) as connection:
        touched = {
            str(day)
            for (day,) in connection.execute(
                "select as_of_date from ecommerce.ecommerce__label_cohorts "
                "where as_of_date <= date '2019-12-20' and closes_on > date '2019-12-20'"
            ).fetchall()
        } & {e.as_of_date for e in entries(demo_copy, "ecommerce")}
    assert touched
    assert {d.as_of_date for d in found} == touched
    assert all("rows are missing from 2019-12-20 on" in d.why and d.is_open for d in found)
