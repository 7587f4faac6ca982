"""The guards of a publish: what they let through, and what they refuse with which figures."""

from dataclasses import replace
from datetime import date

import pytest

from pipeline.project.domains import domain_entries
from pipeline.publish.guards import Jump, Side

GUARDS = {name: entry.guards for name, entry in domain_entries().items()}


def jump(*, customers=0.0, risk=0.0, changed=0.0, tombstones=0.0, listed=10_000, mean=0.1, days=1):
    """A change of a list of so many customers, each part as a share of what is published."""
    day = date(2017, 3, 1)
    return Jump(
        Side(listed, mean, day),
        Side(round(listed * (1 + customers)), mean * (1 + risk), day.replace(day=1 + days)),
        listed,
        round(listed * changed),
        round(listed * tombstones),
    )


# The widest of 63 pairs of consecutive nights and of 33 months on the full demo, each by itself.
USUAL = {
    "kkbox": {
        "a night": jump(customers=-0.036, risk=-0.291, changed=0.34, tombstones=0.087),
        "a week": jump(customers=-0.054, risk=-0.325, changed=0.5, tombstones=0.125),
        "a month": jump(customers=0.06, risk=0.23, changed=0.6, tombstones=0.182),
    },
    "ecommerce": {
        "a night": jump(customers=-0.012, risk=-0.031, changed=0.35, tombstones=0.019),
        "a week": jump(customers=-0.057, risk=-0.036, changed=0.8, tombstones=0.096),
        "a month": jump(customers=-0.117, risk=-0.082, changed=0.95, tombstones=0.276),
    },
}


@pytest.mark.parametrize(
    ("domain", "what"), [(domain, what) for domain, cases in USUAL.items() for what in cases]
)
def test_what_is_usual_passes(domain, what):
    assert USUAL[domain][what].beyond(GUARDS[domain]) == []


@pytest.mark.parametrize("domain", GUARDS)
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        # 18 of 31 days of March missing: 9,403 customers became 4,360, 6,504 left the list
        (jump(customers=-0.536), "scored customers go from 10,000 to 4,640 (-53.6%, limit"),
        (jump(tombstones=0.692), "6,920 of 10,000 customers leave the CRM list (69.2%, limit"),
        # an earlier day: every row changes
        (jump(changed=1.0), "10,000 of 10,000 CRM rows change (100.0%, limit"),
        # half of the feed is silence, and silence reads as leaving
        (jump(risk=0.7), "the mean risk goes from 0.1000 to 0.1700 (+70.0%, limit"),
        (jump(days=0), ""),
    ],
)
def test_what_is_broken_is_refused_with_its_figures(domain, broken, words):
    found = broken.beyond(GUARDS[domain])
    assert ([words] if words else []) == [one[: len(words)] for one in found]


def test_a_cut_off_never_goes_back_by_itself():
    back = jump()
    earlier = replace(back.after, as_of_date=date(2016, 12, 20))
    found = replace(back, after=earlier).beyond(GUARDS["kkbox"])
    assert found == ["the cut-off 2016-12-20 is before the published one, 2017-03-01"]


def test_a_domain_that_lost_all_its_customers_is_refused():
    gone = replace(jump(), after=Side(0, None, None))
    assert "scored customers go from 10,000 to 0" in gone.beyond(GUARDS["kkbox"])[0]
