"""Each rule of delivery, against a receiver on loopback and a clock that the test turns."""

import json
import stat
from datetime import UTC, datetime, timedelta
from random import Random

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from campaign_world import (
    DOMAIN,
    attempts,
    endpoint,
    launch,
    messages,
    states,
)
from receiver import Receiver, TestClock, is_signed_with
from standardwebhooks.webhooks import Webhook

from pipeline.campaigns import addresses
from pipeline.campaigns.dispatch import Dispatcher
from pipeline.campaigns.endpoints import (
    add_endpoint,
    enable_endpoint,
    read_endpoints,
    rotate_secret,
)
from pipeline.campaigns.life_cycle import (
    CampaignSettings,
    draft_campaign,
    find_campaign,
    finish_campaign,
    pause_campaign,
    resume_campaign,
)
from pipeline.campaigns.outbox import read_dead_letters, replay
from pipeline.campaigns.schedule import DELAYS, delay_after, wait_asked
from pipeline.campaigns.send import TIMEOUT, Sender
from pipeline.campaigns.signing import check_secret, new_secret
from pipeline.campaigns.tables import MEMBERS, OUTBOX
from pipeline.project.errors import ChurnError
from pipeline.retention.audit import read_audit
from pipeline.retention.decisions import lift, note_contacts, suppress, writing


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


@pytest.fixture
def secret(home, receiver):
    return add_endpoint(home, DOMAIN, "crm", receiver.url, allows_private=True, by="Ada")


@pytest.fixture
def dispatch(home, clock):
    """Send what is due by the clock; returns what came of it."""
    opened = []

    def once(**options):
        one = Dispatcher(home, now=clock, today=lambda: clock().date(), **options)
        opened.append(one)
        return one.once()

    yield once
    for one in opened:
        one.close()


@pytest.fixture
def launched(home, monkeypatch, secret, clock):
    """A campaign of two customers to contact and one of the control group."""
    made = launch(home, monkeypatch, "spring", "crm", ["a", "b", "c"], arms=["c"])
    clock.turn(seconds=5)
    return made


def test_a_message_is_signed_small_and_about_one_customer(
    home, launched, secret, receiver, dispatch
):
    assert dispatch().outcomes == {"delivered": 2}
    assert sorted(receiver.customers()) == ["a", "b"]
    for request in receiver.got:
        assert len(request["body"].encode()) < 20_000
        # the receiver's library reads it
        told = Webhook(secret).verify(request["body"], request["headers"])
        assert told["type"] == "campaign.contact"
        assert told["data"]["campaign_id"] == launched.campaign_id
        assert told["data"]["action_id"] == "voucher_10"
        assert "." not in request["headers"]["webhook-id"]
        assert request["headers"]["content-type"] == "application/json"


def test_the_id_stays_over_retries_and_the_timestamp_is_renewed(
    launched, secret, receiver, dispatch, clock
):
    receiver.answer = lambda request: 500
    dispatch()
    clock.turn(seconds=6)
    dispatch()
    assert len(receiver.got) == 4
    by_id = {}
    for request in receiver.got:
        by_id.setdefault(request["headers"]["webhook-id"], []).append(request)
    assert len(by_id) == 2
    for first, second in by_id.values():
        assert first["body"] == second["body"]
        passed = [int(one["headers"]["webhook-timestamp"]) for one in (first, second)]
        assert passed[1] - passed[0] == 6
        assert is_signed_with(first, secret) and is_signed_with(second, secret)


@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_c2hvcnQ=", "whsec_???", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" * 2, ""],
)
def test_a_secret_of_less_than_24_bytes_is_refused(home, secret):
    with pytest.raises(ChurnError, match="not one of Standard Webhooks"):
        check_secret(secret)
    with pytest.raises(ChurnError):
        add_endpoint(home, DOMAIN, "crm", "https://example.com/hook", secret=secret)
    assert read_endpoints(home, DOMAIN) == []


def test_secrets_are_random_and_only_their_owner_reads_them(home, secret):
    assert check_secret(new_secret()) != new_secret()
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o600
    kept = [path for path in home.root.rglob("*") if path.is_file() and path != home.secrets]
    assert kept and not any(secret.encode() in path.read_bytes() for path in kept)


def test_after_a_rotation_both_secrets_sign_for_a_day(home, launched, secret, receiver, dispatch):
    newer = rotate_secret(home, DOMAIN, "crm")
    dispatch()
    for request in receiver.got:
        assert len(request["headers"]["webhook-signature"].split(" ")) == 2
        assert is_signed_with(request, secret) and is_signed_with(request, newer)


def test_a_day_after_a_rotation_only_the_new_secret_signs(
    home, launched, secret, receiver, dispatch, clock
):
    newer = rotate_secret(home, DOMAIN, "crm")
    clock.turn(hours=25)
    dispatch()
    assert len(receiver.got) == 2
    for request in receiver.got:
        assert not is_signed_with(request, secret) and is_signed_with(request, newer)


def test_a_body_of_20_kb_is_refused_at_the_launch(home, monkeypatch, secret):
    with pytest.raises(ChurnError, match="would have"):
        launch(home, monkeypatch, "long", "crm", ["a"], title="x" * 20_000)
    assert find_campaign(home, DOMAIN, "long").status == "draft"
    assert messages(home) == []


def test_an_attempt_lasts_15_to_30_seconds_at_most():
    assert 15 <= TIMEOUT <= 30


def test_a_receiver_that_is_silent_is_given_up_in_time(home, launched, receiver, dispatch):
    receiver.answer = lambda request: 30.0
    began = datetime.now(UTC)
    assert dispatch(sender=Sender(0.3)).outcomes == {"timed out": 2}
    assert datetime.now(UTC) - began < timedelta(seconds=5)
    assert states(home) == {"pending": 2}


def test_a_receiver_that_drips_is_given_up_in_time(home, monkeypatch):
    import socket
    import threading
    import time

    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip():
        connection, _ = listener.accept()
        connection.recv(65_536)
        for _ in range(100):
            if over.wait(0.1):
                return
            try:
                connection.sendall(b"H")
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    answer = Sender(0.5).send(url, True, {}, "{}")
    over.set()
    listener.close()
    assert answer.problem in ("timed out", "not connected") and answer.status is None
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_success(home, launched, receiver, dispatch, status):
    receiver.answer = lambda request: status
    dispatch()
    assert states(home) == {"delivered": 2}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 401, 403, 404, 422, 500, 503])
def test_everything_else_is_tried_again(home, launched, receiver, dispatch, clock, status):
    receiver.answer = lambda request: status
    dispatch()
    assert states(home) == {"pending": 2}
    receiver.answer = lambda request: 200
    clock.turn(seconds=6)
    dispatch()
    assert states(home) == {"delivered": 2}
    assert [one["status"] for one in attempts(home)] == [status, status, 200, 200]


def test_a_redirect_is_a_failure_and_leads_nowhere(home, launched, receiver, dispatch):
    elsewhere = Receiver()
    receiver.answer = lambda request: (307, {"Location": elsewhere.url})
    dispatch()
    elsewhere.close()
    assert elsewhere.got == []
    assert states(home) == {"pending": 2}


def test_a_reset_connection_is_tried_again(home, launched, receiver, dispatch, clock):
    receiver.answer = lambda request: "reset"
    assert dispatch().outcomes == {"not connected": 2}
    receiver.answer = lambda request: 200
    clock.turn(seconds=6)
    assert dispatch().outcomes == {"delivered": 2}


def test_retry_after_is_honoured(home, launched, receiver, dispatch, clock):
    receiver.answer = lambda request: (503, {"Retry-After": "120"})
    dispatch()
    receiver.answer = lambda request: 200
    clock.turn(seconds=119)
    assert dispatch().outcomes == {}
    clock.turn(seconds=1)
    assert dispatch().outcomes == {"delivered": 2}


def test_retry_after_may_be_a_date():
    now = datetime(2026, 11, 1, 12)
    assert wait_asked("Sun, 01 Nov 2026 12:02:00 GMT", now) == timedelta(minutes=2)
    assert wait_asked("Sun, 01 Nov 2026 11:00:00 GMT", now) == timedelta(0)
    assert wait_asked("30", now) == timedelta(seconds=30)
    assert wait_asked("9" * 5_000, now) == timedelta(days=7)
    assert [wait_asked(one, now) for one in (None, "", "soon", "-5")] == [None] * 4


@pytest.mark.parametrize("status", [429, 502, 504])
def test_an_endpoint_that_asks_for_less_gets_less(
    home, launched, monkeypatch, receiver, dispatch, clock, status
):
    receiver.answer = lambda request: status
    dispatch(at_once=1)
    # the second message of the same moment waits for the endpoint
    assert len(receiver.got) == 1
    receiver.answer = lambda request: 200
    clock.turn(seconds=59)
    assert dispatch().outcomes == {}
    clock.turn(seconds=1)
    assert dispatch().outcomes == {"delivered": 2}
    assert endpoint(home)["throttled_until"] is None


def test_an_endpoint_that_asks_for_time_gets_it_for_all_messages(
    launched, receiver, dispatch, clock
):
    receiver.answer = lambda request: (429, {"Retry-After": "600"})
    dispatch(at_once=1)
    clock.turn(seconds=599)
    assert dispatch().outcomes == {}
    receiver.answer = lambda request: 200
    clock.turn(seconds=1)
    assert dispatch().outcomes == {"delivered": 2}


def test_other_failures_do_not_throttle(home, launched, receiver, dispatch):
    receiver.answer = lambda request: 500
    dispatch(at_once=1)
    assert len(receiver.got) == 2
    assert endpoint(home)["throttled_until"] is None


def test_the_schedule_goes_from_0_s_to_24_h_over_75_6_h_with_jitter():
    assert DELAYS[0] == timedelta(0) and DELAYS[-1] == timedelta(hours=24)
    assert sum(DELAYS, timedelta()) / timedelta(hours=1) == pytest.approx(75.6, abs=0.05)
    assert list(DELAYS) == sorted(DELAYS)
    drawn = {delay_after(3, Random(seed)) for seed in range(50)}
    assert len(drawn) == 50
    assert all(27 <= one / timedelta(minutes=1) <= 33 for one in drawn)


def test_a_message_that_never_arrives_is_a_dead_letter_after_the_whole_schedule(
    home, launched, receiver, dispatch, clock
):
    receiver.answer = lambda request: 401
    began = clock()
    for delay in DELAYS:
        clock.turn(seconds=1.1 * delay.total_seconds() + 1)
        assert states(home) == {"pending": 2}
        dispatch()
    assert states(home) == {"dead": 2}
    assert len(receiver.got) == 2 * len(DELAYS) == len(attempts(home))
    assert clock() - began > timedelta(hours=75)
    letters = read_dead_letters(home, DOMAIN)
    assert [one.customer_id for one in sorted(letters, key=lambda one: one.customer_id)] == [
        "a",
        "b",
    ]
    assert {one.ended_because for one in letters} == {"HTTP 401"}
    assert {one.attempts for one in letters} == {len(DELAYS)}
    clock.turn(days=1)
    assert dispatch().outcomes == {}


def test_410_disables_the_endpoint_and_stops_the_campaign_at_once(
    home, launched, receiver, dispatch, clock
):
    receiver.answer = lambda request: 410
    assert dispatch(at_once=1).outcomes == {"gone": 1}
    assert len(receiver.got) == 1
    assert states(home) == {"stopped": 2}
    campaign = find_campaign(home, DOMAIN, "spring")
    assert campaign.status == "stopped" and "410" in campaign.ended_because
    assert endpoint(home)["status"] == "disabled"
    told = [(row.what, row.subject) for row in read_audit(home, DOMAIN, None, 2)]
    assert told == [("stopped a campaign", "spring"), ("disabled an endpoint", "crm")]
    clock.turn(days=2)
    assert dispatch().outcomes == {}
    with pytest.raises(ChurnError, match="disabled: gone"):
        draft_campaign(home, DOMAIN, CampaignSettings("next", 1.0, destination="crm"), "Ada")


def test_410_of_one_endpoint_leaves_the_others_alone(
    home, monkeypatch, launched, receiver, dispatch
):
    gone = Receiver(lambda request: 410)
    add_endpoint(home, DOMAIN, "old", gone.url, allows_private=True)
    launch(home, monkeypatch, "summer", "old", ["x", "y"])
    dispatch()
    gone.close()
    assert states(home, "summer") == {"stopped": 2}
    assert states(home, "spring") == {"delivered": 2}
    assert find_campaign(home, DOMAIN, "spring").status == "running"


def test_an_endpoint_is_disabled_after_days_of_nothing_but_failure(
    home, monkeypatch, launched, receiver, dispatch, clock
):
    receiver.answer = lambda request: 500
    dispatch()
    clock.turn(days=4, hours=23)
    dispatch()
    assert endpoint(home)["status"] == "active"
    clock.turn(hours=2)
    dispatch()
    found = endpoint(home)
    assert found["status"] == "disabled" and "5 days" in found["disabled_because"]
    # its messages are not lost
    assert states(home) == {"dead": 2}
    assert find_campaign(home, DOMAIN, "spring").status == "running"
    with pytest.raises(ChurnError, match="cannot be replayed"):
        replay(home, DOMAIN, messages=[messages(home)[0]["message_id"]])
    receiver.answer = lambda request: 200
    enable_endpoint(home, DOMAIN, "crm")
    assert replay(home, DOMAIN) == 2
    clock.turn(hours=1)
    assert dispatch().outcomes == {"delivered": 2}


def test_one_success_and_an_endpoint_is_well(home, launched, receiver, dispatch, clock):
    answers = iter([500, 200])
    receiver.answer = lambda request: next(answers)
    dispatch(at_once=1)
    assert endpoint(home)["failing_since"] is None
    receiver.answer = lambda request: 500
    clock.turn(days=6)
    dispatch()
    assert endpoint(home)["status"] == "active"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public_are_known(address):
    assert not addresses.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_known(address):
    assert addresses.is_public(address)


def test_a_refused_address_is_final_at_once(home, monkeypatch, receiver, dispatch, clock):
    url = receiver.url.replace("http:", "https:")
    add_endpoint(home, DOMAIN, "crm", url)
    launch(home, monkeypatch, "spring", "crm", ["a"])
    clock.turn(seconds=5)
    assert dispatch().outcomes == {"refused address": 1}
    assert states(home) == {"dead": 1}
    assert messages(home)[0]["ended_because"] == "refused address"
    assert receiver.got == []


def test_an_address_is_checked_where_it_is_connected_to(home, monkeypatch):
    """A name that stands for a public address and then for this machine leads nowhere."""
    asked = []

    def resolve(host, port, **more):
        asked.append(host)
        return [(2, 1, 6, "", ("93.184.216.34" if len(asked) == 1 else "127.0.0.1", port))]

    connected = []

    def connect(self, host, *more):
        connected.append(host)
        raise addresses.httpcore.ConnectError("no network")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(addresses.httpcore.SyncBackend, "connect_tcp", connect)
    sender = Sender(1.0)
    assert sender.send("https://crm.example/", False, {}, "{}").problem == "not connected"
    assert connected == ["93.184.216.34"] and asked == ["crm.example"]
    assert sender.send("https://crm.example/", False, {}, "{}").problem == "refused address"
    assert connected == ["93.184.216.34"]


def test_one_private_address_among_public_ones_is_refused(monkeypatch):
    both = [(2, 1, 6, "", (one, 443)) for one in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: both)
    assert Sender(1.0).send("https://crm.example/", False, {}, "{}").problem == "refused address"


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/hook",
        "ftp://crm.example",
        "https://user:word@crm.example/",
        "https:///x",
        "crm.example",
        "https://crm.example:x/",
    ],
)
def test_an_address_that_messages_cannot_go_to_is_refused(home, url):
    with pytest.raises(ChurnError, match="not one that messages can go to"):
        add_endpoint(home, DOMAIN, "crm", url)


def test_dead_letters_are_replayed_one_or_a_range_with_their_ids(
    home, launched, receiver, dispatch, clock, monkeypatch
):
    monkeypatch.setattr("pipeline.campaigns.schedule.DELAYS", (timedelta(0),))
    receiver.answer = lambda request: 500
    dispatch()
    assert states(home) == {"dead": 2}
    first, second = (one.message_id for one in read_dead_letters(home, DOMAIN))
    receiver.answer = lambda request: 200
    assert replay(home, DOMAIN, messages=[first]) == 1
    clock.turn(minutes=1)
    assert dispatch().outcomes == {"delivered": 1}
    assert receiver.ids().count(first) == 2
    assert [one.message_id for one in read_dead_letters(home, DOMAIN)] == [second]
    with pytest.raises(ChurnError, match="cannot be replayed"):
        replay(home, DOMAIN, messages=[first])
    assert replay(home, DOMAIN, since=clock() + timedelta(days=1)) == 0
    assert replay(home, DOMAIN, since=clock() - timedelta(days=1), until=clock()) == 1
    clock.turn(minutes=1)
    dispatch()
    assert read_dead_letters(home, DOMAIN) == []
    # what died stays on record, beside what became of it
    told = sorted((one["message_id"], one["replay"], one["state"]) for one in messages(home))
    assert told == sorted(
        (one, number, state)
        for one in (first, second)
        for number, state in ((0, "dead"), (1, "delivered"))
    )


def test_contents_are_deleted_after_delivery_and_the_log_of_attempts_stays(
    home, launched, receiver, dispatch
):
    assert all(one["body"] for one in messages(home))
    dispatch()
    assert [one["body"] for one in messages(home)] == [None, None]
    log = attempts(home)
    assert [(one["status"], one["outcome"]) for one in log] == [(200, "delivered")] * 2
    assert {one["message_id"] for one in log} == set(receiver.ids())
    assert not {"body", "customer_id"} & set(log[0])


def test_contents_of_dead_letters_are_deleted_after_30_days(
    home, launched, receiver, dispatch, clock, monkeypatch
):
    monkeypatch.setattr("pipeline.campaigns.schedule.DELAYS", (timedelta(0),))
    receiver.answer = lambda request: 500
    dispatch()
    clock.turn(days=29)
    dispatch()
    assert all(one.can_be_replayed for one in read_dead_letters(home, DOMAIN))
    clock.turn(days=2)
    dispatch()
    assert not any(one.can_be_replayed for one in read_dead_letters(home, DOMAIN))
    assert replay(home, DOMAIN) == 0


def test_who_is_suppressed_after_the_launch_is_not_messaged(home, launched, receiver, dispatch):
    suppress(home, DOMAIN, [("a", "asked")])
    dispatch()
    assert receiver.customers() == ["b"]
    assert states(home) == {"withheld": 1, "delivered": 1}
    (withheld,) = [one for one in messages(home) if one["state"] == "withheld"]
    assert withheld["customer_id"] == "a" and withheld["body"] is None
    # withheld is for good
    lift(home, DOMAIN, ["a"])
    dispatch()
    assert receiver.customers() == ["b"]


def test_who_is_suppressed_between_two_attempts_is_not_messaged_again(
    home, launched, receiver, dispatch, clock
):
    receiver.answer = lambda request: 500
    dispatch()
    suppress(home, DOMAIN, [("a", "asked")])
    receiver.got.clear()
    clock.turn(seconds=6)
    dispatch()
    assert receiver.customers() == ["b"]


def test_a_control_customer_is_never_messaged(home, launched, receiver, dispatch, clock):
    assert sorted(one["customer_id"] for one in messages(home)) == ["a", "b"]
    # not even if a message is there
    with writing(home) as connection:
        row = dict(connection.execute(sa.select(OUTBOX)).mappings().first())
        row |= {"message_id": "msg_forged", "customer_id": "c"}
        connection.execute(sa.insert(OUTBOX).values(row))
    dispatch()
    assert "c" not in receiver.customers()
    (forged,) = [one for one in messages(home) if one["message_id"] == "msg_forged"]
    assert (forged["state"], forged["ended_because"]) == ("withheld", "control group")


def test_who_the_crm_contacted_since_the_launch_waits(home, launched, receiver, dispatch, clock):
    note_contacts(home, DOMAIN, [("a", clock().date(), "")])
    dispatch()
    assert receiver.customers() == ["b"]
    (withheld,) = [one for one in messages(home) if one["state"] == "withheld"]
    assert withheld["ended_because"] == "contacted lately"


def test_a_paused_campaign_sends_nothing_and_goes_on_where_it_was(
    home, launched, receiver, dispatch
):
    pause_campaign(home, DOMAIN, "spring", "Ada")
    assert dispatch().outcomes == {}
    resume_campaign(home, DOMAIN, "spring", "Ada")
    assert dispatch().outcomes == {"delivered": 2}


def test_a_finished_campaign_stops_what_was_not_sent(home, launched, receiver, dispatch):
    finish_campaign(home, DOMAIN, "spring", "Ada")
    assert dispatch().outcomes == {}
    assert states(home) == {"stopped": 2}
    assert all(one["body"] is None for one in messages(home))
    with pytest.raises(ChurnError, match="is finished and cannot be running"):
        resume_campaign(home, DOMAIN, "spring", "Ada")


def test_a_message_that_came_to_an_end_stays_at_it(home, launched, dispatch):
    dispatch()
    with pytest.raises(sa.exc.IntegrityError, match="stays at it"), writing(home) as connection:
        connection.execute(sa.update(OUTBOX).values(state="pending"))
    with pytest.raises(sa.exc.IntegrityError, match="do not change"), writing(home) as connection:
        connection.execute(sa.update(MEMBERS).values(arm="treat"))
    assert states(home) == {"delivered": 2}


def test_a_lease_keeps_two_dispatchers_apart_and_runs_out(home, launched, receiver, clock):
    from pipeline.campaigns.outbox import claim, take
    from pipeline.project.state import open_state

    engine = open_state(home)
    first = claim(engine, "one", clock(), 10)
    assert len(first) == 2 and claim(engine, "two", clock(), 10) == []
    clock.turn(seconds=61)
    assert claim(engine, "two", clock(), 10) == first
    # who lost the lease sends nothing
    assert take(engine, "one", first[0], clock(), clock().date()) is None
    assert take(engine, "two", first[0], clock(), clock().date()) is not None
    engine.dispose()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_crm_without_webhooks_gets_files(home, monkeypatch, clock, dispatch, kind):
    launch(home, monkeypatch, "spring", kind, ["a", "+b", "c", "d"], arms=["c"])
    suppress(home, DOMAIN, [("d", "asked")])
    clock.turn(seconds=5)
    (path,) = dispatch().files
    assert path.name == f"0001.{kind}" and path.is_relative_to(home.deliveries)
    if kind == "parquet":
        customers = pq.read_table(path)["customer_id"].to_pylist()
    else:
        import csv

        with path.open(newline="") as file:
            customers = [row["customer_id"] for row in csv.DictReader(file)]
    assert customers == ["+b", "a"]
    assert states(home) == {"delivered": 2, "withheld": 1}
    assert dispatch().files == []


def test_a_file_that_was_not_stored_is_written_again_under_its_name(
    home, monkeypatch, clock, dispatch
):
    launch(home, monkeypatch, "spring", "csv", ["a", "b"])
    clock.turn(seconds=5)
    with monkeypatch.context() as broken:
        broken.setattr(
            "pipeline.campaigns.hand_over.pc.write_csv",
            lambda *_: (_ for _ in ()).throw(OSError("disk full")),
        )
        with pytest.raises(OSError, match="disk full"):
            dispatch()
    assert states(home) == {"pending": 2}
    (path,) = dispatch().files
    assert path.name == "0001.csv"


def test_a_message_says_what_a_crm_needs(home, launched):
    (message,) = [one for one in messages(home) if one["customer_id"] == "a"]
    told = json.loads(message["body"])
    assert set(told) == {"type", "timestamp", "data"}
    assert told["data"] | {"campaign_id": ""} == {
        "domain": DOMAIN,
        "campaign_id": "",
        "campaign": "spring",
        "customer_id": "a",
        "action_id": "voucher_10",
        "action_title": "$10 voucher",
        "message_hint": "$10 off your next order",
        "channel": "email",
        "due_on": None,
        "risk_band": "high",
    }
