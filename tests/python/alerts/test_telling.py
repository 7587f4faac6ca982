"""An alert is told once when it opens and once when it is over, whoever is down meanwhile."""

import json
import socket
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from mail_server import PASSWORD, USER, MailServer, make_certificate
from receiver import Receiver, is_signed_with

from pipeline.alerts import sending
from pipeline.alerts.book import OVER, Alert, read_alerts, turn
from pipeline.alerts.sending import send, slack_body, teams_body
from pipeline.alerts.settings import MailTarget, WebTarget, read_targets
from pipeline.alerts.tell import tell_night, try_targets
from pipeline.alerts.trouble import Trouble
from pipeline.alerts.wording import Letter, Line
from pipeline.campaigns.signing import new_secret
from pipeline.operations.backup import kept_files
from pipeline.operations.data_map import NONE, WORDS, mapped_files
from pipeline.project.errors import ChurnError
from pipeline.runs.nights import Night, Note

SHOP = "shop"
NOW = datetime(2026, 5, 31, 3, 30)
TITLES = {SHOP: "Shop & more"}
VIEWER = "https://churn.example.com"
REFUSAL = "Publishing shop is refused: the mean risk goes from 0.2 to 0.9."
NIGHT = timedelta(days=1)


def set_up(home, targets, *subscriptions):
    home.root.mkdir(parents=True, exist_ok=True)
    document = {"viewer": VIEWER, "targets": targets, "subscriptions": list(subscriptions)}
    (home.root / "targets.json").write_text(json.dumps(document))


def night(*refusals, outcome="refused", **more):
    notes = [Note(kind="refusal", domain=SHOP, what=words) for words in refusals]
    began = datetime.now(UTC)
    outcome = outcome if refusals else "published"
    return Night(command="nightly", began_at=began, outcome=outcome, notes=notes, **more)


@pytest.fixture
def live(home):
    """`live(night, n)`: what is told n nights later."""

    def one(of, later=0):
        from pipeline.alerts.gather import AlertDomain
        from pipeline.project.alert_settings import AlertRules

        about = [AlertDomain(SHOP, AlertRules(), None, is_built=False)]
        return tell_night(home, of, about, TITLES, NOW + later * NIGHT)

    return one


@pytest.fixture
def receiver():
    with closing(Receiver()) as one:
        yield one


@pytest.fixture
def signed(home, receiver, monkeypatch):
    """A receiver of signed webhooks that is set up as a target."""
    receiver.secret = new_secret()
    monkeypatch.setenv("CHURN_TARGET_OPS_SECRET", receiver.secret)
    set_up(home, {"ops": {"kind": "webhook", "url": receiver.url, "development": True}})
    return receiver


def bodies(receiver):
    return [json.loads(request["body"]) for request in receiver.got]


def test_it_is_told_once_when_it_opens_and_once_when_it_is_over(home, live, signed):
    first = live(night(REFUSAL))
    assert [one.kind for one in first.opened] == ["refused"]
    assert live(night(REFUSAL.replace("0.9", "0.8")), 1).opened == []
    (standing,) = read_alerts(home)
    assert (standing.since, standing.domain) == (NOW, SHOP)
    assert "0.8" in standing.words
    third = live(night(), 2)
    assert [one.kind for one in third.over] == ["refused"]
    assert live(night(), 3).sent == 0
    opened, over = bodies(signed)
    assert [opened["type"], over["type"]] == ["alert.opened", "alert.over"]
    assert opened["data"]["alert_id"] == over["data"]["alert_id"] == standing.alert_id
    assert opened["data"] == {
        "alert_id": standing.alert_id,
        "domain": SHOP,
        "kind": "refused",
        "subject": None,
        "what": REFUSAL,
        "since": "2026-05-31T03:30:00Z",
        "over": None,
        "page": f"{VIEWER}/nights?business=Shop+%26+more",
        "command": 'churn publish --accept "REASON"',
    }
    assert all(is_signed_with(request, signed.secret) for request in signed.got)
    assert read_alerts(home) == []
    # the same trouble again is another alert, of the same id
    (again,) = live(night(REFUSAL), 4).opened
    assert (again.alert_id, again.since) == (standing.alert_id, NOW + 4 * NIGHT)
    assert len(set(signed.ids())) == 3


def test_a_target_that_is_down_is_a_warning_and_is_told_the_next_night(live, signed):
    signed.answer = lambda request: 503
    (warning,) = live(night(REFUSAL)).warnings
    assert warning == "the target ops was not reached and will be told the next night: answered 503"
    signed.answer = lambda request: 200
    assert live(night(REFUSAL), 1).sent == 1
    assert len(signed.ids()) == 2
    assert len(set(signed.ids())) == 1, "the receiver can tell that it is the same message"
    assert live(night(REFUSAL), 2).sent == 0


def test_a_reader_whom_a_mail_server_does_not_know_is_in_nobodys_way(home, live):
    with MailServer() as server:
        office = {"kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
        addresses = {"sender": "churn@example.com", "to": ["office@example.com"], "alerts": False}
        readers = ["gone@example.com", "here@example.com"]
        subscriptions = [
            {"target": "office", "to": one, "domain": SHOP, "alert": "all"} for one in readers
        ]
        set_up(home, {"office": office | addresses}, *subscriptions)
        server.strangers = set(readers)
        assert len(live(night(REFUSAL)).warnings) == 2
        assert server.got == []
        server.strangers = {"gone@example.com"}
        (warning,) = live(night(REFUSAL), 1).warnings
        assert warning == (
            "the target office gone@example.com refused a message and will get it again the next "
            "night: the mail server refuses every recipient"
        )
        ((recipients, _),) = server.got
        assert recipients == ["here@example.com"]


@pytest.mark.parametrize(("status", "arrived"), [(400, 1), (429, 0), (503, 0)])
def test_a_message_that_is_refused_does_not_keep_others_back(live, signed, status, arrived):
    answers = iter([status])
    signed.answer = lambda request: next(answers, 200)
    two = night(REFUSAL)
    two.notes.append(Note(kind="failure", what="The disk is full."))
    told = live(two)
    assert (told.sent, len(told.warnings)) == (arrived, 1)
    assert live(two, 1).sent == 2 - arrived


def test_a_target_that_is_down_is_asked_once_a_night(live, signed):
    signed.answer = lambda request: "reset"
    two = night(REFUSAL)
    two.notes.append(Note(kind="failure", what="The disk is full."))
    told = live(two)
    assert len(told.opened) == 2
    assert len(signed.got) == 1
    assert told.warnings == [
        "the target ops was not reached and will be told the next night: not connected"
    ]


def test_an_alert_that_nobody_can_judge_stays_open():
    standing = [Alert("a", NOW, SHOP, "volume", "events", "w", "nights", "c")]
    assert turn(standing, [], {(SHOP, "freshness"), ("other", "volume")}, NOW) == ([], [])
    assert turn(standing, [], {(SHOP, "volume")}, NOW) == ([], standing)


def test_a_file_gets_a_line_for_each_event(home, live):
    set_up(home, {"log": {"kind": "file", "path": "alerts.jsonl"}})
    live(night(REFUSAL))
    live(night(), 1)
    lines = [json.loads(line) for line in (home.root / "alerts.jsonl").read_text().splitlines()]
    assert [line["type"] for line in lines] == ["alert.opened", "alert.over"]
    assert lines[1]["data"]["over"] == "2026-06-01T03:30:00Z"
    # an erasure knows both files, and a backup holds them
    erasers = {path.name: kind.eraser for path, kind in mapped_files(home)}
    assert (erasers["targets.json"], erasers["alerts.jsonl"]) == (NONE, WORDS)
    assert {"targets.json", "alerts.jsonl"} <= {path.name for path in kept_files(home.root)}


def test_mail_goes_through_tls_with_a_password_and_a_certificate_that_is_checked(
    home, live, tmp_path, monkeypatch
):
    certificate = make_certificate(tmp_path)
    with MailServer(certificate) as server:
        mail = {
            "kind": "smtp",
            "host": "localhost",
            "port": server.port,
            "user": USER,
            "sender": "churn@example.com",
            "to": ["team@example.com", "lead@example.com"],
        }
        monkeypatch.setenv("CHURN_TARGET_OFFICE_PASSWORD", PASSWORD)
        set_up(home, {"office": mail})
        (warning,) = live(night(REFUSAL)).warnings
        assert "the certificate or TLS of localhost is refused" in warning
        assert server.got == []
        set_up(home, {"office": mail | {"ca_file": str(certificate)}})
        monkeypatch.setenv("CHURN_TARGET_OFFICE_PASSWORD", "wrong")
        (warning,) = live(night(REFUSAL), 1).warnings
        assert "the mail server answered 535" in warning
        monkeypatch.setenv("CHURN_TARGET_OFFICE_PASSWORD", PASSWORD)
        assert live(night(REFUSAL), 2).sent == 1
        ((recipients, message),) = server.got
    assert recipients == ["team@example.com", "lead@example.com"]
    assert message["Subject"] == "Churn alerts: 1 new"
    text = message.get_content()
    assert REFUSAL in text and f"{VIEWER}/nights?business=Shop+%26+more" in text


def test_a_mail_server_that_says_nothing_is_given_up_after_a_while(home, monkeypatch):
    monkeypatch.setattr(sending, "MAIL_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = MailTarget(
            kind="smtp",
            host="127.0.0.1",
            port=silent.getsockname()[1],
            sender="a@example.com",
            to=("b@example.com",),
        )
        began = time.monotonic()
        assert send(home, "office", target, LETTER) == "timed out"
        assert time.monotonic() - began < 5


LETTER = Letter(
    "msg_1", "alerts", "Churn alerts: 1 new", (Line("A <b> & [c](d) *e*", f"{VIEWER}/nights"),)
)


def test_channels_get_text_that_cannot_become_markup():
    (header, section) = slack_body(LETTER)["blocks"]
    assert header["text"]["text"] == "Churn alerts: 1 new"
    assert section["text"]["text"] == (
        f"A &lt;b&gt; &amp; [c](d) *e*\n<{VIEWER}/nights|Open the page>"
    )
    (card,) = teams_body(LETTER)["attachments"]
    assert card["content"]["type"] == "AdaptiveCard"
    assert card["content"]["body"][1]["text"] == (
        rf"A <b> & \[c\](d) \*e\* [Open the page]({VIEWER}/nights)"
    )


@pytest.mark.parametrize("kind", ["slack", "teams"])
def test_the_address_of_a_channel_is_a_secret_of_the_environment(home, receiver, monkeypatch, kind):
    target = WebTarget(kind=kind, development=True)
    assert send(home, "team", target, LETTER) == "The target team needs CHURN_TARGET_TEAM_URL."
    monkeypatch.setenv("CHURN_TARGET_TEAM_URL", receiver.url)
    assert send(home, "team", target, LETTER) is None
    assert "Churn alerts: 1 new" in receiver.got[0]["body"]


def test_a_webhook_goes_to_public_addresses_alone_unless_it_is_for_development(home, monkeypatch):
    monkeypatch.setenv("CHURN_TARGET_OPS_SECRET", new_secret())
    inner = WebTarget(kind="webhook", url="https://127.0.0.1:1/hook")
    assert send(home, "ops", inner, LETTER) == "refused address"
    plain = WebTarget(kind="webhook", url="http://example.com/hook")
    assert "not one that messages can go to" in send(home, "ops", plain, LETTER)


def test_a_state_that_cannot_be_written_does_not_keep_an_alert_from_being_told(
    home, live, signed, monkeypatch
):
    from pipeline.alerts import tell

    def full(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    for name in ("keep", "settle"):
        monkeypatch.setattr(tell, name, full)
    told = live(night(REFUSAL))
    assert told.sent == 1
    assert told.warnings == ["alerts could not be kept, and may come again: OperationalError"]
    assert bodies(signed)[0]["data"]["what"] == REFUSAL


def test_a_reader_gets_the_alerts_that_were_subscribed_to_and_of_all_businesses(home, live):
    with MailServer() as server:
        mail = {
            "kind": "smtp",
            "host": "127.0.0.1",
            "port": server.port,
            "tls": "none",
            "sender": "churn@example.com",
            "to": ["team@example.com"],
            "alerts": False,
        }
        readers = [
            {"target": "office", "to": f"{name}@example.com", "domain": domain, "alert": kind}
            for name, domain, kind in (
                ("all", SHOP, "all"),
                ("one", SHOP, "refused"),
                ("other", SHOP, "drift"),
                ("elsewhere", "kkbox", "refused"),
            )
        ]
        set_up(home, {"office": mail}, *readers)
        live(night(REFUSAL))
        assert sorted(to for to, _ in server.got) == [["all@example.com"], ["one@example.com"]]
        server.got.clear()
        both = night(REFUSAL)
        both.notes.append(Note(kind="failure", what="The disk is full."))
        live(both, 1)
        assert [to for to, _ in server.got] == [["all@example.com"]]


def test_what_a_target_was_to_be_told_is_forgotten_with_the_target(home, live, signed):
    signed.answer = lambda request: 503
    live(night(REFUSAL))
    set_up(home, {})
    assert live(night(REFUSAL), 1).warnings == []
    with closing(sqlite3.connect(home.state)) as connection:
        assert connection.execute("select count(*) from alert_messages").fetchone() == (0,)


def test_a_night_that_never_ended_is_reported_by_the_next(home, live):
    home.nights.mkdir(parents=True)
    killed = Night(command="nightly", began_at=datetime.now(UTC) - NIGHT)
    (home.nights / "20260530T033000000000.json").write_text(killed.model_dump_json())
    now = night()
    (home.nights / "20260531T033000000000.json").write_text(now.model_dump_json())
    (opened,) = live(now).opened
    assert (opened.kind, opened.domain) == ("stopped", "")
    later = night()
    (home.nights / "20260601T033000000000.json").write_text(later.model_dump_json())
    assert [one.kind for one in live(later, 1).over] == ["stopped"]


@pytest.mark.parametrize(
    ("document", "place", "what"),
    [
        ({"target": {}}, "target", "Unknown key 'target'"),
        ({"targets": {"ops": {"kind": "pigeon"}}}, "ops", "kind"),
        ({"targets": {"Ops": {"kind": "file", "path": "x"}}}, "targets.Ops", "not a name"),
        ({"targets": {"ops": {"kind": "file"}}}, "targets.ops.path", "'path' is missing"),
        (
            {"targets": {"ops": {"kind": "webhook", "secret": "whsec_…"}}},
            "targets.ops.secret",
            "Unknown key 'secret'",
        ),
        (
            {
                "targets": {
                    "m": {
                        "kind": "smtp",
                        "host": "h",
                        "tls": "none",
                        "user": "u",
                        "sender": "a@b.c",
                        "to": ["a@b.c"],
                    }
                }
            },
            "tls",
            "in the clear",
        ),
        (
            {
                "targets": {
                    "m": {"kind": "smtp", "host": "h", "sender": "a@b\nBcc: x", "to": ["a@b.c"]}
                }
            },
            "sender",
            "sender is",
        ),
        (
            {"subscriptions": [{"target": "ops", "domain": SHOP, "alert": "all"}]},
            "subscriptions[0].target",
            "no target 'ops'",
        ),
        (
            {
                "targets": {"f": {"kind": "file", "path": "x"}},
                "subscriptions": [{"target": "f", "domain": SHOP, "alert": "nope"}],
            },
            "alert",
            "not a kind of alert",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_and_the_night_goes_on(home, live, document, place, what):
    home.root.mkdir(parents=True)
    (home.root / "targets.json").write_text(json.dumps(document))
    with pytest.raises(ChurnError) as told:
        read_targets(home)
    assert place in told.value.where and what in told.value.what, told.value
    (warning,) = live(night(REFUSAL)).warnings
    assert warning.startswith("alerts reach nobody: ")
    assert len(read_alerts(home)) == 1


def test_every_target_can_be_tried(home, signed):
    set_up(
        home,
        {
            "log": {"kind": "file", "path": "x/alerts.jsonl"},
            "ops": {"kind": "webhook", "url": signed.url, "development": True},
            "team": {"kind": "slack"},
        },
    )
    assert try_targets(home) == {
        "log": None,
        "ops": None,
        "team": "The target team needs CHURN_TARGET_TEAM_URL.",
    }
    assert bodies(signed)[0]["type"] == "test"


def test_over_and_opened_are_one_letter_for_people(home, live):
    with MailServer() as server:
        set_up(
            home,
            {
                "office": {
                    "kind": "smtp",
                    "host": "127.0.0.1",
                    "port": server.port,
                    "tls": "none",
                    "sender": "churn@example.com",
                    "to": ["team@example.com"],
                }
            },
        )
        live(night(REFUSAL))
        failed = Night(command="nightly", began_at=datetime.now(UTC), outcome="failed")
        failed.notes.append(Note(kind="failure", domain=SHOP, what="The file is empty."))
        live(failed, 1)
        (_, message) = server.got[-1]
    assert message["Subject"] == "Churn alerts: 1 new, 1 over"
    assert f"{OVER.capitalize()}: Shop & more: Not published" in message.get_content()


def test_trouble_holds_what_a_later_night_compares_with():
    assert Trouble(SHOP, "shrunken", "events/may.csv", "", 1_000.0).measured == 1_000.0
