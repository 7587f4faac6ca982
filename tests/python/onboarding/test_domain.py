"""A folder of orders becomes a domain with scores and actions, and no SQL is edited."""

import csv

import pytest
import yaml
from made_orders import write_made_orders
from project_copy import check_the_house, churn, lines_of, published
from shop_orders import write_orders

from pipeline.onboarding.domain import Wishes, propose, write_proposal
from pipeline.project.errors import ChurnError

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
    check_the_house(project, home, "till")


@pytest.mark.long
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


@pytest.mark.long
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
