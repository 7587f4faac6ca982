"""A folder of orders becomes a domain with scores and actions, and no SQL is edited."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml
from made_orders import write_made_orders
from shop_orders import write_orders

from pipeline.onboarding.domain import Wishes, propose, write_proposal
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import PUBLISHED, WARNED
from pipeline.publish.generation import current

MOST_FILES, MOST_LINES = 10, 400


@pytest.fixture(scope="module")
def sales(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "sales"
    return folder, write_made_orders(folder)


@pytest.fixture(scope="module")
def proposal(sales):
    return propose("till", "no_contract", sales[0], Wishes())


def test_the_profile_finds_what_is_in_the_files(proposal, sales):
    _, made = sales
    roles = {role: column.header for role, column in proposal.found.roles.items() if column}
    assert roles == {
        "customer": "Card",
        "time": "Sold On",
        "order": "Bill No",
        "amount": "Total",
        "quantity": "Qty",
    }
    profile = proposal.profile
    assert profile.refunds == made["refunds"] > 100
    assert profile.nobodys == made["nobodys"]
    assert profile.customers == made["customers"]
    assert proposal.found.roles["time"].format == "%d.%m.%Y"
    assert proposal.recommendation.definition.is_usual


def test_what_is_said_goes_before_what_is_proposed(sales):
    wishes = Wishes(
        columns={"order": "none", "quantity": "none"},
        title="The till",
        currency="€",
        horizon_days=60,
        lookback_days=120,
        min_orders=2,
    )
    said = propose("till", "no_contract", sales[0], wishes)
    entry = yaml.safe_load(said.texts.entry)["till"]
    assert (entry["title"], entry["currency"], entry["min_orders"]) == ("The till", "€", 2)
    assert (entry["horizon_days"], entry["lookback_days"]) == (60, 120)
    sql = said.texts.files["staging/stg_till__orders.sql"]
    assert "cast(null as varchar) as order_id" in sql
    assert "cast(1 as bigint) as units" in sql


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(columns={"customer": "Nobody"}), "There is no column 'Nobody'"),
        (Wishes(columns={"colour": "Card"}), "'colour' is not a part"),
        (Wishes(columns={"customer": "none"}), "No column is recognised as the customer's id"),
        (Wishes(table="visits"), "There is no table 'visits'"),
        (Wishes(orders=("paid",)), "paid is not a value"),
    ],
)
def test_what_does_not_fit_the_files_is_refused_with_what_to_do(sales, wishes, words):
    with pytest.raises(ChurnError, match=words) as refusal:
        propose("till", "no_contract", sales[0], wishes)
    assert refusal.value.hint


def test_nothing_is_written_where_an_entry_would_be_wrong(project, sales):
    before = sorted(str(path) for path in project.rglob("*"))
    wrong = propose("till", "no_contract", sales[0], Wishes(timezone="Paris"))
    with pytest.raises(ChurnError, match="time zone"):
        write_proposal(wrong, project)
    with pytest.raises(ChurnError, match="already taken"):
        write_proposal(propose("kkbox", "no_contract", sales[0], Wishes()), project)
    assert sorted(str(path) for path in project.rglob("*")) == before


def lines_of(project):
    return {path: len(path.read_text().splitlines()) for path in files_of(project)}


def files_of(project):
    kinds = ("models", "seeds", "macros", "docs")
    found = [path for kind in kinds for path in (project / kind).rglob("*") if path.is_file()]
    return [path for path in (*found, project / "dbt_project.yml") if path.suffix != ".png"]


def test_a_domain_makes_few_files_and_lines(project, proposal):
    before = lines_of(project)
    written = write_proposal(proposal, project)
    after = lines_of(project)
    new = after.keys() - before.keys()
    assert len(new) <= MOST_FILES
    assert sum(after.values()) - sum(before.values()) <= MOST_LINES
    assert {project / path for path in written} == {
        path for path, lines in after.items() if lines != before.get(path)
    }
    with (project / "seeds" / "retention_actions.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["domain"] == "till"]
    assert len(rows) == 5 and all(row["priors_source"].startswith("assumption") for row in rows)


def churn(project, home, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "cli", *map(str, arguments)],
        cwd=project,
        env=os.environ | {"CHURN_HOME": str(home.root), "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
    )
    # days on which nobody bought are a warning where orders are all there is
    assert done.returncode in (PUBLISHED, WARNED), done.stdout + done.stderr
    return done.stdout


def published(home, domain):
    """Customers scored, actions, and the log loss of each model."""
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        scored, actions = connection.execute(
            "select count(*), count(recommended_action) from serving.crm_churn_actions "
            "where domain = ? and not is_deleted",
            [domain],
        ).fetchone()
        quality = dict(
            connection.execute(
                "select model, value from serving.bi_model_quality "
                "where domain = ? and split = 'test' and metric = 'log_loss'",
                [domain],
            ).fetchall()
        )
    return scored, actions, quality


@pytest.mark.slow
def test_orders_become_published_scores_and_actions_and_the_checks_stay_green(project, home, sales):
    said = churn(
        project, home, "domain", "new", "till", "--kind", "no_contract", "--from", sales[0]
    )
    assert "A first model needs" in said and "◀ recommended" in said
    churn(project, home, "run", "--domain", "till", "--raw", sales[0])
    scored, actions, quality = published(home, "till")
    assert scored > 300
    assert actions > 0
    assert quality["lightgbm"] < quality["base_rate"]
    tools = Path(sys.executable).parent
    checks = (
        [tools / "sqlfluff", "lint", "models/till"],
        [
            *(tools / "pytest", "-q", "tests/python/house", "tests/python/warehouse/test_kinds.py"),
            *("tests/python/docs/test_dictionary.py", "tests/python/retention/test_catalogue.py"),
            "tests/python/warehouse/test_codes.py::"
            "test_every_text_column_is_guarded_or_is_said_to_be_an_id_or_words",
            "tests/python/warehouse/test_static_checks.py::"
            "test_every_model_says_its_grain_in_its_first_line",
            "tests/python/warehouse/test_static_checks.py::"
            "test_every_feature_has_a_unit_and_a_phrase",
        ],
    )
    for command in checks:
        done = subprocess.run(
            command,
            cwd=project,
            env=os.environ | {"CHURN_HOME": str(home.root), "PYTHONPATH": str(project)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-2_000:]


@pytest.mark.slow
def test_the_purchases_of_the_shop_alone_are_a_domain(project, home, demo, tmp_path):
    """Other names, day before month, no visits: the same customers, scored from orders alone."""
    write_orders(demo[0].raw / "ecommerce", tmp_path / "orders")
    churn(
        project,
        home,
        *("domain", "new", "orders2", "--kind", "no_contract", "--from", tmp_path / "orders"),
        *("--horizon-days", 30, "--lookback-days", 90, "--min-orders", 2),
    )
    churn(project, home, "run", "--domain", "orders2", "--raw", tmp_path / "orders")
    scored, actions, quality = published(home, "orders2")
    assert scored > 300 and actions > 0
    assert quality["lightgbm"] < quality["base_rate"]


@pytest.mark.slow
def test_cdnow_is_a_domain(project, home, shared_data):
    """The public purchases: one acquisition cohort, customers that mostly never come back."""
    folder = shared_data / "cdnow_as_ecommerce"
    churn(
        project,
        home,
        *("domain", "new", "cdnow", "--kind", "no_contract", "--from", folder),
        *("--horizon-days", 90, "--lookback-days", 365, "--min-orders", 1),
    )
    churn(project, home, "run", "--domain", "cdnow", "--raw", folder)
    scored, actions, quality = published(home, "cdnow")
    assert scored > 5_000 and actions > 0
    assert quality["lightgbm"] < min(quality["base_rate"], quality["hand_rule"])
