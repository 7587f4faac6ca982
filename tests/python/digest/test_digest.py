"""The week's mail says what the published tables and the viewer's pages say, with links to them."""

import json
import re
import shutil
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest
from mail_server import MailServer
from receiver import Receiver
from viewer_pages import ask, opened

from app.api.access.store import AUDIENCES
from app.digest.readers import (
    make_digest,
    send_digest,
    send_to_readers,
    subscribe,
    unsubscribe,
)
from app.viewer import words
from app.viewer.pages import PAGES
from pipeline.alerts.book import as_alert, keep
from pipeline.alerts.settings import Subscription, read_targets
from pipeline.alerts.trouble import Trouble
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.state import open_state
from pipeline.publish.generation import current
from pipeline.runs.nights import begin_night

KKBOX, SHOP = "kkbox", "ecommerce"
TITLE = {KKBOX: "KKBox", SHOP: "Online shop"}
CURRENCY = {KKBOX: "NT$", SHOP: "$"}
DAY = date(2026, 11, 27)
VIEWER = "https://churn.example.com"
# scores of a week before, and who moved since: 5 into, 3 out, 2 new, 1 left; others do not count
EARLIER = """
insert into serving.bi_churn_history
select * replace (as_of_date - 7 as as_of_date) from serving.bi_churn_history
where domain = '{domain}';
insert into serving.bi_churn_moves by name
select
    domain, customer_id, as_of_date, as_of_date - 7 as previous_as_of_date,
    case when n <= 5 then 'into' when n <= 8 then 'out' when n <= 11 then 'new' else 'left_list' end
        as direction,
    n in (6, 7, 8, 12) as was_at_risk, n <= 5 or n in (9, 10) as is_at_risk,
    value_at_risk, run_id, run_id as previous_run_id
from (
    select *, row_number() over (order by customer_id) as n from serving.bi_customer_360
    where domain = '{domain}'
) where n <= 13;
insert into serving.bi_campaigns by name
select '{domain}' as domain, 'c1' as campaign_id, 'Come <b>back</b>' as campaign_name,
    'running' as campaign_status, date '2026-11-20' as launched_on, 40::bigint as messages,
    31::bigint as delivered, 0::bigint as pending, 9::bigint as not_sent;
"""


@pytest.fixture(scope="module")
def week(demo, tmp_path_factory):
    """The demo with a week before it, campaigns, an audience and an alert. Read it only."""
    home, live = Home(tmp_path_factory.mktemp("week") / "home"), current(demo[0])
    home.published.mkdir(parents=True)
    for suffix in (".duckdb", ".json"):
        shutil.copy(live.path.with_suffix(suffix), home.published)
    with duckdb.connect(str(home.published / live.path.name)) as connection:
        for domain in TITLE:
            connection.execute(EARLIER.format(domain=domain))
    (home.published / "current.duckdb").symlink_to(live.path.name)
    now = datetime(2026, 11, 26, 3, 30)
    trouble = Trouble(SHOP, "volume", "events", "events lacks <rows> & more.")
    keep(home, [as_alert(trouble, now)], [], [], [], now)
    engine = open_state(home)
    with engine.begin() as connection:
        connection.execute(
            AUDIENCES.insert().values(
                domain=SHOP,
                name="VIPs",
                filter=json.dumps({"band": ["critical", "medium"]}),
                saved_at=datetime.now(UTC).replace(tzinfo=None),
            )
        )
    engine.dispose()
    return home


@pytest.fixture
def home(week, tmp_path):
    """That home with targets of one's own."""
    home = Home(tmp_path / "home")
    shutil.copytree(week.root, home.root, symlinks=True)
    return home


def set_up(home, **targets):
    document = {"viewer": VIEWER, "targets": targets}
    (home.root / "targets.json").write_text(json.dumps(document))


def mail_target(server):
    return {
        "kind": "smtp",
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "sender": "churn@example.com",
        "to": ["team@example.com"],
    }


class Read(HTMLParser):
    """Rows of the mail: label, words and address of the link; text outside of rows."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.inside, self.text, self.tags = [], None, [], set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append({"th": "", "td": "", "href": None})
        elif tag in ("th", "td"):
            self.inside = tag
        elif tag == "a" and self.inside == "td":
            self.rows[-1]["href"] = dict(attributes)["href"]

    def handle_endtag(self, tag):
        if tag == self.inside:
            self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][self.inside] += data
        else:
            self.text.append(data)


def figures(letter, domain):
    (own,) = [one for one in letter.data["businesses"] if one["domain"] == domain]
    return {one["label"]: one for one in own["figures"]}


@pytest.mark.parametrize("domain", TITLE)
def test_every_figure_is_that_of_the_published_tables(week, domain):
    told = figures(make_digest(week, domain, DAY), domain)

    def of(sql):
        (row,) = ask(week, sql, domain)
        return row

    def money(amount):
        return words.money(amount, CURRENCY[domain])

    at_risk, value = of(
        "select count(*), sum(value_at_risk) from bi_churn_risk where domain = $1 and is_at_risk"
    )
    assert told["Customers at risk"]["number"] == at_risk > 0
    assert told["Value at risk"]["value"] == money(value)
    contact, profit = of(
        "select count(*), sum(expected_profit) from bi_churn_actions "
        "where domain = $1 and decision = 'treat'"
    )
    assert told["To contact"]["number"] == contact > 0
    assert told["Expected profit"]["value"] == money(profit)
    ((action, most),) = ask(
        week,
        "select action_title, count(*) as n from bi_churn_actions where domain = $1 "
        "and decision = 'treat' group by all order by n desc, action_title limit 1",
        domain,
    )
    assert told[action]["number"] == most
    for label, direction, count in (
        ("Moved into risk", "into", 5),
        ("Moved out of risk", "out", 3),
        ("New at risk", "new", 2),
        ("No longer scored", "left_list", 1),
    ):
        assert told[label]["number"] == count, label
        assert parse_qs(urlsplit(told[label]["page"]).query)["view"] == [direction]
    (auc,) = of(
        "select value from bi_model_quality where domain = $1 and split = 'test' "
        "and model = 'lightgbm' and metric = 'auc'"
    )
    assert f"{100 * auc:.0f} of 100 pairs" in told["Quality of the scores"]["value"]
    assert told["Come <b>back</b> (running)"]["value"] == "31 of 40 messages delivered"
    (cut_off,) = of("select as_of_date from bi_domains where domain = $1")
    assert told["Data up to"]["value"] == words.day(cut_off)
    assert told["Open alerts"]["number"] == (1 if domain == SHOP else 0)


def test_its_figures_are_those_of_the_viewer_s_first_page(week, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(week.root))
    page = opened("today", TITLE[SHOP])
    assert not page.exception
    shown = {metric.label: metric.value for metric in page.metric}
    told = figures(make_digest(week, SHOP, DAY), SHOP)
    for label in (
        "Customers at risk",
        "Value at risk",
        "To contact",
        "Expected profit",
        "Moved into risk",
        "Moved out of risk",
        "New at risk",
        "No longer scored",
    ):
        assert told[label]["value"].split(" (")[0] == shown[label], label


def test_the_page_that_alerts_lead_to_lists_them(week, monkeypatch, home):
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    log = begin_night(home, "nightly")
    log.end(0)
    for domain, count in ((SHOP, 1), (KKBOX, 0)):
        page = opened("nights", TITLE[domain])
        assert not page.exception
        heads = [one.value for one in page.subheader]
        assert ("Open alerts: 1" in heads) == bool(count)
        assert figures(make_digest(home, domain, DAY), domain)["Open alerts"]["number"] == count
        if count:
            tables = [one.value for one in page.dataframe if "Alert" in one.value]
            assert tables[0]["What"].tolist() == ["events lacks <rows> & more."]


def test_every_number_leads_to_a_page_of_its_business(home):
    set_up(home)
    letter = make_digest(home, None, DAY)
    addresses = {page.address for page in PAGES}
    rows = Read(letter.html).rows
    assert len(rows) > 25
    for row in rows:
        assert row["href"], row
        to = urlsplit(row["href"])
        assert f"{to.scheme}://{to.netloc}" == VIEWER
        assert to.path.strip("/") in addresses
        assert parse_qs(to.query)["business"][0] in TITLE.values()
    # the text has the same figures under the addresses of their pages
    for row in rows:
        assert f"  {row['th'].strip()}: {row['td'].strip()}" in letter.text
        assert row["href"] in letter.text
    assert letter.title == "The week in KKBox, Online shop: 27 November 2026"


def test_text_of_the_data_is_no_markup(home):
    letter = make_digest(home, SHOP, DAY)
    read = Read(letter.html)
    assert any("Come <b>back</b>" in row["th"] for row in read.rows)
    assert any("events lacks <rows> & more." in row["td"] for row in read.rows)
    assert not read.tags & {"b", "rows", "script", "img"}


def test_a_digest_before_a_second_cut_off_says_that_nobody_can_have_moved(demo):
    letter = make_digest(demo[0], KKBOX, DAY)
    assert "There are no earlier scores to compare with yet." in letter.text
    assert "Moved into risk" not in letter.text


def test_nothing_published_is_said(tmp_path):
    with pytest.raises(ChurnError, match="Nothing is published"):
        make_digest(Home(tmp_path / "none"), None, DAY)


def test_it_goes_by_mail_as_html_and_text_and_to_a_channel(home, monkeypatch):
    receiver = Receiver()
    monkeypatch.setenv("CHURN_TARGET_TEAM_URL", receiver.url)
    with MailServer() as server:
        team = {"kind": "teams", "development": True}
        set_up(home, office=mail_target(server), team=team, chat=team | {"kind": "slack"})
        letter = make_digest(home, SHOP, DAY)
        sent = send_digest(home, letter, ["office", "team", "chat"])
        ((recipients, message),) = server.got
    receiver.close()
    assert sent.reached == ["office", "team"]
    assert sent.problems == {"chat": "The target chat needs CHURN_TARGET_CHAT_URL."}
    assert recipients == ["team@example.com"]
    text, html = message.iter_parts()
    assert text.get_content().split() == letter.text.split()
    assert Read(html.get_content()).rows == Read(letter.html).rows
    (card,) = json.loads(receiver.got[0]["body"])["attachments"]
    assert any("Customers at risk" in one["text"] for one in card["content"]["body"])
    with pytest.raises(ChurnError, match="no target 'nope'"):
        send_digest(home, letter, ["nope"])


def test_readers_get_the_audiences_and_pages_that_they_subscribed_to(home):
    with MailServer() as server:
        set_up(home, office=mail_target(server))
        for reader, asked in (
            ("a@example.com", {"audience": "VIPs"}),
            ("a@example.com", {"page": "plan"}),
            ("b@example.com", {"page": "was_right"}),
            ("c@example.com", {"alert": "all"}),  # told by nights
        ):
            subscribe(home, Subscription(target="office", to=reader, domain=SHOP, **asked))
        sent = send_to_readers(home, DAY)
    assert sent.reached == ["office a@example.com", "office b@example.com"]
    assert sent.problems == {}
    mails = {
        to[0]: message.get_body(("plain",)).get_content().replace("\r", "")
        for to, message in server.got
    }
    (members, at_risk) = ask(
        home,
        "select count(*), count(*) filter (where is_at_risk) from bi_churn_risk "
        "where domain = $1 and risk_band in ('critical', 'medium')",
        SHOP,
    )[0]
    assert 0 < at_risk < members
    a = mails["a@example.com"]
    assert re.search(rf"Audience VIPs\n\S+/customers\S+\n  Customers: {members:,}\n", a)
    assert f"  At risk: {at_risk:,}" in a
    assert "To contact" in a and "Customers at risk" not in a
    assert "ranked right" in mails["b@example.com"]
    assert "To contact" not in mails["b@example.com"]


def test_an_audience_that_was_deleted_is_said_and_the_rest_is_sent(home):
    with MailServer() as server:
        set_up(home, office=mail_target(server))
        subscribe(home, Subscription(target="office", domain=SHOP, audience="VIPs"))
        subscribe(home, Subscription(target="office", domain=SHOP, page="plan"))
        engine = open_state(home)
        with engine.begin() as connection:
            connection.execute(AUDIENCES.delete())
        engine.dispose()
        assert send_to_readers(home, DAY).reached == ["office"]
        ((_, message),) = server.got
    text = message.get_body(("plain",)).get_content()
    assert "ecommerce has no audience 'VIPs'." in text and "To contact" in text


@pytest.mark.parametrize(
    ("asked", "words_"),
    [
        ({"target": "nope", "page": "plan"}, "no target 'nope'"),
        ({"page": "nope"}, "no page 'nope'"),
        ({"audience": "nope"}, "no audience 'nope'"),
        ({"page": "plan", "to": "a@example.com"}, "does not send mail"),
    ],
)
def test_a_subscription_to_what_does_not_exist_is_refused(home, asked, words_):
    set_up(home, log={"kind": "file", "path": "digests.jsonl"})
    with pytest.raises(ChurnError, match=re.escape(words_)):
        subscribe(home, Subscription(**({"target": "log", "domain": SHOP} | asked)))
    assert read_targets(home).subscriptions == ()


def test_a_subscription_is_kept_once_until_it_is_taken_back(home):
    set_up(home, log={"kind": "file", "path": "digests.jsonl"})
    wanted = Subscription(target="log", domain=SHOP, page="plan")
    subscribe(home, wanted)
    subscribe(home, wanted)
    assert read_targets(home).subscriptions == (wanted,)
    assert send_to_readers(home, DAY).reached == ["log"]
    line = json.loads((home.root / "digests.jsonl").read_text())
    assert line["type"] == "digest"
    assert {one["section"] for one in line["data"]["businesses"][0]["figures"]} == {"Actions"}
    assert unsubscribe(home, wanted) and not unsubscribe(home, wanted)
    assert read_targets(home).subscriptions == ()


def test_the_command_writes_two_files_and_keeps_subscriptions(home, run_churn, tmp_path):
    set_up(home, log={"kind": "file", "path": "digests.jsonl"})
    done = run_churn(home.root, "digest", "--domain", SHOP, "--into", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "Online shop" in (tmp_path / "out" / "digest.txt").read_text()
    assert (tmp_path / "out" / "digest.html").read_text().startswith("<!DOCTYPE html>")
    options = ("--domain", SHOP, "--target", "log")
    done = run_churn(home.root, "digest", "subscribe", *options, "--page", "plan", "--alert", "all")
    assert done.returncode == 1
    assert "A subscription is to one thing." in done.stderr
    assert run_churn(home.root, "digest", "subscribe", *options, "--page", "plan").returncode == 0
    assert "log: ecommerce, page plan" in run_churn(home.root, "digest", "subscriptions").stdout
