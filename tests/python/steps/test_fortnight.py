"""A fortnight of ordinary nights: what is published and frozen is true, or it waits.

Days are lost or late, files come twice or in part, a currency slips, ids change. The known truth is
the same world with every true row. `CHURN_NIGHTS_SEEDS=1,2` lives other fortnights.
"""

import os
from datetime import date, timedelta

import pytest
from nights import World, table

from pipeline.demo.nights import MISHAPS, NightOptions
from pipeline.project.exit_codes import PUBLISHED, REFUSED, WARNED

DOMAINS = ("kkbox", "ecommerce")
SEEDS = tuple(map(int, os.environ.get("CHURN_NIGHTS_SEEDS", "1").split(",")))
SCALE = 0.2
# The outcomes of cohorts that the nights touch are known and frozen within so many days.
REST = 28


@pytest.fixture(
    scope="module",
    params=[(domain, seed) for seed in SEEDS for domain in DOMAINS],
    ids=lambda of: f"{of[0]}-{of[1]}",
)
def fortnight(request, tmp_path_factory):
    """A domain's fortnight, lived and judged: the world and the labels that are false."""
    domain, seed = request.param
    options = NightOptions(14, tuple(MISHAPS), seed, REST)
    world = World(domain, tmp_path_factory.mktemp("nights"), scale=SCALE, options=options)
    world.start()
    world.live()
    world.live_on()
    world.judge()
    false = world.false_labels()
    world.write(world.folder / "nights.json", false_labels=false)
    return world, false


def words(world):
    """What a failure shows."""
    return f"\n{table(world.lived)}\n{world.folder / 'nights.json'}"


@pytest.mark.long
def test_no_false_label_is_frozen(fortnight):
    """Two ids that became one are a case of their own: nobody said that they did.

    From the merge on the id that went away has no rows, so its outcome is that of somebody who
    left, and the id that stayed has the rows of both.
    """
    world, false = fortnight
    assert len(set(world.frozen_on.values())) > 1, "cohorts froze on the nights and after them"
    found = {
        cohort: wrong
        for cohort, rows in false.items()
        if (wrong := [row for row in rows if row[0] not in world.merged])
    }
    assert found == {}, words(world)


@pytest.mark.long
def test_nobody_is_told_as_deleted_who_is_in_scope(fortnight):
    world, _ = fortnight
    false = {night.day: night.false_tombstones for night in world.lived if night.false_tombstones}
    assert false == {}, words(world)


@pytest.mark.long
def test_nights_with_whole_inputs_publish_what_the_clean_world_has(fortnight):
    world, _ = fortnight
    clean = [night for night in world.lived if night.has_clean_inputs]
    assert len(clean) >= 3, words(world)
    assert [night.day for night in clean if night.differing_scores] == [], words(world)


@pytest.mark.long
def test_nights_are_published_or_say_why_and_the_last_one_is_published(fortnight):
    world, _ = fortnight
    for night in world.lived:
        assert night.exit_code in (PUBLISHED, WARNED, REFUSED), words(world)
        is_as_usual = (night.outcome, night.exit_code) == ("published", PUBLISHED)
        assert night.words or is_as_usual, words(world)
    last = world.lived[-1]
    assert last.exit_code in (PUBLISHED, WARNED), words(world)
    assert last.cut_off > world.nights.last, words(world)
    # the slip of a currency is refused, with the file's name and what to do
    slips = {one.day for one in world.nights.planted if one.kind == "hundredfold"}
    aside = {night.day for night in world.lived if night.set_aside}
    assert slips == aside, words(world)


@pytest.mark.long
@pytest.mark.parametrize("domain", DOMAINS)
def test_labels_are_true_once_every_day_has_come(domain, tmp_path):
    """A lost day keeps the cohorts that it touches open. Without one they close, and freeze."""
    mishaps = tuple(name for name in MISHAPS if name != "gap")
    world = World(domain, tmp_path, scale=SCALE, options=NightOptions(14, mishaps, 1, REST))
    world.load()
    touched = {
        path.stem[:10]
        for path in world.frozen_on
        if world.nights.first - timedelta(days=60) < date.fromisoformat(path.stem[:10])
        and path.parent.name != "supplied"
    }
    assert len(touched) >= 2, "cohorts whose outcomes the nights touch are frozen"
    false = {
        cohort: wrong
        for cohort, rows in world.false_labels().items()
        if (wrong := [row for row in rows if row[0] not in world.merged])
    }
    assert false == {}


@pytest.mark.long
def test_a_day_that_comes_a_night_later_deletes_nobody(tmp_path):
    """The payments of a day lack; the night scores no later day, and the next one is whole."""
    world = World("kkbox", tmp_path, scale=0.1, options=NightOptions(2))
    late, day = world.nights.days()
    name = world.nights.feeds["transactions"].file_name(late)
    (world.arrives[str(late)] / name).rename(world.arrives[str(day)] / name)
    world.start()
    mornings = []
    world.live(lambda home, night: mornings.append((home, night.day)))
    world.judge()
    first, second = world.lived
    assert mornings == [(world.home, late), (world.home, day)]
    assert (first.outcome, first.cut_off) == ("same day", late), words(world)
    assert any("1 day has not come: transactions ends on" in line for line in first.words), (
        first.words
    )
    assert (second.outcome, second.cut_off) == ("published", world.end), words(world)
    assert second.has_clean_inputs and second.differing_scores == 0, words(world)
    assert [night.false_tombstones for night in world.lived] == [[], []], words(world)
