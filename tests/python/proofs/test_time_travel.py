"""Features rebuilt on a lake that knows less, or nonsense, are the mart's to the last bit."""

import json
from datetime import date, timedelta

import duckdb
import pytest

from pipeline.proofs.time_travel import SENSITIVE, compare
from pipeline.warehouse.compiled_sql import load_stack

CUT_OFFS = {
    "kkbox": [date(2015, 6, 1), date(2016, 3, 1), date(2017, 2, 1), date(2017, 4, 1)],
    "ecommerce": [date(2019, 2, 1), date(2019, 12, 1), date(2020, 4, 1), date(2020, 5, 1)],
}
EVERY = [(domain, day) for domain, days in CUT_OFFS.items() for day in days]
NEWEST = [(domain, days[-1]) for domain, days in CUT_OFFS.items()]


@pytest.mark.parametrize("lake", ["hidden", "garbage"])
@pytest.mark.parametrize(("domain", "day"), EVERY)
def test_features_do_not_change_when_the_future_is_hidden_or_garbage(demo, domain, day, lake):
    home, _ = demo
    found = compare(home, domain, load_stack(home, domain), day, lake)
    assert found.differences == 0, found.examples
    assert found.rows > 250
    assert found.columns > 60


@pytest.mark.parametrize("lake", ["on the cut-off", "after the cut-off"])
@pytest.mark.parametrize(("domain", "day"), NEWEST)
def test_events_at_and_just_after_midnight_of_the_cut_off_are_not_known(demo, domain, day, lake):
    home, _ = demo
    found = compare(home, domain, load_stack(home, domain), day, lake)
    assert found.differences == 0, found.examples


@pytest.mark.parametrize(("domain", "day"), NEWEST)
def test_events_a_moment_before_the_cut_off_are_known(demo, domain, day):
    home, _ = demo
    found = compare(home, domain, load_stack(home, domain), day, SENSITIVE)
    assert found.differences > 300
    assert found.holds


@pytest.mark.slow
def test_the_command_proves_both_domains_and_keeps_the_proof(demo_copy, run_churn):
    done = run_churn(demo_copy.root, "prove", "--cut-offs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rows added just before it" in done.stdout
    for domain in CUT_OFFS:
        proof = json.loads((demo_copy.proofs / f"{domain}.json").read_text())
        assert len(proof["comparisons"]) == 7
        assert all(c["holds"] for c in proof["comparisons"])
        assert "rows of garbage in place of the test cohort" in proof["training"]
        (sheet,) = demo_copy.models.glob(f"{domain}/*/info_sheet.md")
        assert "rebuilt with the future hidden" in sheet.read_text()
    assert "profile__exists reads members" in done.stdout


# --- what a new cut-off reads ---------------------------------------------------------------------

DAY = date(2020, 5, 1)


def spoil(path):
    """Destroy every data page of a Parquet file; footer and bloom filters stay readable."""
    data = bytearray(path.read_bytes())
    chunks = duckdb.sql(
        "select least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset)), "
        f"total_compressed_size from parquet_metadata('{path}')"
    ).fetchall()
    for start, size in chunks:
        data[start : start + size] = bytes(size)
    path.write_bytes(data)


@pytest.fixture
def lake(demo_copy):
    """The demo's events, and purchases of three years earlier beside them."""
    events = demo_copy.lake / "ecommerce" / "events"
    old = events / "older" / "event_type=purchase" / "month=2016-01"
    old.mkdir(parents=True)
    duckdb.sql(
        f"copy (select * replace (event_time - interval 3 year as event_time, "
        "cast(event_date - interval 3 year as date) as event_date) "
        f"from read_parquet('{events}/*/event_type=purchase/**/*.parquet')) "
        f"to '{old}/data.parquet' (format parquet)"
    )
    return demo_copy


def build_one_cut_off(home):
    """The features of one cut-off, made over the lake's files as dbt would."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.warehouse}' as built (read_only)")
        for schema in ("lake", "control", "no_contract", "ecommerce", "seeds"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            "create view lake.ecommerce_events as from read_parquet("
            f"'{home.lake}/ecommerce/events/**/*.parquet', union_by_name = true, "
            "hive_partitioning = false)"
        )
        for name in ("cut_offs", "coverage", "windows"):
            connection.execute(
                f"create table control.control__{name} as from built.control.control__{name} "
                f"where as_of_date = date '{DAY}'"
            )
        connection.execute(
            "create view control.control__feature_cut_offs as "
            "select domain, as_of_date from control.control__cut_offs"
        )
        for name in ("knowledge", "identities"):
            connection.execute(
                f"create table control.control__{name} as from built.control.control__{name}"
            )
        for view in load_stack(home, "ecommerce"):
            kind = "table" if view.is_table else "view"
            sql = view.sql.replace('"warehouse".', '"memory".')
            connection.execute(f"create {kind} {view.relation} as {sql}")
        return connection.execute(
            "select * from ecommerce.int_ecommerce__features_joined order by customer_id"
        ).fetchall()


def test_a_new_cut_off_reads_no_month_outside_its_reach(lake):
    """Views and carts reach back 90 days, purchases two years: other files may be unreadable."""
    before = build_one_cut_off(lake)
    assert len(before) > 250
    spoilt = []
    for path in (lake.lake / "ecommerce" / "events").rglob("*.parquet"):
        kind, month = path.parts[-3].partition("=")[2], path.parts[-2].partition("=")[2]
        reach = 730 if kind in ("purchase", "refund") else 90
        if f"{month}-31" < str(DAY - timedelta(days=reach)):
            spoil(path)
            spoilt.append((kind, month))
    assert len({month for kind, month in spoilt if kind == "view"}) == 24
    assert ("purchase", "2016-01") in spoilt
    assert build_one_cut_off(lake) == before


def test_a_month_within_reach_is_read(lake):
    for path in (lake.lake / "ecommerce" / "events").glob("*/event_type=view/month=2020-02/*"):
        spoil(path)
    with pytest.raises(duckdb.Error):
        build_one_cut_off(lake)
