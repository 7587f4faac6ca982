"""A third domain costs a folder and an entry: made by the command, mapped, run to scores."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml

from pipeline.project import domains
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.scaffold import new_domain
from pipeline.publish.generation import current
from pipeline.warehouse.compiled_sql import compiled_stack
from pipeline.warehouse.static_checks import windows_end_before_the_cut_off


def edit(path, *changes):
    text = path.read_text()
    for old, new in changes:
        assert old in text, f"{path.name} lacks {old!r}"
        text = text.replace(old, new)
    path.write_text(text)


# What only the domain to copy from has: keys of its entry, shapes, tables and words.
EXTENSIONS = {
    "kkbox": (
        {"identities", "extensions", "words", "protocols", "alerts"},
        {"derived_labels", "supplied_labels"},
        {"members", "train", "train_v2", "identities"},
    ),
    "ecommerce": ({"identities", "alerts"}, {"log_changes"}, {"identities"}),
}
MOST_FILES, MOST_LINES = {"kkbox": 13, "ecommerce": 10}, {"kkbox": 472, "ecommerce": 400}


@pytest.mark.parametrize("like", ["kkbox", "ecommerce"])
def test_a_new_domain_is_a_mapping_and_an_entry(project, monkeypatch, like):
    keys, shapes, tables = EXTENSIONS[like]
    before = yaml.safe_load((project / "dbt_project.yml").read_text())
    written = new_domain("telco", like, project)
    after = yaml.safe_load((project / "dbt_project.yml").read_text())
    assert list(after["vars"]["churn_domains"]) == ["kkbox", "ecommerce", "telco"]
    entry = after["vars"]["churn_domains"].pop("telco")
    copied = before["vars"]["churn_domains"][like]
    assert entry.keys() == copied.keys() - keys
    assert entry["title"] == "Telco"
    assert entry["staged"] == {
        shape: model.replace(like, "telco")
        for shape, model in copied["staged"].items()
        if shape not in shapes
    }
    assert like not in yaml.safe_dump(entry)
    assert after == before
    monkeypatch.setattr(domains, "PROJECT", project)
    assert domains.domain_entries()["telco"].given() == entry
    sources = yaml.safe_load((project / "models/telco/_telco__sources.yml").read_text())["sources"]
    described = yaml.safe_load((project / f"models/{like}/_{like}__sources.yml").read_text())
    assert {table["name"] for source in sources for table in source["tables"]} == {
        table["name"] for source in described["sources"] for table in source["tables"]
    } - tables
    for path in written[:-2]:
        assert like not in (project / path).read_text().lower()
    assert "ref('bi_telco_customers')" in (project / written[0]).read_text()
    own = domains.described_examples("telco")
    kind = yaml.safe_load(
        (project / f"models/{entry['kind']}/marts/{written[-2].name}").read_text()
    )
    assert own["columns"] == kind["anchors"][-1]


def test_a_copied_domain_does_not_read_the_database_of_the_other(project):
    path = project / "dbt_project.yml"
    block = (
        "      # where its rows are\n"
        '      connection:\n        url: "env:ONES_OWN"\n        tables:\n'
        "          events: {table: public.events, key: [id], cursor: updated_at}\n"
    )
    text = path.read_text()
    assert text.count("    ecommerce:\n") == 1
    path.write_text(text.replace("    ecommerce:\n", f"    ecommerce:\n{block}"))
    new_domain("telco", "ecommerce", project)
    entries = yaml.safe_load(path.read_text())["vars"]["churn_domains"]
    assert "connection" in entries["ecommerce"]
    assert "connection" not in entries["telco"]
    assert path.read_text().count("where its rows are") == 1


@pytest.mark.parametrize("like", ["kkbox", "ecommerce"])
def test_a_domain_costs_few_lines(project, like):
    """Its own files, its entry, and its lines in the YAML of its kind."""

    def lines(path):
        return len((project / path).read_text().splitlines()) if (project / path).exists() else 0

    before = {path: lines(path) for path in ("dbt_project.yml", *project.rglob("models/*/*/*.yml"))}
    written = new_domain("telco", like, project)
    own = [path for path in written if "telco" in path.name]
    assert len(own) <= MOST_FILES[like]
    added = sum(
        lines(path) - before.get(project / path, before.get(str(path), 0)) for path in written
    )
    assert 0 < added <= MOST_LINES[like]


@pytest.mark.parametrize(
    ("name", "like", "words"),
    [
        ("Telco", "kkbox", "not a valid name for a domain"),
        ("tel__co", "kkbox", "not a valid name for a domain"),
        ("telco", "nothing", "no domain 'nothing'"),
        ("kkbox", "ecommerce", "already"),
        ("serving", "ecommerce", "schema"),
        ("warehouse", "ecommerce", "database"),
        ("order", "ecommerce", "word of SQL"),
        ("select", "kkbox", "word of SQL"),
        ("no", "kkbox", "YAML"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_and_nothing_is_written(project, name, like, words):
    before = sorted(str(p) for p in project.rglob("*"))
    with pytest.raises(ChurnError, match=words):
        new_domain(name, like, project)
    assert sorted(str(p) for p in project.rglob("*")) == before


def write_calls(folder):
    """Prepaid top-ups and calls of 1,500 subscribers over 260 days, some of whom stop."""
    rng = np.random.default_rng(11)
    rows = []
    for subscriber in range(1_500):
        rate = rng.choice([0.04, 0.1, 0.2])
        stops = rng.exponential(250)
        for day in range(260):
            if day > stops:
                break
            for kind, chance in (("topup", rate), ("call", 3 * rate)):
                if rng.random() < chance:
                    at = np.datetime64("2023-01-01T00:00:00") + day * 86_400 + rng.integers(86_400)
                    amount = f"{rng.integers(5, 50)}.00" if kind == "topup" else ""
                    rows.append((str(at).replace("T", " "), f"s/{subscriber}", kind, amount))
    folder.mkdir()
    lines = [",".join(row) for row in sorted(rows)]
    half = len(lines) // 2
    for name, part in (("first.csv", lines[:half]), ("second.csv", lines[half:])):
        (folder / name).write_text("\n".join(["moment,subscriber,kind,amount", *part]) + "\n")


@pytest.mark.slow
def test_a_fault_in_a_kind_is_a_fault_of_each_of_its_domains(project, tmp_path):
    """What is mended there is mended for all of them: none has a copy."""
    model = project / "models/no_contract/intermediate/int_no_contract__cohorts_selected.sql"
    mended = model.read_text()
    three = ("ecommerce", "second", "third")
    for name in three[1:]:
        new_domain(name, "ecommerce", project)
    found = {}
    for state, text in (
        (
            "broken",
            mended.replace("as_of_date > orders.ordered_on", "as_of_date >= orders.ordered_on"),
        ),
        ("mended", mended),
    ):
        model.write_text(text)
        home = Home(tmp_path / state)
        (home.work / "duckdb").mkdir(parents=True)
        done = subprocess.run(
            [Path(sys.executable).with_name("dbt"), "compile", "--quiet", "--select"]
            + [f"+int_{name}__features_joined" for name in three],
            cwd=project,
            env=os.environ
            | {"CHURN_HOME": str(home.root), "DBT_TARGET_PATH": str(home.dbt_target)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found[state] = [
            name for name in three if windows_end_before_the_cut_off(compiled_stack(home, name))
        ]
        others = {"second", "third"}
        for name in three:
            text = " ".join(view.sql for view in compiled_stack(home, name))
            assert not any(f"lake.{other}_" in text.replace('"', "") for other in others - {name})
    assert found == {"broken": list(three), "mended": []}


@pytest.mark.long
def test_a_third_domain_made_by_the_command_and_mapped_runs_to_published_scores(
    project, tmp_path, home
):
    environment = os.environ | {"CHURN_HOME": str(home.root), "PYTHONPATH": str(project)}

    def churn(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
        )

    done = churn("domain", "new", "telco", "--like", "ecommerce")
    assert done.returncode == 0, done.stderr
    assert "models/telco/_telco__sources.yml" in done.stdout

    # the columns of the files
    sources = project / "models/telco/_telco__sources.yml"
    document = yaml.safe_load(sources.read_text())
    events = document["sources"][0]["tables"][0]
    names = {
        "event_time": "moment",
        "event_type": "kind",
        "price": "amount",
        "user_id": "subscriber",
    }
    kept = [c for c in events["columns"] if c["name"] in {*names, "event_date"}]
    events["columns"] = kept
    for column in kept:
        column["name"] = names.get(column["name"], column["name"])
        meta = column["config"]["meta"]
        meta.pop("format", None)
        if "date_of" in meta:
            meta["date_of"] = "moment"
        if "values" in meta:
            meta["values"] = ["topup", "call"]
            del meta["spellings"]
    del events["config"]["meta"]["amounts"]
    events["config"]["meta"] |= {
        "event_time": "moment",
        "anchor": "topup",
        "covered_by": "kind",
        "partition_by": ["kind", "event_date"],
    }
    sources.write_text(yaml.safe_dump(document, sort_keys=False))
    edit(
        project / "models/telco/staging/stg_telco__events.sql",
        ("'user_id'", "'subscriber'"),
        ("source.user_session as", "cast(null as varchar) as"),
        ("source.product_id,", "cast(null as varchar) as product_id,"),
        ("source.category_id,", "cast(null as varchar) as category_id,"),
        ("source.event_time", "source.moment"),
        ("source.event_type = 'refund'", "false"),
        ("source.event_type = 'purchase'", "source.kind = 'topup'"),
        (
            "source.event_type",
            "case source.kind when 'topup' then 'purchase' else 'view' end as event_type",
        ),
        ("split_part(source.category_code, '.', 1)", "cast(null as varchar)"),
        ("source.category_code is null", "true"),
        ("source.brand is null", "true"),
        ("source.brand,", "cast(null as varchar) as brand,"),
        ("source.price", "source.amount"),
        ("source.quantity", "cast(null as integer)"),
    )
    edit(
        project / "dbt_project.yml",
        ("      title: Telco\n", "      title: Prepaid telephony\n"),
    )
    text = (project / "dbt_project.yml").read_text()
    own = text.index("    telco:\n")
    mapped = text[own:].replace(
        "{orders: events.purchase, visits: events.view, carts: events.cart}",
        "{orders: events.topup, visits: events.call, carts: none}",
    )
    mapped = re.sub(r"minimum: \{.*\}", "minimum: {rows: 300, churners: 30, cohorts: 2}", mapped)
    (project / "dbt_project.yml").write_text(text[:own] + mapped)

    write_calls(tmp_path / "calls")
    done = churn("run", "--domain", "telco", "--raw", tmp_path / "calls")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "telco: quality on the cohorts of 2023-08-01 to 2023-08-16" in " ".join(
        done.stdout.split()
    )
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        scored, worded = connection.execute(
            "select count(*), count(top_driver_1) from serving.bi_churn_risk where domain = 'telco'"
        ).fetchone()
        (title,) = connection.execute(
            "select title from serving.bi_domains where domain = 'telco'"
        ).fetchone()
        quality = dict(
            connection.execute(
                "select model, value from serving.bi_model_quality "
                "where domain = 'telco' and split = 'test' and metric = 'log_loss'"
            ).fetchall()
        )
    assert scored > 300
    assert worded > scored / 2
    assert title == "Prepaid telephony"
    assert quality["lightgbm"] < quality["base_rate"]


@pytest.mark.long
def test_a_domain_that_is_removed_is_withdrawn_from_the_crm(project, demo_copy):
    before = current(demo_copy)
    shutil.rmtree(project / "models" / "kkbox")
    for path in (*(project / "macros").rglob("kkbox_*"), *(project / "seeds").glob("kkbox_*")):
        path.unlink()
    settings, actions = project / "dbt_project.yml", project / "seeds" / "retention_actions.csv"
    text = settings.read_text()
    own = text[text.index("    kkbox:\n") : text.index("    ecommerce:\n")]
    settings.write_text(text.replace(own, ""))
    rows = actions.read_text().splitlines(keepends=True)
    actions.write_text("".join(row for row in rows if "kkbox" not in row))
    done = subprocess.run(
        [sys.executable, "-m", "cli", "publish"],
        cwd=project,
        env=os.environ | {"CHURN_HOME": str(demo_copy.root), "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # its runs are still on disk
    assert (demo_copy.models / "kkbox" / "live_runs.parquet").exists()
    with duckdb.connect(str(before.path), read_only=True) as connection:
        (members,) = connection.execute(
            "select count(*) from serving.crm_churn_actions where domain = 'kkbox'"
        ).fetchone()
    with duckdb.connect(str(current(demo_copy).path), read_only=True) as connection:
        withdrawn = connection.execute(
            "select count(*), bool_and(is_deleted), count(recommended_action) "
            "from serving.crm_churn_actions where domain = 'kkbox'"
        ).fetchone()
        scored = connection.execute("select distinct domain from serving.bi_churn_risk").fetchall()
    assert withdrawn == (members, True, 0)
    assert scored == [("ecommerce",)]
