"""The features of a cut-off are written once, under a key of everything that they are made from."""

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from home_copy import copy_home
from reference.stack import compiled_once, in_memory

from pipeline.project.domains import domain_entries
from pipeline.project.home import Home
from pipeline.project.sums import add_sums
from pipeline.proofs.time_travel import SENSITIVE, compare
from pipeline.runs.context import RunContext
from pipeline.steps import building
from pipeline.warehouse.compiled_sql import (
    compiled_model,
    load_stack,
    read_manifest,
    write_models,
)
from pipeline.warehouse.kept_features import (
    Difference,
    compare_kept,
    discard_damaged,
    is_of_other_sql,
    keep_made,
    macro_environment,
    note_lake_days,
)

DOMAINS = ("kkbox", "ecommerce")
EARLY, MIDDLE, LATE = date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)
ALWAYS = date(1, 1, 1)


def ask(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


# --- the key --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key_sql(run_dbt, tmp_path_factory):
    """The compiled SQL of the keys."""
    home = compiled_once(run_dbt, tmp_path_factory)
    nodes = {node["name"]: node for node in read_manifest(home)["nodes"].values()}
    return in_memory(compiled_model(nodes["control__feature_keys"]).sql)


@pytest.fixture
def keys(key_sql):
    """The keys of three cut-offs over some days of a lake, after a change of it."""

    def after(*changes):
        with duckdb.connect() as connection:
            connection.execute(f"""
                create schema control; create schema features;
                create table control.control__cut_offs as
                select 'shop' as domain, unnest([date '{EARLY}', date '{MIDDLE}', date '{LATE}'])
                    as as_of_date;
                create table control.control__knowledge as
                select 'shop' as domain, date '{LATE}' as known_before;
                create table control.control__coverage as
                select domain, 'orders' as table_name, as_of_date,
                    date '2019-01-01' as covered_from,
                    as_of_date as covered_before from control.control__cut_offs;
                create table control.control__windows as
                select domain, 'orders' as table_name, as_of_date, 90 as window_days,
                    0 as until_days, true as is_whole from control.control__cut_offs;
                create table control.control__identities (domain varchar, id varchar,
                    customer_id varchar, known_as varchar, known_after date, known_until date);
                create table features.lake_days as select * from (values
                    ('shop', 'orders', date '2019-12-31', 5, 111::decimal(38, 0)),
                    ('shop', 'orders', date '2020-01-15', 5, 222),
                    ('shop', 'members', date '{ALWAYS}', 5, 333)
                ) as days (domain, table_name, day, day_rows, day_checksum)
            """)
            for change in changes:
                connection.execute(change)
            found = connection.execute(f"select as_of_date, content_hash from ({key_sql})")
            return dict(found.fetchall())

    return after


def row(day, table="orders"):
    return f"insert into features.lake_days values ('shop', '{table}', '{day}', 1, 7)"


def merged(day):
    """From a day on, b is a."""
    values = [
        f"('shop', 'b', 'b', 'b', '{ALWAYS}', '{day}')",
        f"('shop', 'b', 'a', 'a since {day}', '{day}', '9999-12-31')",
        f"('shop', 'a', 'a', 'a', '{ALWAYS}', '{day}')",
        f"('shop', 'a', 'a', 'a since {day}', '{day}', '9999-12-31')",
    ]
    return f"insert into control.control__identities values {', '.join(values)}"


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (row("2020-01-20"), {MIDDLE, LATE}),
        (row("2019-06-01"), {EARLY, MIDDLE, LATE}),
        (row("2020-02-01"), {LATE}),
        (row("2020-03-01"), set()),
        (row(ALWAYS, "members"), {EARLY, MIDDLE, LATE}),
        (
            "update features.lake_days set day_checksum = 223 where day = '2020-01-15'",
            {MIDDLE, LATE},
        ),
        (merged("2020-01-20"), {MIDDLE, LATE}),
        (merged("2020-02-01"), {LATE}),
        (
            f"update control.control__windows set is_whole = false where as_of_date = '{MIDDLE}'",
            {MIDDLE},
        ),
        (
            "update control.control__coverage set covered_before = '2020-01-30' "
            f"where as_of_date = '{MIDDLE}'",
            {MIDDLE},
        ),
        ("update control.control__knowledge set known_before = '2020-06-01'", set()),
        ("update control.control__knowledge set known_before = '2020-02-10'", {LATE}),
    ],
)
def test_a_change_changes_the_keys_of_the_cut_offs_that_it_touches_and_no_others(
    keys, change, touched
):
    before, after = keys(), keys(change)
    assert set(before) == {EARLY, MIDDLE, LATE}
    assert {day for day in before if before[day] != after[day]} == touched


# --- builds ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept_home(demo, run_churn, tmp_path_factory):
    """The demo, built again from what was kept of its features; the tests change it in turn."""
    home = Home(tmp_path_factory.mktemp("kept") / "home")
    copy_home(demo[0].root, home.root)
    home.warehouse.unlink()
    done = run_churn(home.root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def made(home, domain):
    """Cut-offs whose features the last build made, without the one that is compared."""
    rows = ask(
        home.warehouse,
        "select cast(as_of_date as varchar) from control.control__feature_cut_offs "
        f"where domain = '{domain}' except select cast(as_of_date as varchar) "
        f"from control.control__feature_files where domain = '{domain}'",
    )
    return sorted(day for (day,) in rows)


def cut_offs(home, domain):
    rows = ask(
        home.warehouse,
        "select cast(as_of_date as varchar) from control.control__cut_offs "
        f"where domain = '{domain}'",
    )
    return sorted(day for (day,) in rows)


def differing(one, other, only=None):
    """Tables of which two warehouses have other rows; those that features pass through aside."""
    passed = {model.relation for domain in DOMAINS for model in load_stack(one, domain)}
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one.warehouse}' as one (read_only)")
        connection.execute(f"attach '{other.warehouse}' as other (read_only)")
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where database_name = 'one' and schema_name not in ('pipeline', 'main')"
        ).fetchall()
        found = []
        compared = only or {name for (name,) in names} - passed
        for name in sorted(compared):
            if name.startswith("control.control__feature_"):
                continue
            here, there = f"from one.{name}", f"from other.{name}"
            ((rows,),) = connection.execute(
                f"select count(*) from (({here} except all {there}) union all "
                f"({there} except all {here}))"
            ).fetchall()
            found += [name] * (rows > 0)
        assert {f"{domain}.{domain}__churn_examples" for domain in DOMAINS} <= compared
        return found


@pytest.mark.slow
def test_a_build_makes_one_kept_cut_off_again_and_reads_the_others(kept_home, demo):
    for domain in DOMAINS:
        assert made(kept_home, domain) == []
        ((again,),) = ask(
            kept_home.warehouse,
            f"select count(*) from control.control__feature_cut_offs where domain = '{domain}'",
        )
        assert again == 1
        files = list((kept_home.features / domain).glob("*.parquet"))
        assert sorted(path.name[:10] for path in files) == cut_offs(kept_home, domain)


@pytest.mark.slow
def test_what_is_kept_is_what_a_full_refresh_makes(kept_home, demo):
    # the demo was built once, with nothing kept
    marts = {f"{domain}.{domain}__churn_examples" for domain in DOMAINS}
    for domain in DOMAINS:
        assert made(demo[0], domain) == cut_offs(demo[0], domain)
    assert differing(kept_home, demo[0], only=marts) == []


@pytest.mark.slow
def test_a_file_that_was_changed_is_found_when_it_is_compared(kept_home):
    for domain in DOMAINS:
        assert compare_kept(kept_home, domain) is None
    ((path, day),) = ask(
        kept_home.warehouse,
        "select file_path, cast(as_of_date as varchar) from control.control__feature_files "
        "where domain = 'ecommerce' and is_compared",
    )
    whole = Path(path).read_bytes()
    try:
        duckdb.sql(
            "copy (select * replace (orders__orders + (row_number() over () = 1)::bigint "
            f"as orders__orders) from '{path}') to '{path}' (format parquet)"
        )
        assert compare_kept(kept_home, "ecommerce") == Difference("ecommerce", day, 1)
    finally:
        Path(path).write_bytes(whole)


@pytest.mark.slow
def test_features_of_other_sql_are_not_those_that_are_kept(kept_home):
    entries = {name: entry.resolved() for name, entry in domain_entries().items()}
    environment = macro_environment(kept_home, entries)
    given = json.loads(environment["CHURN_FEATURE_SQL"])
    assert set(given) == set(DOMAINS)
    path = kept_home.compiled / "features" / "kkbox.json"
    before, stack = path.read_bytes(), load_stack(kept_home, "kkbox")
    assert not is_of_other_sql(kept_home, "kkbox", environment)
    try:
        mutant = type(stack[0])(stack[0].relation, stack[0].sql + " -- mutated", stack[0].is_table)
        write_models(path, [mutant, *stack[1:]])
        assert is_of_other_sql(kept_home, "kkbox", environment)
    finally:
        path.write_bytes(before)
    # another setting, another text: nothing that is kept may be read
    other = {**entries, "ecommerce": entries["ecommerce"].with_changes({"lookback_days": 60})}
    given = json.loads(macro_environment(kept_home, other)["CHURN_FEATURE_SQL"])
    assert set(given) == {"kkbox"}


@pytest.mark.slow
def test_late_rows_make_the_cut_offs_after_them_again(kept_home, run_churn, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    source = kept_home.raw / "ecommerce"
    shutil.copyfile(source / "churn_demo.json", raw / "churn_demo.json")
    header, first = (source / "2019-Dec.csv").read_text().splitlines()[:2]
    moved = ",".join(["2019-12-20 10:00:00 UTC", *first.split(",")[1:]])
    (raw / "late.csv").write_text(f"{header}\n{moved}\n")
    before = {p.name for p in (kept_home.features / "ecommerce").glob("*.parquet")}
    done = run_churn(kept_home.root, "ingest", "--domain", "ecommerce", "--raw", raw)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run_churn(kept_home.root, "build")
    assert done.returncode in (0, 4), done.stdout + done.stderr
    later = [day for day in cut_offs(kept_home, "ecommerce") if day > "2019-12-20"]
    assert made(kept_home, "ecommerce") == later
    assert made(kept_home, "kkbox") == []
    after = {p.name for p in (kept_home.features / "ecommerce").glob("*.parquet")}
    assert sorted(name[:10] for name in after) == cut_offs(kept_home, "ecommerce")
    assert {name[:10] for name in before - after} == set(later)

    # and they are what a build with nothing kept makes of them
    full = Home(tmp_path / "full")
    shutil.copytree(kept_home.root, full.root, symlinks=True)
    shutil.rmtree(full.features)
    full.warehouse.unlink()
    done = run_churn(full.root, "build")
    assert done.returncode in (0, 4), done.stdout + done.stderr
    assert made(full, "ecommerce") == cut_offs(full, "ecommerce")
    assert differing(kept_home, full) == []


@pytest.mark.slow
def test_features_that_are_kept_do_not_know_the_future(kept_home):
    """The mart that is proved is the one that was read from the files."""
    for domain in DOMAINS:
        day = date.fromisoformat(cut_offs(kept_home, domain)[-1])
        for lake in ("garbage", SENSITIVE):
            found = compare(kept_home, domain, load_stack(kept_home, domain), day, lake)
            assert found.holds, found.examples


def test_days_of_the_lake_are_noted_once_and_without_the_day_they_were_seen(home):
    def load(name, *rows, seen="2020-05-01"):
        folder = home.lake / "ecommerce" / "events" / name
        folder.mkdir(parents=True, exist_ok=True)
        values = ", ".join(
            f"(timestamp '{day} 10:00', 'purchase', {product}, date '{seen}')"
            for day, product in rows
        )
        duckdb.sql(
            f"copy (select * from (values {values}) as events "
            "(event_time, event_type, product_id, first_seen_on)) "
            f"to '{folder / 'part.parquet'}' (format parquet)"
        )

    def noted():
        note_lake_days(home, ["ecommerce"])
        paths = sorted(home.features.glob("ecommerce/lake_days/*/*.parquet"))
        rows = duckdb.sql(f"select * from read_parquet({[str(p) for p in paths]})").fetchall()
        return {p: p.stat().st_mtime_ns for p in paths}, sorted(rows)

    load("a", ("2020-01-01", 1), ("2020-01-01", 1), ("2020-01-02", 2))
    files, rows = noted()
    assert [(row[2], row[3]) for row in rows] == [(date(2020, 1, 1), 2), (date(2020, 1, 2), 1)]
    assert noted() == (files, rows)

    # the same rows in another order, first seen on another day
    load("a", ("2020-01-02", 2), ("2020-01-01", 1), ("2020-01-01", 1), seen="2021-01-01")
    assert noted()[1] == rows
    load("a", ("2020-01-02", 3), ("2020-01-01", 1), ("2020-01-01", 1))
    changed = noted()[1]
    assert changed[0] == rows[0]
    assert changed[1] != rows[1]

    # what is taken out of the lake is not noted any more
    load("b", ("2020-01-03", 1))
    shutil.rmtree(home.lake / "ecommerce" / "events" / "a")
    assert [row[2] for row in noted()[1]] == [date(2020, 1, 3)]


def test_a_difference_is_told_and_everything_of_the_domain_is_made_again(
    home, console, monkeypatch
):
    entries = {"kkbox": domain_entries()["kkbox"]}
    context = RunContext(home, ("kkbox",), entries, {}, console)
    (home.features / "kkbox").mkdir(parents=True)
    (home.features / "kkbox" / "2020-01-01.key.parquet").touch()
    builds, found = [], [Difference("kkbox", "2020-01-01", 3), None]

    def build(*_, **options):
        builds.append(list(home.features.glob("kkbox/*.parquet")))
        return building.DbtOutcome()

    for name in ("check_build", "read_manifest", "compiled_stack", "keep_features"):
        monkeypatch.setattr(building, name, lambda *_: None)
    monkeypatch.setattr(building, "dbt_build", build)
    monkeypatch.setattr(building, "is_of_other_sql", lambda *_: False)
    monkeypatch.setattr(building, "compare_kept", lambda *_: found.pop(0))
    building._build_until_ml(context, isolate=False)
    assert [len(files) for files in builds] == [1, 0]
    assert "2020-01-01 differ in 3 rows" in console.export_text()


@pytest.mark.parametrize("folder", ["", "lake_days/events"])
def test_a_kept_file_with_a_flipped_bit_is_made_again(home, folder):
    there = home.features / "ecommerce" / folder
    there.mkdir(parents=True)
    paths = [there / f"2020-01-0{day}.key.parquet" for day in (1, 2, 3)]
    for path in paths:
        path.write_bytes(b"features" * 100)
    add_sums(paths)
    assert discard_damaged(home, "ecommerce") == 0
    flipped = bytearray(paths[1].read_bytes())
    flipped[400] ^= 1
    paths[1].write_bytes(flipped)
    assert discard_damaged(home, "ecommerce") == 1
    assert [path.exists() for path in paths] == [True, False, True]
    assert discard_damaged(home, "ecommerce") == 0
    # what a killed command left has no hash
    (there / "2020-01-04.key.parquet").touch()
    assert discard_damaged(home, "ecommerce") == 1
    # without hashes that can be read nothing is trusted
    (there / "SHA256SUMS").write_bytes(b"\xff\xfe")
    assert discard_damaged(home, "ecommerce") == 1
    assert not home.features.joinpath("ecommerce").exists()


def test_nothing_is_kept_twice(tmp_path):
    """A file is written once; the next build finds it by its name."""
    home = Home(tmp_path)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("""
            create schema control; create schema kkbox;
            create table control.control__feature_keys as
            select 'kkbox' as domain, date '2020-01-01' as as_of_date, 'content' as content_hash;
            create table control.control__feature_cut_offs as
            select domain, as_of_date from control.control__feature_keys;
            create table kkbox.int_kkbox__features_joined as
            select 'a' as customer_id, date '2020-01-01' as as_of_date, 1.5 as x__y
        """)
    settings = domain_entries()["kkbox"]
    write_models(home.compiled / "features" / "kkbox.json", [])
    for unused in ("2020-01-01.older.parquet", "2019-06-03.other_grid.parquet"):
        path = home.features / "kkbox" / unused
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert keep_made(home, "kkbox", settings) == 1
    (file,) = home.features.glob("kkbox/*.parquet")
    assert duckdb.sql(f"from '{file}'").fetchall() == [("a", date(2020, 1, 1), 1.5)]
    assert keep_made(home, "kkbox", settings) == 0
