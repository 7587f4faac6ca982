"""Every page opens on whatever is published, and says in words what is not there."""

import shutil

import duckdb
import pytest
import viewer_pages
from viewer_pages import SCREENS, assert_plain, text_of

from app.viewer import client, words
from app.viewer.main import PAGES
from pipeline.project.home import Home
from pipeline.publish.generation import current

TITLES = {"kkbox": "KKBox", "ecommerce": "Online shop"}
HEADINGS = {page.file: page.title for page in PAGES}
ACTIONS = (
    "bi_churn_actions",
    "bi_retention_plan",
    "bi_retention_alternatives",
    "bi_retention_budget",
    "bi_retention_curve",
)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No API but the one that a test names."""
    monkeypatch.delenv(client.ADDRESS, raising=False)
    monkeypatch.delenv(client.KEY, raising=False)


def changed(demo, folder, *changes):
    """A home whose published generation is the demo's after some SQL."""
    home, live = Home(folder / "home"), current(demo)
    home.published.mkdir(parents=True)
    for suffix in (".duckdb", ".json"):
        shutil.copy(live.path.with_suffix(suffix), home.published)
    with duckdb.connect(str(home.published / live.path.name)) as connection:
        for change in changes:
            connection.execute(change)
    (home.published / "current.duckdb").symlink_to(live.path.name)
    return home


def tables_of(home):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'serving'"
            ).fetchall()
        ]


@pytest.fixture(
    params=["demo", "without actions", "empty", pytest.param("evaluated", marks=pytest.mark.slow)]
)
def shown(request, demo, tmp_path, monkeypatch):
    """What is published, by name; CHURN_HOME is set to it."""
    home = demo[0]
    if request.param == "without actions":
        without = "decision = null, reason_words = null, action_title = null, channel = null, "
        home = changed(
            demo[0],
            tmp_path,
            *[f"delete from serving.{table}" for table in ACTIONS],
            f"update serving.bi_customer_360 set {without} expected_profit = null",
        )
    elif request.param == "empty":
        emptied = [f"delete from serving.{table}" for table in tables_of(demo[0])]
        home = changed(demo[0], tmp_path, *emptied)
    elif request.param == "evaluated":
        home = request.getfixturevalue("evaluated")[0]
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    return request.param


def opened(screen, domain="kkbox", **state):
    return viewer_pages.opened(screen, TITLES[domain], **state)


@pytest.mark.parametrize("domain", TITLES)
@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_opens(shown, screen, domain):
    page = opened(screen, domain)
    assert not page.exception, page.exception
    said = text_of(page)
    if shown == "empty":
        assert "No customers scored yet" in said
    else:
        assert [heading.value for heading in page.title] == [HEADINGS[screen]]
    assert_plain(said)


def riskiest(home, domain, where="true"):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(
            f"select customer_id, churn_probability from serving.bi_customer_360 "
            f"where domain = ? and {where} order by risk_rank limit 1",
            [domain],
        ).fetchone()


@pytest.mark.parametrize("domain", TITLES)
def test_a_customers_risk_is_in_words(demo, monkeypatch, domain):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    customer, probability = riskiest(demo[0], domain)
    page = opened("customer", domain, customer=customer)
    assert not page.exception
    assert page.metric[0].value == words.percent(probability)
    said = text_of(page)
    assert words.likelihood(probability) in said
    assert "not proven causes" in said
    # words in place of dots and icons, which a screen reader spells out
    assert "●" not in said and ":material" not in said
    assert "(strong" in said or "(medium" in said or "(weak" in said


def test_a_customer_in_the_control_group_says_so(demo, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    customer, _ = riskiest(demo[0], "kkbox", "decision = 'hold_out'")
    said = text_of(opened("customer", customer=customer))
    assert "No contact planned" in said
    assert "In the control group" in said


def test_nothing_published_says_how_to_begin(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path / "nothing"))
    page = opened("today")
    assert not page.exception
    assert "make demo" in text_of(page)


def test_without_the_api_a_change_says_what_to_do(demo, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    page = opened("plan")
    published = page.slider[0].value
    page.slider[0].set_value(published / 2).run()
    assert not page.exception
    assert "Ask your data team" in text_of(page)
    page = opened("customer", customer=riskiest(demo[0], "kkbox")[0])
    page.text_input[1].set_value("asked")
    page.button[0].click().run()
    assert not page.exception
    assert "Ask your data team" in text_of(page)


def test_a_publish_shows_at_the_next_interaction(demo, tmp_path, monkeypatch):
    home = changed(demo[0], tmp_path)
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    page = opened("today")
    before = page.metric[0].value
    live = current(home)
    fresh = home.published / "churn_20990101T000000000000_feedc0de.duckdb"
    shutil.copy(live.path, fresh)
    shutil.copy(live.path.with_suffix(".json"), fresh.with_suffix(".json"))
    with duckdb.connect(str(fresh)) as connection:
        connection.execute("delete from serving.bi_customer_360 where risk_band = 'high'")
    link = home.published / "flip"
    link.symlink_to(fresh.name)
    link.replace(home.published / "current.duckdb")
    for path in (live.path, live.path.with_suffix(".json")):
        path.unlink()
    page.run()
    assert not page.exception
    assert page.metric[0].value != before


@pytest.mark.slow
def test_earliness_shows_the_figures_that_were_measured(evaluated, monkeypatch):
    home, _ = evaluated
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        measured = connection.execute(
            "select lead_days, value from serving.bi_model_quality_by_lead "
            "where domain = 'kkbox' and population = 'as known then' and model = 'lightgbm' "
            "and metric = 'auc' order by lead_days"
        ).fetchall()
    assert [lead for lead, _ in measured] == [0, 7, 14, 30]
    page = opened("quality")
    assert not page.exception
    (shown,) = [table.value for table in page.dataframe if "lead_days" in table.value]
    assert list(shown.itertuples(index=False, name=None)) == measured
    assert "Not measured" not in text_of(page)


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.0001, "fewer than 1 of 100 cases"),
        (0.5, "about 50 of 100 cases"),
        (0.9999, "more than 99 of 100 cases"),
    ],
)
def test_a_probability_is_a_count_of_cases(probability, said):
    assert words.likelihood(probability) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0%"), (0.0004, "under 1%"), (0.5, "50%"), (0.9996, "over 99%"), (1, "100%")],
)
def test_a_share_is_never_said_to_be_nothing_or_all_when_it_is_not(share, said):
    assert words.percent(share) == said
