"""The Tableau export: the same rows as published, described by the YAML, put in place whole."""

import itertools
import re
import sys
import zipfile
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import tableauhyperapi as hyper
from tableaudocumentapi import Datasource

from benchmarks import tableau
from benchmarks.published_data import make_generation
from benchmarks.workbench import Bench
from cli.commands import app
from pipeline.project.errors import ChurnError
from pipeline.project.generations import current_file
from pipeline.project.home import PROJECT, Home
from pipeline.project.serving_tables import Column, published_tables
from pipeline.publish import generation as publish
from pipeline.tableau import export, extract
from pipeline.tableau.export import folder_of
from pipeline.tableau.fields import tableau_field

ALL_TYPES = """
    select * from (values
        ('a/+=' || chr(252), true, 1::tinyint, 2::smallint, 3, 4::bigint, 5::hugeint, 0.1::float,
            0.1::double, date '2017-03-01', timestamp '2017-03-01 23:59:59.123456'),
        ('+/"''\\,;' || chr(10) || 'two', false, (-1)::tinyint, (-2)::smallint, -2147483648,
            9223372036854775807, 9223372036854775807::hugeint, -1e30::float, 1e-300::double,
            date '1970-01-01', timestamp '1969-12-31 00:00:00'),
        ('', null, null, null, null, null, null, null, null, null, null),
        (null, null, null, null, null, null, null, null, 'nan'::double, date '0001-01-01', null)
    ) as t (customer_id, flag, tiny, small, whole, big, huge, single, real, day, moment)
"""


@pytest.fixture
def published(home):
    """A CHURN_HOME with two small tables published."""
    home.root.mkdir(parents=True)
    fill(home)
    publish.publish(home, "first")
    return home


def fill(home, rows=3):
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists serving")
        connection.execute(f"create or replace table serving.bi_types as {ALL_TYPES}")
        connection.execute("comment on table serving.bi_types is 'One row per type.'")
        described = next(t for t in published_tables() if t.name == "bi_churn_risk")
        columns = ", ".join(f"cast(null as {c.data_type}) as {c.name}" for c in described.columns)
        connection.execute(
            "create or replace table serving.bi_churn_risk as "
            "select * exclude (i) replace (i as risk_rank) "
            f"from (select {columns}), range({rows}) as t (i)"
        )
        connection.execute("create or replace table serving.crm_secret as select 1 as one")


def rows_of(path, table):
    """Rows of a table of an extract as Python values, as a multiset."""
    with (
        hyper.HyperProcess(
            hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU,
            parameters={"log_dir": str(path.parent), "log_file_max_count": "1"},
        ) as process,
        hyper.Connection(process.endpoint, str(path)) as connection,
    ):
        name = hyper.TableName("Extract", table)
        return Counter(
            tuple(map(plain, row)) for row in connection.execute_list_query(f"select * from {name}")
        )


def plain(value):
    if isinstance(value, hyper.Date):
        return date(value.year, value.month, value.day)
    if isinstance(value, hyper.Timestamp):
        return value.to_datetime()
    if isinstance(value, Decimal):
        return int(value)
    return "nan" if isinstance(value, float) and value != value else value


def published_rows(home, table):
    with duckdb.connect(str(publish.current(home).path), read_only=True) as connection:
        rows = connection.execute(f"select * from serving.{table}").fetchall()
    return Counter(tuple(map(plain, row)) for row in rows)


def compare(extract_path, database, tables, tmp_path):
    """Rows of the generation that Hyper does not give back, and the reverse, by table."""
    found = {}
    with (
        hyper.HyperProcess(
            hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU,
            parameters={"log_dir": str(tmp_path), "log_file_max_count": "1"},
        ) as process,
        hyper.Connection(process.endpoint, str(extract_path)) as connection,
        duckdb.connect(str(database), read_only=True) as generation,
    ):
        for table in tables:
            path = tmp_path / f"{table}.parquet"
            connection.execute_command(
                f"copy (select * from {hyper.TableName('Extract', table)}) "
                f"to {hyper.escape_string_literal(str(path))} with (format => 'parquet')"
            )
            there, here = f"(from '{path}')", f"(from serving.{table})"
            found[table] = tuple(
                generation.execute(f"select count(*) from ({a} except all {b})").fetchone()[0]
                for a, b in ((here, there), (there, here))
            )
    return found


def tables_in(path, tmp_path):
    with (
        hyper.HyperProcess(
            hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU,
            parameters={"log_dir": str(tmp_path)},
        ) as process,
        hyper.Connection(process.endpoint, str(path)) as connection,
    ):
        found = connection.catalog.get_table_names("Extract")
        return {
            table.name.unescaped: {
                column.name.unescaped: str(column.type)
                for column in connection.catalog.get_table_definition(table).columns
            }
            for table in found
        }


def test_every_value_of_every_type_is_in_the_extract_as_published(published):
    done = export(published)
    assert rows_of(done.extract, "bi_types") == published_rows(published, "bi_types")
    assert done.rows == {"bi_types": 4, "bi_churn_risk": 3}


def test_moments_and_days_stay_what_they_are(published, tmp_path):
    done = export(published)
    columns = tables_in(done.extract, tmp_path)["bi_types"]
    assert columns == {
        "customer_id": "TEXT",
        "flag": "BOOL",
        "tiny": "SMALL_INT",
        "small": "SMALL_INT",
        "whole": "INT",
        "big": "BIG_INT",
        "huge": "BIG_INT",
        "single": "DOUBLE",
        "real": "DOUBLE",
        "day": "DATE",
        "moment": "TIMESTAMP",
    }
    assert (datetime(2017, 3, 1, 23, 59, 59, 123456)) in {
        row[-1] for row in rows_of(done.extract, "bi_types")
    }


def test_only_bi_tables_and_the_generation_are_exported(published, tmp_path):
    done = export(published)
    assert set(tables_in(done.extract, tmp_path)) == {"bi_types", "bi_churn_risk", "generation"}
    ((name, fingerprint, _),) = rows_of(done.extract, "generation")
    assert (name, fingerprint) == (publish.current(published).name, "first")


def test_a_new_export_replaces_the_file_and_whoever_has_the_old_one_open_keeps_it(published):
    done = export(published)
    with done.extract.open("rb") as reader:
        old = reader.read()
        fill(published, rows=7)
        publish.publish(published, "second")
        again = export(published)
        reader.seek(0)
        assert reader.read() == old
    assert again.rows["bi_churn_risk"] == 7
    ((_, fingerprint, _),) = rows_of(again.extract, "generation")
    assert fingerprint == "second"


def test_the_extract_outlives_its_generation(published):
    done = export(published)
    for number in range(publish.GENERATIONS + 1):
        publish.publish(published, f"later {number}")
    assert not done.extract.is_symlink()
    assert sum(rows_of(done.extract, "bi_churn_risk").values()) == 3


def test_an_export_that_fails_leaves_the_old_extract_and_nothing_else(published, monkeypatch):
    done = export(published)
    before = done.extract.read_bytes()
    real = extract._load_all

    def one_short(*arguments):
        return {
            table: rows - (table == "bi_churn_risk") for table, rows in real(*arguments).items()
        }

    monkeypatch.setattr(extract, "_load_all", one_short)
    with pytest.raises(ChurnError, match="rows in the extract"):
        export(published)
    assert done.extract.read_bytes() == before
    assert [path for path in published.work.iterdir() if path.name.startswith("tableau")] == []


def test_hyper_tells_nobody_and_listens_to_nobody(published, tmp_path, monkeypatch):
    made = []
    real = hyper.HyperProcess

    def spy(*arguments, **named):
        process = real(*arguments, **named)
        made.append((named, process.endpoint.connection_descriptor))
        return process

    monkeypatch.setattr(hyper, "HyperProcess", spy)
    monkeypatch.chdir(tmp_path / "home")
    before = set(tmp_path.rglob("*"))
    export(published)
    ((named, endpoint),) = made
    assert Path(named["parameters"]["log_dir"]).is_relative_to(published.work)
    assert named["telemetry"] == hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU
    assert re.match(r"tab\.domain://|tab\.tcp://(127\.0\.0\.1|localhost)", endpoint)
    new = {path.relative_to(published.root).parts[0] for path in set(tmp_path.rglob("*")) - before}
    assert new <= {"published", "scratch"}
    assert not list(tmp_path.rglob("hyperd*.log"))


def test_without_the_api_the_way_to_it_is_told(published, monkeypatch):
    monkeypatch.setitem(sys.modules, "tableauhyperapi", None)
    with pytest.raises(ChurnError) as told:
        export(published)
    assert "pip install --editable '.[tableau]'" in told.value.hint


def test_without_a_publish_nothing_is_exported(home):
    with pytest.raises(ChurnError, match="Nothing is published"):
        export(home)


def test_a_type_no_extract_can_hold_is_named(published):
    with duckdb.connect(str(published.warehouse)) as connection:
        connection.execute("create table serving.bi_list as select [1, 2] as numbers")
    publish.publish(published, "list")
    with pytest.raises(ChurnError, match=r"bi_list.numbers is integer\[\]"):
        export(published)


def test_each_table_has_a_data_source_whose_fields_are_its_columns(published):
    done = export(published, seen_as="//files/o'brien & sons/current.hyper")
    assert {path.name for path in done.sources} == {"bi_types.tds", "bi_churn_risk.tds"}
    source = Datasource.from_file(str(folder_of(published) / "bi_churn_risk.tds"))
    (connection,) = source.connections
    assert connection.dbclass == "hyper"
    assert connection.dbname == "//files/o'brien & sons/current.hyper"
    described = next(t for t in published_tables() if t.name == "bi_churn_risk")
    assert list(source.fields) == [f"[{column.name}]" for column in described.columns]
    for column in described.columns:
        field = source.fields[f"[{column.name}]"]
        said = " ".join("".join(field.xml.itertext()).split())
        assert said == column.description
        assert field.caption == column.name.replace("_", " ").capitalize().replace(" id", " ID")


def test_every_field_is_in_one_folder_and_one_metadata_record(published):
    done = export(published)
    for path in done.sources:
        source = Datasource.from_file(str(path))
        root = source._datasourceXML
        fields = list(source.fields)
        filed = [item.get("name") for item in root.iterfind("folders-common/folder/folder-item")]
        records = [record.text for record in root.iterfind(".//metadata-record/local-name")]
        assert sorted(filed) == sorted(fields)
        assert records == fields


def test_a_number_that_names_a_row_is_no_measure():
    bin_ = Column("bin", "bigint", None, "1 has the lowest probabilities.")
    assert tableau_field(bin_, "bigint", ("domain", "bin")).role == "dimension"
    assert tableau_field(bin_, "bigint", ("domain",)).role == "measure"


@pytest.mark.parametrize(
    ("name", "data_type", "unit", "shown"),
    [
        ("churn_probability", "double", "probability", ("Avg", "p0.0%")),
        ("value_at_risk", "double", "money", ("Sum", "n#,##0;-#,##0")),
        ("customers", "bigint", "customers", ("Sum", "n#,##0;-#,##0")),
        ("payment__last_amount", "bigint", "money", ("Avg", "n#,##0;-#,##0")),
        ("risk_rank", "bigint", "rank", ("Avg", "n#,##0;-#,##0")),
        ("log_loss", "double", "log loss", ("Avg", "n0.0000;-0.0000")),
        ("days", "double", "days", ("Avg", "n#,##0.00;-#,##0.00")),
    ],
)
def test_a_unit_decides_format_and_aggregation(name, data_type, unit, shown):
    field = tableau_field(Column(name, data_type, unit, ""), data_type, ())
    assert (field.aggregation, field.number_format) == shown


def test_features_are_in_the_folder_of_their_theme():
    field = tableau_field(Column("payment__is_auto_renew", "boolean", "yes/no", ""), "boolean", ())
    assert (field.folder, field.caption) == ("Payment", "Payment: is auto renew")


def test_a_packed_table_carries_its_rows_and_a_later_export_forgets_it(published, tmp_path):
    done = export(published, packed=["bi_types"])
    (package,) = done.packages
    with zipfile.ZipFile(package) as content:
        assert sorted(content.namelist()) == ["Data/bi_types.hyper", "bi_types.tds"]
        content.extractall(tmp_path / "out")
    inside = Datasource.from_file(str(tmp_path / "out" / "bi_types.tds")).connections[0].dbname
    rows = rows_of(tmp_path / "out" / inside, "bi_types")
    assert rows == published_rows(published, "bi_types")
    assert "bi_types" in Datasource.from_file(str(package)).name
    # a link is forgotten as a link
    (package.parent / "linked").symlink_to(tmp_path / "out")
    export(published)
    assert not package.exists() and not (package.parent / "linked").is_symlink()
    assert (tmp_path / "out" / inside).is_file()
    with pytest.raises(ChurnError, match="no table 'bi_none'"):
        export(published, packed=["bi_none"])


def test_the_whole_demo_is_in_the_extract_row_for_row_and_described(demo_copy, run_churn, tmp_path):
    done = run_churn(demo_copy.root, "export", "tableau")
    assert done.returncode == 0, done.stdout + done.stderr
    path = demo_copy.published / "current.hyper"
    live = publish.current(demo_copy)
    expected = {name for name in live.tables if name.startswith("bi_")}
    there = tables_in(path, tmp_path)
    assert set(there) == expected | {"generation"}
    differences = compare(path, live.path, sorted(expected), tmp_path)
    assert differences == dict.fromkeys(expected, (0, 0))
    for name in sorted(expected):
        source = Datasource.from_file(str(folder_of(demo_copy) / f"{name}.tds"))
        assert list(source.fields) == [f"[{column}]" for column in there[name]]
        undescribed = [
            field.caption for field in source.fields.values() if field.xml.find("desc") is None
        ]
        assert undescribed == []


def test_the_guide_names_columns_that_exist():
    guide = (PROJECT / "docs" / "tableau.md").read_text()
    columns = {t.name: {c.name for c in t.columns} for t in published_tables()}
    named = re.findall(r"`(bi_\w+)(?:\.(\w+))?`", guide)
    assert len([1 for _, column in named if column]) > 30
    for table, column in named:
        assert table in columns, table
        assert not column or column in columns[table], f"{table}.{column}"
    sheets = re.findall(r"^### \d\. ", guide, re.MULTILINE)
    assert len(sheets) == 7
    # every sheet stays within its own data source
    for sheet in re.split(r"^### ", guide, flags=re.MULTILINE)[1:]:
        (source,) = re.findall(r"Data source `(bi_\w+)`", sheet)
        assert {table for table, column in re.findall(r"`(bi_\w+)\.(\w+)`", sheet)} == {source}


def test_the_command_is_registered():
    names = itertools.chain.from_iterable(
        [group.name] + [command.name for command in group.typer_instance.registered_commands]
        for group in app.registered_groups
    )
    assert {"export", "tableau"} <= set(names)


def test_the_benchmark_exports_every_table_as_wide_as_it_is(home, console):
    work = Bench(home.root / "bench", 1, 1, console)
    rows, seconds, cpu, own, process, size = tableau.measure(work, customers=200)
    made = Home(work.folder / "tableau_200")
    wide = {t.name for t in published_tables() if t.name.startswith("bi_")}
    assert set(publish.current(made).tables) == wide
    assert rows.value == sum(publish.current(made).tables.values())
    assert publish.current(made).tables["bi_churn_drivers"] == 2_400
    assert seconds.ratio.value == seconds.value / 60
    assert cpu.value > 0
    assert own.value > 20
    assert process.value > 20
    assert size.value > 0.1


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """A connection to the benchmark's tables of 2,000 made-up customers; read it only."""
    home = Home(tmp_path_factory.mktemp("made-up"))
    make_generation(home, 2_000)
    with duckdb.connect(str(current_file(home)), read_only=True) as connection:
        yield connection


def of_customers():
    """The bi_ tables with a row or more a customer, by name."""
    tables = {table.name: table for table in published_tables() if "customer_id" in table.key}
    return {name: table for name, table in tables.items() if name.startswith("bi_")}


def test_the_benchmark_has_its_rows_in_the_order_that_publish_writes(made_up):
    for name in of_customers():
        # ids come in runs then, which costs Hyper less and packs better
        there = made_up.execute(f"from serving.{name}").fetchall()
        assert there, name
        assert there == made_up.execute(f"from serving.{name} order by all").fetchall(), name


def test_the_benchmark_names_each_row_once(made_up):
    for name, table in of_customers().items():
        key = ", ".join(table.key)
        twice = f"select 1 from serving.{name} group by {key} having count(*) > 1"
        assert made_up.execute(twice).fetchone() is None, name


def test_the_benchmark_has_no_fewer_rows_a_customer_than_the_demo(demo, made_up):
    live = publish.current(demo[0])
    a_customer = "select count(*) / count(distinct (domain, customer_id)) from serving."
    with duckdb.connect(str(live.path), read_only=True) as published:
        for name in of_customers():
            here, there = (c.execute(a_customer + name).fetchone()[0] for c in (made_up, published))
            # nan where the demo has no row: nobody moved before a second publish
            assert not here < there, name


def test_the_benchmark_has_words_as_long_as_varied_and_as_seldom_null_as_the_demo(demo, made_up):
    live = publish.current(demo[0])
    with duckdb.connect(str(live.path), read_only=True) as published:
        compared, poorer = 0, []
        for name, table in of_customers().items():
            for column in table.columns:
                if column.data_type != "varchar" or column.name == "domain":
                    continue
                # of as many customers of one domain, the one with the longest ids
                longest = (
                    f"domain = (select domain from serving.{name} "
                    "order by strlen(customer_id) desc limit 1)"
                )
                said = (
                    f"select count({column.name}) / count(*), avg(strlen({column.name})), "
                    f"count(distinct {column.name}) from "
                    f"(from serving.{name} where {longest} and customer_id in (select "
                    f"customer_id from serving.bi_churn_risk where {longest} "
                    "and strlen(customer_id) = 44 order by customer_id limit 400))"
                )
                made, real = (c.execute(said).fetchone() for c in (made_up, published))
                if real[1] is None:
                    continue  # of the other domain, or always null
                compared += 1
                if any(here < 0.9 * there for here, there in zip(made, real, strict=True)):
                    poorer.append((name, column.name, made, real))
        assert poorer == []
        assert compared > 40
