"""Jobs: raw files or a cut-off in, one row per customer out, whatever is killed meanwhile."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from raw_rows import copy_of, published, published_domain, raw_rows, some_customers

from app.api.access.keys import create_key
from app.api.access.store import Store
from app.api.factory import create_app
from app.batch import jobs as job_table
from app.batch.jobs import Jobs
from app.batch.uploads import Limits, check_parquet, folder_of
from app.batch.worker import serve
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home

CUSTOMERS = 30
PATIENCE = 120


@pytest.fixture
def reading(demo, tmp_path):
    """A CHURN_HOME with a state and jobs of its own beside the shared demo's generations."""
    home = Home(tmp_path / "reading")
    home.root.mkdir()
    for name in ("models", "published", "lake", "raw"):
        (home.root / name).symlink_to(demo[0].root / name)
    return home


@pytest.fixture
def client(reading):
    """The API without a worker of its own: tests say when jobs are worked on."""
    with TestClient(create_app(reading), raise_server_exceptions=False) as client:
        client.app.state.supervisor.attend = lambda: None
        client.headers["X-API-Key"] = create_key(Store(reading), "tests", ["predict", "read"])
        yield client


@pytest.fixture(scope="module")
def histories(demo):
    home, _ = demo
    return {
        domain: raw_rows(home, domain, some_customers(home, domain, CUSTOMERS, "batch"))
        for domain in ("kkbox", "ecommerce")
    }


def as_csv(customers, table, extra=()):
    rows = [row for tables in customers.values() for row in tables[table]]
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows([*rows, *extra])
    return out.getvalue().encode()


def as_parquet(customers, table):
    rows = [row for tables in customers.values() for row in tables[table]]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def work(home):
    """Do every job there is, in this process."""
    serve(home, idle_seconds=0.01)


def results(client, told, **query):
    answer = client.get(told["results"], params=query)
    assert answer.status_code == 200, answer.text
    if query.get("format") == "csv":
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))
    return pq.read_table(io.BytesIO(answer.content)).to_pylist()


def state_of(client, answer):
    assert answer.status_code == 202, answer.text
    told = client.get(answer.headers["Location"])
    assert told.status_code == 200, told.text
    return told.json()


def test_uploaded_rows_get_the_published_scores_and_bad_rows_are_refused_one_by_one(
    demo, client, reading, histories
):
    home, _ = demo
    customers = histories["kkbox"]
    good = next(row for tables in customers.values() for row in tables["transactions"])
    bad = [
        {**good, "msno": "=HYPERLINK(1)", "plan_list_price": "=1+1"},
        {**good, "msno": "bad two", "transaction_date": "20170231"},
        {**good, "msno": "+out of scope", "membership_expire_date": "20150301"},
    ]
    answer = client.post(
        "/v1/kkbox/batch-predictions",
        files=[
            ("files", ("transactions.csv", as_csv(customers, "transactions", bad))),
            ("files", ("user_logs.parquet", as_parquet(customers, "user_logs"))),
            ("files", ("members_v3.csv", as_csv(customers, "members"))),
        ],
    )
    told = state_of(client, answer)
    assert (told["status"], told["progress"], told["source"]) == ("queued", 0.0, "upload")
    assert told["as_of_date"] is None
    early = client.get(f"{answer.headers['Location']}/results")
    assert early.status_code == 409
    assert early.json()["detail"] == "The job is queued; its files are available once it is done."
    raw = folder_of(reading, told["job_id"]) / "raw"
    assert raw.exists()
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "done", told
    assert told["progress"] == 1.0
    assert told["generation"] == published_name(home)
    assert told["as_of_date"] == str(published_domain(home, "kkbox")["as_of_date"])
    assert told["result"]["notes"] == []
    assert told["result"]["refused_rows"] == 2
    assert told["result"]["in_scope"] == CUSTOMERS
    assert told["result"]["customers"] == CUSTOMERS + 1
    assert not raw.exists(), "raw rows are deleted once the job has ended"
    scores = published(home, "kkbox", list(customers))
    found = {row["customer_id"]: row for row in results(client, told)}
    for customer, score in scores.items():
        row = found[customer]
        assert abs(row["churn_probability"] - score["churn_probability"]) <= 1e-9
        assert row["risk_band"] == score["risk_band"]
        assert row["leaving_cost"] == score["leaving_cost"] is not None
        assert row["reason_1"] == score["top_driver_1"] or row["reason_1"] is None
        assert (row["action_id"] is None) == (row["no_action_reason"] is not None)
    assert found["+out of scope"]["in_scope"] is False
    assert found["+out of scope"]["out_of_scope_reason"].startswith("not scored: members")
    exact = {row["customer_id"] for row in results(client, told, format="csv")}
    assert exact == set(found), "a CRM gets ids as they are"
    sheet = results(client, told, format="csv", for_spreadsheets=True)
    assert "'+out of scope" in {row["customer_id"] for row in sheet}
    refused = client.get(told["refused"], params={"format": "csv"}).text
    lines = list(csv.DictReader(io.StringIO(refused)))
    assert [(line["column_name"], line["value"]) for line in lines] == [
        ("plan_list_price", "=1+1"),
        ("transaction_date", "20170231"),
    ]
    assert lines[0]["file"] == "transactions.csv"


def published_name(home):
    from pipeline.publish.generation import current

    return current(home).name


def test_an_upload_that_becomes_no_job_leaves_no_rows(client, reading, histories, monkeypatch):
    def busy(*_):
        raise RuntimeError("no job")

    monkeypatch.setattr(client.app.state.supervisor.jobs, "add", busy)
    rows = as_csv(histories["kkbox"], "transactions")
    answer = client.post(
        "/v1/kkbox/batch-predictions", files=[("files", ("transactions.csv", rows))]
    )
    assert answer.status_code == 500
    assert list(reading.batch.iterdir()) == []


def test_events_of_a_shop_are_scored_as_published(demo, client, reading, histories):
    home, _ = demo
    customers = histories["ecommerce"]
    again = next(rows["events"] for rows in customers.values())
    answer = client.post(
        "/v1/ecommerce/batch-predictions",
        files=[("files", ("2020-Apr.csv", as_csv(customers, "events", again)))],
    )
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "done", told
    (file,) = told["result"]["files"]
    assert file["duplicates"] >= len(again) > 0
    assert file["rows_read"] == file["rows"] + file["refused_rows"] + file["duplicates"]
    nothing = client.get(f"{answer.headers['Location']}/refused")
    assert nothing.json()["detail"] == "The job has no refused values."
    scores = published(home, "ecommerce", list(customers))
    found = {row["customer_id"]: row for row in results(client, told)}
    assert set(found) == set(scores)
    for customer, score in scores.items():
        off = abs(found[customer]["churn_probability"] - score["churn_probability"])
        assert off <= 1e-9


def test_a_quote_out_of_place_costs_an_upload_that_row_only(demo, client, reading, histories):
    customers = histories["ecommerce"]
    header, *rows = as_csv(customers, "events").decode().splitlines()
    odd = dict(zip(header.split(","), rows[0].split(","), strict=True)) | {"user_id": '"o"dd'}
    lines = [header, rows[0], ",".join(odd.values()), *rows[1:]]
    answer = client.post(
        "/v1/ecommerce/batch-predictions",
        files=[("files", ("2020-Apr.csv", "\r".join(lines).encode()))],
    )
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "done", told
    (file,) = told["result"]["files"]
    assert (file["rows_read"], file["refused_rows"]) == (len(lines) - 1, 1)
    assert {row["customer_id"] for row in results(client, told)} == set(customers)
    (refused,) = csv.DictReader(
        io.StringIO(client.get(told["refused"], params={"format": "csv"}).text)
    )
    assert (refused["line"], refused["reason"]) == ("3", "a quote out of place")


def test_many_bad_rows_of_an_upload_are_returned_and_do_not_stop_it(client, reading, histories):
    header, *rows = as_csv(histories["ecommerce"], "events").decode().splitlines()
    bad = [row.replace(" UTC", " nowhere") for row in rows]
    answer = client.post(
        "/v1/ecommerce/batch-predictions",
        files=[("files", ("2020-Apr.csv", "\n".join([header, *rows, *bad]).encode()))],
    )
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "done", told
    assert told["result"]["refused_rows"] == len(bad) > 10


def test_a_cut_off_by_name_scores_its_whole_cohort(demo, client, reading):
    home, _ = demo
    live = published_domain(home, "ecommerce")
    answer = client.post(
        "/v1/ecommerce/batch-predictions", data={"cut_off": str(live["as_of_date"])}
    )
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "done", told
    everybody = some_customers(home, "ecommerce", 100_000)
    scores = published(home, "ecommerce", everybody)
    found = results(client, told)
    assert len(found) == len(scores) == told["result"]["in_scope"]
    assert all(
        abs(row["churn_probability"] - scores[row["customer_id"]]["churn_probability"]) <= 1e-9
        for row in found
    )


def test_a_cohort_in_a_batch_is_the_published_list(demo, client, reading):
    """No action for the control groups, and no more spend than the plan's."""
    home, _ = demo
    for domain in ("kkbox", "ecommerce"):
        live = published_domain(home, domain)
        answer = client.post(
            f"/v1/{domain}/batch-predictions", data={"cut_off": str(live["as_of_date"])}
        )
        work(reading)
        found = {row["customer_id"]: row for row in results(client, state_of(client, answer))}
        decided = duckdb.execute(
            "select customer_id, decision, planned_action, arm "
            f"from {copy_of(home, 'bi_churn_actions')} where domain = ?",
            [domain],
        ).fetchall()
        assert {row[1] for row in decided} == {"treat", "hold_out", "leave"}
        for customer, decision, action, arm in decided:
            row = found[customer]
            assert (row["published_decision"], row["arm"]) == (decision, arm)
            assert row["action_id"] == (action if decision == "treat" else None)
            assert row["is_within_plan"] == (decision == "treat")
        spend = sum(row["expected_spend"] or 0 for row in found.values())
        (planned, budget) = duckdb.execute(
            f"select expected_spend, budget from {copy_of(home, 'bi_retention_budget')} "
            "where domain = ?",
            [domain],
        ).fetchone()
        assert spend == pytest.approx(planned) and spend <= budget


def test_days_without_an_honest_answer_are_refused_at_once(client, reading, histories):
    """What the platform's own data do not reach is missing, and no silence."""
    rows = [("files", ("events.csv", as_csv(histories["ecommerce"], "events")))]
    today = date.today()

    def refused(field, day, files=None):
        answer = client.post("/v1/ecommerce/batch-predictions", data={field: str(day)}, files=files)
        assert answer.status_code == 422, answer.text
        (fault,) = answer.json()["errors"]
        assert (fault["pointer"], fault["field"]) == (f"#/{field}", field)
        return fault["detail"]

    beyond = refused("cut_off", "2020-05-02")
    assert "the platform's own data end before 2020-05-01" in beyond
    assert "send rows with as_of_date" in beyond
    assert "learned from outcomes that were not known before" in refused("cut_off", "2019-06-01")
    assert "learned from outcomes that were not known before" in refused(
        "as_of_date", "2019-06-01", rows
    )
    assert "is in the future" in refused("as_of_date", today + timedelta(days=2), rows)
    assert client.app.state.supervisor.jobs.unfinished() == 0
    assert not any(reading.batch.iterdir())
    # what was published when the job was asked for may be another build than when it runs
    job = client.app.state.supervisor.jobs.add(
        "a" * 32,
        "ecommerce",
        key_of(client),
        "cut_off",
        date(2020, 5, 2),
    )
    work(reading)
    told = client.get(f"/v1/ecommerce/batch-predictions/{job.job_id}").json()
    assert told["status"] == "failed"
    assert "the platform's own data end before 2020-05-01" in told["error"]["what"]


def key_of(client):
    """Id of a client's key."""
    return client.headers["X-API-Key"].split("_")[1]


def in_real_time(client, customers, **body):
    """The answer of real time to the same rows."""
    sent = [
        {
            "customer_id": customer,
            **{
                table: [
                    {name: cell for name, cell in row.items() if name != "msno"} for row in rows
                ]
                for table, rows in tables.items()
            },
        }
        for customer, tables in customers.items()
    ]
    answer = client.post(
        "/v1/kkbox/predictions",
        content=json.dumps({"customers": sent, **body}),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_is_taken_on_trust_or_was_not_sent_is_noted_as_in_real_time(
    client, reading, histories
):
    customers = {
        customer: {"transactions": tables["transactions"]}
        for customer, tables in list(histories["kkbox"].items())[:3]
    }
    answer = client.post(
        "/v1/kkbox/batch-predictions",
        data={"as_of_date": "2017-04-20"},
        files=[("files", ("transactions.csv", as_csv(customers, "transactions")))],
    )
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "done", told
    trust, absent = told["result"]["notes"][:2]
    assert "assumed to be complete up to 2017-04-20" in trust
    assert "user_logs was not sent" in absent
    notes = in_real_time(client, customers, as_of_date="2017-04-20")["notes"]
    assert notes[: len(told["result"]["notes"])] == told["result"]["notes"]


def test_who_is_not_scored_is_told_why_as_in_real_time(client, reading, histories):
    rows = next(tables["transactions"] for tables in histories["kkbox"].values())

    def of(customer, **cells):
        return {customer: {"transactions": [{**row, "msno": customer, **cells} for row in rows]}}

    customers = (
        of("late", transaction_date="20170601")
        | of("expired", membership_expire_date="20150301", transaction_date="20150201")
        | of("scored")
    )
    unfit = of("a\0b") | of("a\tb") | of("x" * 201)
    answer = client.post(
        "/v1/kkbox/batch-predictions",
        files=[("files", ("transactions.parquet", as_parquet(customers | unfit, "transactions")))],
    )
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "done", told
    assert (told["result"]["customers"], told["result"]["in_scope"]) == (6, 1)
    found = {row["customer_id"]: row for row in results(client, told)}
    for one in in_real_time(client, customers)["items"]:
        assert found[one["customer_id"]]["out_of_scope_reason"] == one["reason"]
    assert found["late"]["out_of_scope_reason"].endswith("before the cut-off")
    for customer in unfit:
        assert found[customer]["churn_probability"] is None
        assert "control character" in found[customer]["out_of_scope_reason"]


def test_what_is_no_upload_is_refused_in_words(client, histories):
    rows = as_csv(histories["kkbox"], "transactions")

    def refused(files=None, data=None):
        answer = client.post("/v1/kkbox/batch-predictions", files=files, data=data)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.json()["errors"][0]["detail"]

    assert "Send either files or cut_off" in refused()
    assert "belongs to no table" in refused([("files", ("orders.csv", rows))])
    for name in ("../../transactions.csv", "transactions.csv.7z", ".csv", "a\0.csv", "x/y.csv"):
        assert "not a name of a CSV or Parquet file" in refused([("files", (name, rows))]), name
    assert "Send either files or cut_off" in refused(
        [("files", ("transactions.csv", rows))], {"cut_off": "2017-04-01"}
    )
    assert "is missing" in refused([("files", ("user_logs.csv", rows))])
    twice = [("files", ("transactions.csv", rows)), ("files", ("transactions.parquet", rows))]
    assert "are the same file" in refused(twice)
    assert "not a date" in refused(data={"cut_off": "yesterday"})
    misspelt = [("files", ("transactions.csv", rows))], {"as_of": "2017-04-01"}
    assert "fields are files, as_of_date, cut_off" in refused(*misspelt)
    answer = client.post("/v1/kkbox/batch-predictions", json={"cut_off": "2017-04-01"})
    assert answer.status_code == 415
    assert "multipart/form-data" in answer.json()["detail"]
    unknown = client.get(f"/v1/kkbox/batch-predictions/{'0' * 32}")
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("transactions.csv", b"msno,price\na,1\n", "header lacks"),
        ("transactions.csv", b"", "file is empty"),
        ("transactions.parquet", b"PAR1 not at all", "cannot be read as Parquet"),
        ("transactions.csv", b"\x00\x01\x02", "not UTF-8 text"),
        ("transactions.csv", b"PK\x03\x04" + bytes(99), "a zip archive, not a CSV"),
        ("transactions.csv", b"+kept/secret=,41,30,149,149,1,20170301,20170401,0\n", "lacks msno"),
    ],
)
def test_files_that_cannot_be_used_fail_their_job_in_words(client, reading, name, content, words):
    answer = client.post("/v1/kkbox/batch-predictions", files=[("files", (name, content))])
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "failed"
    assert words in told["error"]["what"]
    assert name in told["error"]["where"]
    assert "the directory" not in told["error"]["hint"]
    assert "--" not in told["error"]["hint"]
    kept = b"".join(path.read_bytes() for path in reading.root.glob("state.sqlite*"))
    for unwanted in (str(reading.root), "read_parquet", "+kept/secret="):
        assert unwanted not in str(told)
        assert unwanted.encode() not in kept
    assert not (folder_of(reading, told["job_id"]) / "raw").exists()


def bomb(path, rows, text):
    """A small file that stands for much: one value, repeated by a dictionary."""
    table = pa.table(
        {"msno": pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))}
    )
    pq.write_table(table, path, compression="zstd")
    return path


def test_a_parquet_bomb_is_refused_before_it_goes_off(client, reading, tmp_path):
    many = bomb(tmp_path / "many.parquet", 3_000_000, "x")
    assert many.stat().st_size < 100_000
    with pytest.raises(ChurnError, match="too large when unpacked: 3,000,000 rows"):
        check_parquet(many, Limits(rows=1_000_000))
    # half a megabyte that is two terabytes of text
    long = bomb(tmp_path / "long.parquet", 2_000_000, "y" * 1_000_000)
    assert long.stat().st_size < 1_000_000
    began = time.monotonic()
    with pytest.raises(ChurnError, match="a value of msno has 1,000,000 bytes"):
        check_parquet(long)
    assert time.monotonic() - began < 20
    together = bomb(tmp_path / "together.parquet", 2_000_000, "z" * 4_000)
    with pytest.raises(ChurnError, match=r"more than .* bytes of text"):
        check_parquet(together)
    wide = tmp_path / "wide.parquet"
    pq.write_table(pa.table({f"c{n}": [1] for n in range(500)}), wide)
    with pytest.raises(ChurnError, match="500 columns"):
        check_parquet(wide)
    bare = tmp_path / "bare.parquet"
    pq.write_table(pa.table({}), bare)
    with pytest.raises(ChurnError, match="has no columns"):
        check_parquet(bare)
    nested = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"msno": [[1, 2]]}), nested)
    with pytest.raises(ChurnError, match="nested values"):
        check_parquet(nested)
    answer = client.post(
        "/v1/kkbox/batch-predictions",
        files=[("files", ("transactions.parquet", long.read_bytes()))],
    )
    work(reading)
    told = state_of(client, answer)
    assert told["status"] == "failed"
    assert "too large when unpacked" in told["error"]["what"]


def test_only_the_key_that_asked_sees_a_job_and_it_can_forget_it(client, reading):
    answer = client.post("/v1/kkbox/batch-predictions", data={"cut_off": "2017-04-01"})
    where = answer.headers["Location"]
    other = {"X-API-Key": create_key(Store(reading), "other", ["predict"])}
    admin = {"X-API-Key": create_key(Store(reading), "admin", ["predict", "admin"])}
    reader = {"X-API-Key": create_key(Store(reading), "reader", ["read"])}
    assert client.get(where, headers=other).status_code == 404
    assert client.delete(where, headers=other).status_code == 404
    assert client.get(where, headers=reader).status_code == 403
    assert client.get(where, headers=admin).status_code == 404
    assert client.delete(where, headers=admin).status_code == 404
    elsewhere = where.replace("/kkbox/", "/ecommerce/")
    assert client.get(elsewhere).status_code == 404
    assert client.delete(where).status_code == 204
    assert client.get(where).status_code == 404
    assert not folder_of(reading, where.rsplit("/", 1)[-1]).exists()


def test_the_platforms_own_scores_are_for_keys_that_may_read(client, reading, histories):
    predicts = {"X-API-Key": create_key(Store(reading), "predicts", ["predict"])}
    answer = client.post(
        "/v1/kkbox/batch-predictions", data={"cut_off": "2017-04-01"}, headers=predicts
    )
    assert answer.status_code == 403
    assert (answer.json()["type"], answer.json()["required"]) == (
        "urn:churn:problem:scope-missing",
        "read",
    )
    answer = client.post(
        "/v1/kkbox/batch-predictions",
        files=[("files", ("transactions.csv", as_csv(histories["kkbox"], "transactions")))],
        headers=predicts,
    )
    assert answer.status_code == 202, "its own rows"


def test_a_key_has_so_many_jobs_at_a_time(client, reading, monkeypatch):
    monkeypatch.setattr(job_table, "MOST_UNFINISHED", 1)

    def ask():
        return client.post("/v1/kkbox/batch-predictions", data={"cut_off": "2017-04-01"})

    first = ask()
    answer = ask()
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:churn:problem:too-many-jobs"
    assert len(list(reading.batch.iterdir())) == 1
    assert client.delete(first.headers["Location"]).status_code == 204
    assert ask().status_code == 202


def test_a_job_is_there_for_a_week(client, monkeypatch):
    answer = client.post("/v1/kkbox/batch-predictions", data={"cut_off": "2017-04-01"})
    assert client.get(answer.headers["Location"]).status_code == 200
    monkeypatch.setattr(job_table, "KEPT_FOR", -job_table.KEPT_FOR)
    assert client.get(answer.headers["Location"]).status_code == 404


def test_results_come_whole_whatever_range_is_asked_for(client, reading):
    jobs = client.app.state.supervisor.jobs
    job = jobs.add("a" * 32, "kkbox", key_of(client), "upload", None)
    folder = folder_of(reading, job.job_id)
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"customer_id": ["a", "b"]}), folder / "results.parquet")
    jobs.claim("worker")
    jobs.finish(job.job_id, "worker", result={"customers": 2, "in_scope": 2, "ignored": {}})
    path = f"/v1/kkbox/batch-predictions/{job.job_id}/results"
    for form in ("parquet", "csv"):
        for asked in (None, "bytes=0-1", "bytes=9999999-", "lines=1", "bytes=0-1,3-4"):
            headers = {"Range": asked} if asked else {}
            answer = client.get(path, params={"format": form}, headers=headers)
            assert answer.status_code == 200, asked
            assert f'{job.job_id}-results.{form}"' in answer.headers["content-disposition"]
            if form == "parquet":
                assert answer.content == (folder / "results.parquet").read_bytes()
                assert answer.headers["content-length"] == str(len(answer.content))


def test_one_idempotency_key_makes_one_job(client, reading, histories):
    rows = as_csv(histories["ecommerce"], "events")
    header = {"Idempotency-Key": "one"}

    def ask(content):
        return client.post(
            "/v1/ecommerce/batch-predictions",
            files=[("files", ("events.csv", content))],
            headers=header,
        )

    first, second = ask(rows), ask(rows)
    assert first.headers["Location"] == second.headers["Location"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert ask(rows + b"\n").status_code == 422
    assert client.app.state.supervisor.jobs.unfinished() == 1
    assert [path.name for path in reading.batch.iterdir()] == [first.json()["job_id"]]


def wait_for(condition, what):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


@pytest.mark.slow
def test_a_job_survives_kill_9_of_api_and_worker_in_its_middle(demo, reading):
    """The API and its worker are killed while the job is scoring; another API completes it."""
    import httpx

    home, _ = demo
    live = published_domain(home, "kkbox")
    key = create_key(Store(reading), "tests", ["predict", "read"])
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))

    def start():
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "api", "--port", "0"],
            env=os.environ | {"CHURN_HOME": str(reading.root), "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
        )
        where = process.stdout.readline().split()[0]
        client = httpx.Client(base_url=where, headers={"X-API-Key": key}, timeout=60)

        def lives():
            try:
                return client.get("/healthz").status_code == 200
            except httpx.ConnectError:  # bound, and not listening yet
                return False

        wait_for(lives, "the API")
        return process, client

    jobs = Jobs(reading)
    api, client = start()
    try:
        answer = client.post(
            "/v1/kkbox/batch-predictions", data={"cut_off": str(live["as_of_date"])}
        )
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["job_id"]
        wait_for(lambda: jobs.find(job_id).progress > 0.2, "the middle of the job")
        worker = int(
            subprocess.run(
                ["pgrep", "-P", str(api.pid)], capture_output=True, text=True, check=True
            ).stdout.split()[0]
        )
        os.kill(worker, signal.SIGKILL)
        api.kill()
        api.wait()
        died = jobs.find(job_id)
        assert died.status == "running"
        assert not (folder_of(reading, job_id) / "results.parquet").exists()
        api, client = start()
        told = wait_for(
            lambda: (
                (found := client.get(answer.headers["Location"]).json())["status"]
                in ("done", "failed")
                and found
            ),
            "the job's end",
        )
        assert told["status"] == "done", told
        assert told["attempts"] == 2
        content = client.get(told["results"]).content
        found = pq.read_table(io.BytesIO(content)).to_pylist()
        scores = published(home, "kkbox", [row["customer_id"] for row in found])
        assert len(found) == len(scores) == told["result"]["customers"]
    finally:
        api.terminate()
        api.wait(30)
        jobs.close()


def test_no_customer_id_is_in_the_table_of_jobs(client, reading, histories):
    customers = histories["ecommerce"]
    client.post(
        "/v1/ecommerce/batch-predictions",
        files=[("files", ("2020-Apr.csv", as_csv(customers, "events")))],
    )
    work(reading)
    kept = b"".join(path.read_bytes() for path in reading.root.glob("state.sqlite*"))
    assert b"batch_jobs" in kept
    assert not any(customer.encode() in kept for customer in customers)
