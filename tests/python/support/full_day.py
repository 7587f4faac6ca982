"""A CHURN_HOME after a full day's work: every kind of file that the platform writes."""

import json
import shutil
import sqlite3
from datetime import date, datetime

import duckdb

from pipeline.project.state_sums import register
from pipeline.publish.csv_copies import export_csv
from pipeline.publish.generation import current
from pipeline.retention.decisions import note_contacts, suppress

SHOP, OTHER = "ecommerce", "kkbox"


def some_customers(home, domain, count, offset=0):
    """Ids of published customers, those most at risk first."""
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return [
            row[0]
            for row in connection.execute(
                "select customer_id from serving.bi_churn_risk where domain = ? "
                "order by churn_probability desc, customer_id limit ? offset ?",
                [domain, count, offset],
            ).fetchall()
        ]


def after_a_full_day(home, run_churn, start_api, tmp_path):
    """Work a day in a home: by commands and requests as far as they take seconds.

    What would take minutes, or a service that is not here, is written as its writer writes it.
    """
    ids = {domain: some_customers(home, domain, 60) for domain in (SHOP, OTHER)}
    for domain, customers in ids.items():
        suppress(home, domain, [(one, "asked") for one in customers[:3]], "somebody")
        note_contacts(home, domain, [(one, date(2020, 4, 1), "") for one in customers[3:6]])

    api = start_api(home, "read", "write", "plan", "approve", "predict")
    audience = {"filter": {"band": ["critical", "high", "medium", "low"]}}
    assert api.put(f"/v1/{SHOP}/audiences/everybody", json=audience).status_code == 200
    drafted = api.put(f"/v1/{SHOP}/drafts/may", json={"budget": 500.0})
    assert drafted.status_code in (200, 201), drafted.text
    campaign = f"/v1/{SHOP}/campaigns/may"
    body = {"budget": 500.0, "audience": "everybody", "destination": "csv"}
    made = api.put(campaign, json=body)
    assert made.status_code in (200, 201), made.text
    assert list((home.drafts / SHOP).glob("*.parquet"))

    export_csv(home, ["bi_churn_risk"])
    done = run_churn(home.root, "dataset", "freeze", "--domain", SHOP, "paper")
    assert done.returncode == 0, done.stderr

    # a campaign that was handed over as files, and its members and messages
    handed = home.deliveries / SHOP / "campaign"
    handed.mkdir(parents=True)
    (handed / "0001.csv").write_text(
        '"customer_id","message_id"\n' + "".join(f'"{one}","m"\n' for one in ids[SHOP])
    )
    with sqlite3.connect(home.state) as state:
        register(state)
        for one in ids[SHOP][:20]:
            state.execute(
                "insert into outbox values (?, 0, ?, 'campaign', ?, 'crm', 'pending', ?, 0, ?, "
                "null, null, ?, null, null)",
                (
                    f"m{one}"[:4] + str(hash(one)),
                    SHOP,
                    one,
                    json.dumps({"data": {"customer_id": one}}),
                    datetime(2026, 11, 1),
                    datetime(2026, 11, 1),
                ),
            )
    # a batch job: its upload, and its results
    job = home.batch / "0123456789abcdef"
    (job / "raw").mkdir(parents=True)
    (job / "raw" / "events.csv").write_text("user_id\n" + "\n".join(ids[SHOP]) + "\n")
    (job / "job.json").write_text(json.dumps({"customers": ids[SHOP][:2]}))
    values = ", ".join(f"('{one}')" for one in ids[SHOP])
    duckdb.sql(
        f"copy (select * from (values {values}) as t (customer_id)) "
        f"to '{job / 'results.parquet'}' (format parquet)"
    )
    # bad values of a raw file, a proof that names who differs, and a refusal that quotes a row
    bad = home.quarantine / SHOP / "events" / "2020-Apr-0"
    bad.mkdir(parents=True)
    duckdb.sql(
        f"copy (select 7 as line, '1,{ids[SHOP][0]},x' as raw_line) "
        f"to '{bad / 'rejected.parquet'}' (format parquet)"
    )
    home.proofs.mkdir(exist_ok=True)
    (home.proofs / f"{SHOP}.json").write_text(json.dumps({"differs": ids[SHOP][:3]}))
    (home.nights / "20200501T000000000000.json").write_text(
        json.dumps({"what": f"customer {ids[SHOP][1]} is twice"})
    )
    home.status.write_text(json.dumps({"warnings": [{"what": f"about {ids[SHOP][2]}"}]}))
    # what kills, development and exports left
    (home.work / "ingest-1" / "raw").mkdir(parents=True)
    (home.work / "ingest-1" / "raw" / "utf-8.csv").write_text(ids[SHOP][0])
    (home.published / ".scratch").mkdir()
    (home.published / ".scratch" / "left.parquet").write_text(ids[SHOP][0])
    (home.published / "current.hyper").write_text(ids[SHOP][0])
    shutil.copy(home.warehouse, home.dev_warehouse)
    shutil.copy(home.warehouse, home.dev_copy)
    for name in ("people.json", "secrets.json"):
        if not (home.root / name).exists():
            (home.root / name).write_text("{}")
    assert tmp_path.exists()
    return ids
