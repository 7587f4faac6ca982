"""A dispatcher that is killed again and again loses nothing."""

import random
import subprocess
import sys
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import dispatching
import pytest
from campaign_world import DOMAIN, attempts, launch, messages, states
from receiver import Receiver, is_signed_with

from pipeline.campaigns.endpoints import add_endpoint, rotate_secret
from pipeline.campaigns.life_cycle import find_campaign
from pipeline.campaigns.schedule import DELAYS

KILLS = 20
# 75.6 hours take half a minute.
SPEED = 9_000.0
ANSWERS = (200, 200, 200, 401, 429, 500, 1.0, "reset")


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(300, marks=pytest.mark.slow),
        pytest.param(5_000, marks=pytest.mark.long),
    ],
)
def test_a_dispatcher_that_is_killed_loses_nothing(home, monkeypatch, count):
    chance = random.Random(23)
    keys, rejected = [], []

    def answer(request):
        # the receiver takes the newest secret that it was given, and no other
        if not is_signed_with(request, keys[-1]):
            rejected.append(request)
            return 401
        return chance.choice(ANSWERS)

    good, gone = Receiver(answer), Receiver(lambda request: 410)
    customers = [f"c{number}" for number in range(count)]
    controls = customers[::10]
    keys.append(add_endpoint(home, DOMAIN, "good", good.url, allows_private=True))
    add_endpoint(home, DOMAIN, "gone", gone.url, allows_private=True)
    launch(home, monkeypatch, "spring", "good", customers, arms=controls)
    launch(home, monkeypatch, "old", "gone", [f"x{number}" for number in range(50)])
    began, seen = time.time(), []

    def start():
        process = subprocess.Popen(
            [sys.executable, Path(dispatching.__file__), home.root, str(began), str(SPEED)],
            stdout=subprocess.PIPE,
            text=True,
        )
        process.stdout.readline()
        return process

    process = start()
    try:
        for number in range(KILLS):
            time.sleep(chance.uniform(0.05, 1.0))
            process.kill()
            process.wait()
            process.stdout.close()
            seen.append({(m["message_id"], m["replay"]): m["state"] for m in messages(home)})
            process = start()
            if number == KILLS // 2:
                # both secrets sign from now on; a moment later the receiver goes over to the new
                newer = rotate_secret(
                    home, DOMAIN, "good", now=dispatching.fast_clock(began, SPEED)()
                )
                time.sleep(0.2 + dispatching.TIMEOUT)
                keys.append(newer)
        until = time.monotonic() + 600
        while states(home, "spring").get("pending") and time.monotonic() < until:
            time.sleep(0.5)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        good.close()
        gone.close()

    # nothing is lost, and nobody of the control group was messaged
    sent = {m["customer_id"]: m for m in messages(home, "spring")}
    assert set(sent) == set(customers) - set(controls)
    assert not set(good.customers()) & set(controls)
    assert {m["state"] for m in sent.values()} <= {"delivered", "dead"}
    arrived = {
        one
        for one, request in zip(good.customers(), good.got, strict=True)
        if request["said"] == 200
    }
    delivered = {name for name, m in sent.items() if m["state"] == "delivered"}
    assert delivered <= arrived
    assert len(delivered) > 0.9 * len(sent)
    for message in sent.values():
        if message["state"] == "dead":
            assert message["attempts"] == len(DELAYS)
    # every duplicate has the same id
    ids = defaultdict(set)
    for customer, message_id in zip(good.customers(), good.ids(), strict=True):
        ids[customer].add(message_id)
    assert all(len(found) == 1 for found in ids.values())
    assert all(found == {sent[name]["message_id"]} for name, found in ids.items())
    # states never go backwards
    seen.append({(m["message_id"], m["replay"]): m["state"] for m in messages(home)})
    for before, after in pairwise(seen):
        assert all(after[key] == state for key, state in before.items() if state != "pending")
    # what an endpoint that is gone was to get is stopped, and its campaign with it
    assert states(home, "old") == {"stopped": 50}
    assert find_campaign(home, DOMAIN, "old").status == "stopped"
    # the key was rotated without a message that was rejected for it
    assert len(keys) == 2 and rejected == []
    log = attempts(home)
    assert {row["status"] for row in log} >= {None, 200, 401, 429, 500, 410}
    assert len({row["message_id"] for row in log}) <= len(messages(home))
