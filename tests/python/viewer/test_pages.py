"""Every page opens on whatever is published, and says in words what is not there."""

import re
import shutil
from html import unescape

import duckdb
import pytest
import viewer_pages
from viewer_pages import SCREENS, assert_plain, text_of

from app.viewer import client, words
from app.viewer.pages import PAGES
from app.viewer.plain import plain
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.generations import name_current
from pipeline.project.home import Home
from pipeline.publish.generation import current
from pipeline.runs.nights import Rows, begin_night

TITLES = {"kkbox": "KKBox", "ecommerce": "Online shop"}
HEADINGS = {page.file: page.title for page in PAGES}
ACTIONS = (
    "bi_churn_actions",
    "bi_retention_plan",
    "bi_retention_alternatives",
    "bi_retention_budget",
    "bi_retention_curve",
    "bi_retention_actions",
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
        # its content, not its mode: a published file is read-only
        shutil.copyfile(live.path.with_suffix(suffix), home.published / f"{live.name}{suffix}")
    with duckdb.connect(str(home.published / live.path.name)) as connection:
        for change in changes:
            connection.execute(change)
    name_current(home, live.name)
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
        assert [heading.value for heading in page.title] == [
            f"{TITLES[domain]} · {HEADINGS[screen]}"
        ]
    assert_plain(said)


@pytest.mark.parametrize("asked", ["kkbox", "KKBox"])
def test_an_address_may_name_the_business_by_its_domain_and_gets_its_title(
    demo, monkeypatch, asked
):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    page = viewer_pages.opened("plan", asked)
    assert [heading.value for heading in page.title] == ["KKBox · Plan"]
    assert page.query_params["business"] == "KKBox"


@pytest.mark.parametrize("screen", SCREENS)
def test_an_unknown_business_shows_nothing(demo, monkeypatch, screen):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    page = viewer_pages.opened(screen, "Onlineshop")
    assert not page.exception
    assert "business “Onlineshop”, which does not exist" in page.error[0].value
    assert not [*page.metric, *page.dataframe, *page.selectbox]


def test_a_business_is_never_chosen_for_an_address_that_names_one(demo, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    page = opened("today", "ecommerce")
    assert page.selectbox(key="business").value == "Online shop"
    page.selectbox(key="business").set_value("KKBox").run()
    assert page.query_params["business"] == "KKBox"
    assert page.title[0].value == "KKBox · Today"


NASTY = (
    "a*b*", "_a_", "$x$ $y$", "<b>x</b>", "[x](https://y.example)", "![x](y)", "`x`", "a|b",
    ":material/face:", ":red[x]", ":smile:", "https://y.example", "www.y.example", "a@b.example",
    "a -> b <- c -- d", "1. x", "# x", "- x", "a\\*b", "~~a~~", "&amp;", "+a/b=",
)  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_what_comes_from_the_data_is_shown_as_it_is(text):
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark").enable(["strikethrough", "table"]).render(plain(text))
    assert re.fullmatch(r"<p>[^<>]*</p>\n", html), html
    shown = unescape(html[3:-5]).replace("\N{WORD JOINER}", "")
    assert shown == text
    # what Streamlit looks for in the text that remains
    found = unescape(html[3:-5])
    for pattern in (r":[a-z_]+:", r":[a-z]+\[", r"https?://", r"www\.", r"\w@\w", "->", "<-", "--"):
        assert not re.search(pattern, found), pattern


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
    name_current(home, fresh.stem)
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


@pytest.mark.parametrize("screen", ["today", "customers", "plan"])
def test_a_generation_of_an_older_version_says_what_to_do(demo, tmp_path, monkeypatch, screen):
    """After an upgrade pages are opened before the next publish."""
    home = changed(
        demo[0],
        tmp_path,
        "alter table serving.bi_customer_360 drop column is_at_risk",
        "alter table serving.bi_customer_360 drop column ladder_part",
        "drop table serving.bi_retention_actions",
    )
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    page = opened(screen)
    assert not page.exception, page.exception
    assert "published by an older version" in text_of(page)


# A scoring before, made of the one that is published: some customers moved, some are new.
BEFORE = (
    """
    update serving.bi_customer_360 set
        previous_as_of_date = as_of_date - 31,
        previous_probability = case risk_rank % 3 when 0 then 0.001 when 1 then 0.99
            else churn_probability end,
        previous_risk_band = case risk_rank % 3 when 0 then 'low' when 1 then 'critical'
            else risk_band end
    where risk_rank % 10 > 0
    """,
    """
    insert into serving.bi_churn_history
    select domain, customer_id, previous_as_of_date, 'earlier', previous_probability,
        previous_risk_band, label_definition, as_of_date, risk_rank % 2 = 0, scored_at
    from serving.bi_customer_360 where previous_probability is not null
    union all
    select domain, 'gone ' || domain, min(as_of_date) - 31, 'earlier', 0.9, 'critical',
        min(label_definition), min(as_of_date), true, min(scored_at)
    from serving.bi_customer_360 group by domain
    """,
    "delete from serving.bi_churn_moves",
    """
    insert into serving.bi_churn_moves by name
    select domain, customer_id, as_of_date, as_of_date - 31 as previous_as_of_date,
        case when is_at_risk and previous_risk_band is null then 'new'
            when is_at_risk and not was_at_risk then 'into'
            when was_at_risk and not is_at_risk and not coalesce(already_cancelled, false)
                then 'out' end as direction,
        previous_probability, previous_risk_band, was_at_risk, churn_probability, risk_band,
        is_at_risk, already_cancelled, 'Payments' as changed_group_title, value_at_risk, run_id,
        run_id as previous_run_id
    from (
        select *, coalesce(previous_risk_band in ('critical', 'high'), false) as was_at_risk
        from serving.bi_customer_360
    )
    where direction is not null
    union all by name
    select domain, 'gone ' || domain as customer_id, max(as_of_date) as as_of_date,
        max(as_of_date) - 31 as previous_as_of_date, 'left_list' as direction,
        0.9 as previous_probability, 'critical' as previous_risk_band, true as was_at_risk
    from serving.bi_customer_360 group by domain
    """,
)
AT_RISK_BEFORE = "previous_risk_band in ('critical', 'high')"
MOVED = {
    "Moved into risk": f"is_at_risk and not {AT_RISK_BEFORE}",
    "Moved out of risk": f"{AT_RISK_BEFORE} and not is_at_risk "
    "and not coalesce(already_cancelled, false)",
    "New at risk": "is_at_risk and previous_risk_band is null",
}


@pytest.fixture
def with_history(demo, tmp_path, monkeypatch):
    home = changed(demo[0], tmp_path, *BEFORE)
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    return home


def in_published(home, sql, *values):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(sql, values).fetchone()


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}


@pytest.mark.parametrize("domain", TITLES)
def test_today_counts_who_moved_with_their_value_and_links_to_all(with_history, domain):
    page = opened("today", domain)
    assert not page.exception
    said = metrics(page)
    for name, where in MOVED.items():
        count, value = in_published(
            with_history,
            "select count(*), sum(value_at_risk) from serving.bi_customer_360 "
            f"where domain = ? and coalesce({where}, false)",
            domain,
        )
        assert count > 0
        assert said[name] == f"{count:,}"
        currency = "NT$" if domain == "kkbox" else "$"
        assert words.in_markdown(words.money(value, currency)) in text_of(page)
    assert said["No longer scored"] == "1"
    for view, name in (("into", "Moved into risk"), ("left_list", "No longer scored")):
        listed = opened("changes", domain, view=view)
        assert not listed.exception
        assert f"**{words.count(int(said[name].replace(',', '')), 'customer')}**" in text_of(listed)


def test_who_has_cancelled_never_moved_into_risk(with_history):
    (cancelled,) = in_published(
        with_history,
        "select count(*) from serving.bi_customer_360 where already_cancelled "
        f"and risk_band in ('critical', 'high') and not {AT_RISK_BEFORE}",
    )
    assert cancelled > 0
    page = opened("changes", view="into")
    (table,) = [table.value for table in page.dataframe]
    found = in_published(
        with_history,
        "select count(*) from serving.bi_customer_360 where already_cancelled "
        "and list_contains(?, customer_id)",
        table["customer_id"].tolist(),
    )
    assert found == (0,)


def test_a_view_of_changes_that_does_not_exist_shows_nothing(demo, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    page = viewer_pages.opened("changes", "KKBox", view="sideways")
    assert "view “sideways”, which does not exist" in page.error[0].value
    assert not [*page.dataframe, *page.metric]


def test_renewals_due_this_week_are_counted_and_all_listed(demo, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    count, value = in_published(
        demo[0],
        "select count(*), sum(value_at_risk) from serving.bi_customer_360 "
        "where domain = 'kkbox' and is_at_risk and due_on < as_of_date + 7",
    )
    said = words.in_markdown(
        f"**{words.count(count, 'customer')}, {words.money(value, 'NT$')} at risk**"
    )
    assert said in text_of(opened("today"))
    assert f"**{words.count(count, 'customer')}**" in text_of(opened("changes", view="due"))


def test_the_quality_is_of_published_scores_once_their_outcome_is_known(
    demo, tmp_path, monkeypatch
):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    (auc,) = in_published(
        demo[0],
        "select value from serving.bi_model_quality where domain = 'kkbox' and split = 'test' "
        "and model = 'lightgbm' and metric = 'auc'",
    )
    for screen in SCREENS:
        said = text_of(opened(screen))
        assert f"{100 * auc:.0f} of 100 pairs ranked right" in said
        assert "Back-test on the customers of 1 January 2017 to 16 January 2017" in said
    home = changed(
        demo[0],
        tmp_path,
        "insert into serving.bi_realised_quality (domain, run_id, as_of_date, auc) "
        "values ('kkbox', 'a', '2017-02-01', 0.91), ('kkbox', 'b', '2017-03-01', 0.66)",
    )
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    said = text_of(opened("plan"))
    assert "66 of 100 pairs ranked right" in said
    assert "Quality of the scores: weak" in said
    assert "Published scores of 1 March 2017" in said


def test_the_demo_has_its_own_today(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    said = text_of(opened("today"))
    assert "Demo: today is 2 April 2017" in said
    assert "years ago" not in said
    # the same rows without the mark of the demo
    monkeypatch.setenv("CHURN_HOME", str(changed(demo[0], tmp_path).root))
    said = text_of(opened("today"))
    assert "Demo" not in said
    assert "The data end on 1 April 2017, 9 years ago" in said


def test_two_publishes_of_a_day_can_be_told_apart(demo, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    stamp = current(demo[0]).name.split("_")[1]
    assert f"{stamp[9:11]}:{stamp[11:13]} UTC" in text_of(opened("today"))


@pytest.fixture
def nights_home(demo, tmp_path, monkeypatch):
    home = changed(demo[0], tmp_path)
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    return home


def test_what_went_wrong_last_night_is_said_today_and_told_on_the_page_of_nights(nights_home):
    assert "No night has been recorded yet" in text_of(opened("nights"))
    log = begin_night(nights_home, "run")
    with log.step("build"):
        pass
    log.night.rows.append(Rows(domain="kkbox", table="user_logs", read=1_234, quarantined=5))
    log.warn("ecommerce: *late*", "ecommerce")
    refusal = ChurnError("Publishing kkbox is refused: 300 <b>more</b>.", hint="churn publish")
    log.refuse("kkbox", refusal)
    log.end(REFUSED)
    for screen in ("today", "nights"):
        page = opened(screen)
        assert not page.exception
        assert plain("Publishing kkbox is refused: 300 <b>more</b>.") in page.error[0].value
        assert "late" not in text_of(page)
        assert "churn publish" not in text_of(page)
    assert "not published" in opened("today").error[0].value
    page = opened("nights")
    assert "churn publish" in page.code[0].value
    steps, read, listed = [table.value for table in page.dataframe]
    assert steps["Step"].tolist() == ["Build and test the tables"]
    assert read.to_numpy().tolist() == [["user logs", 1_234, 5]]
    assert listed["Outcome"].tolist() == ["Refused"]
    other = opened("today", "ecommerce")
    assert plain("ecommerce: *late*") in text_of(other)
    assert not other.error

    begin_night(nights_home, "publish").end(0)
    assert not opened("today").error
    assert len(opened("nights").dataframe[-1].value) == 2


REALISED = """
    insert into serving.bi_realised_quality
        (domain, run_id, as_of_date, customers, churners, churn_rate, mean_probability, auc)
    select domain, run_id, as_of_date, count(*), count(*) filter (is_churned),
        avg(case when is_churned then 1 else 0 end), avg(churn_probability), 0.8
    from serving.bi_churn_history where is_churned is not null group by all
"""


@pytest.mark.parametrize("domain", TITLES)
def test_the_track_record_leads_with_what_was_published_then(demo, tmp_path, monkeypatch, domain):
    home = changed(demo[0], tmp_path, *BEFORE, REALISED)
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    page = opened("quality", domain)
    assert not page.exception
    assert [heading.value for heading in page.subheader][:3] == [
        "What was published, and what happened",
        "Back-test",
        "Customer by customer",
    ]
    customers, expected, happened, day = in_published(
        home,
        "select count(*), sum(churn_probability), count(*) filter (is_churned), min(as_of_date) "
        "from serving.bi_churn_history where domain = ? and is_churned is not null",
        domain,
    )
    said = [metric.value for metric in page.metric[:3]]
    assert said == [f"{customers:,}", f"{expected:,.0f}", f"{happened:,}"]
    assert f"The scores published for **{words.day(day)}**" in text_of(page)
    assert "These scores were not published" in text_of(page)
    (complete,) = in_published(
        home,
        "select max(label_known_on) from serving.bi_churn_history where domain = ? "
        "and is_churned is null",
        domain,
    )
    assert f"are complete on {words.day(complete)}" in text_of(page)


@pytest.mark.parametrize("domain", TITLES)
@pytest.mark.parametrize(
    ("view", "where"),
    [
        ("false_alarms", "risk_band in ('critical', 'high') and not is_churned"),
        ("missed", "risk_band in ('medium', 'low') and is_churned"),
        ("found", "risk_band in ('critical', 'high') and is_churned"),
    ],
)
def test_false_alarms_and_misses_are_views_of_all_customers(demo, monkeypatch, domain, view, where):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    page = opened("quality", domain, view=view)
    assert not page.exception
    count, sure = in_published(
        demo[0],
        "select count(*), max(churn_probability) from serving.bi_churn_backtest "
        f"where domain = ? and {where}",
        domain,
    )
    assert count > 0
    (table,) = [t.value for t in page.dataframe if "customer_id" in t.value]
    assert len(table) == min(count, 500)
    assert set(table["is_churned"]) == {view != "false_alarms"}
    if view != "missed":
        assert table["churn_probability"].max() == pytest.approx(100 * sure)
    assert "back-test below shows what to expect" in text_of(page)


@pytest.mark.parametrize("screen", ["today", "changes", "drivers", "quality", "nights"])
@pytest.mark.parametrize("domain", TITLES)
def test_a_marketer_meets_no_commands_and_no_names_of_machines(demo, monkeypatch, screen, domain):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    page = opened(screen, domain)
    tables = "\n".join(table.value.to_string() for table in page.dataframe)
    said = f"{text_of(page)}\n{tables}\n{[(m.label, m.help) for m in page.metric]}"
    for word in ("`churn", "crm_churn", "base_rate", "bi_", "make app", "in_app"):
        assert word not in said, word


def test_the_outcome_is_in_the_words_of_the_domain(demo, tmp_path, monkeypatch):
    titled = (
        "alter table serving.bi_domains add column if not exists outcome_title varchar",
        "update serving.bi_domains set outcome_title = 'No *order* in 30 days'",
    )
    home = changed(demo[0], tmp_path, *titled)
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    page = opened("quality", "ecommerce")
    assert plain("No *order* in 30 days: expected") in [m.label for m in page.metric]
    assert plain("No *order* in 30 days, by segment") in [
        heading.value for heading in opened("drivers", "ecommerce").subheader
    ]
