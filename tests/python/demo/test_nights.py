"""Nights bring the demo's rows and nothing else, except for what the record says was planted."""

from collections import Counter
from datetime import date, timedelta

import pytest

from pipeline.demo import generate
from pipeline.demo.nights import (
    DELAY,
    HISTORY,
    MISHAPS,
    REFUND,
    REST,
    NightOptions,
    make_nights,
)
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

DOMAINS = ("kkbox", "ecommerce")
ALL = tuple(MISHAPS)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """The folders of small demos."""
    home = Home(tmp_path_factory.mktemp("nights"))
    for domain in DOMAINS:
        generate(domain, home, scale=0.05, seed=5, console=None)
    return home.raw


@pytest.fixture(params=DOMAINS)
def made(request, raw):
    """Nights of a domain: `made(14, "gap")`."""
    return lambda nights, *mishaps, seed=1, rest=0: make_nights(
        request.param, raw / request.param, NightOptions(nights, mishaps, seed, rest)
    )


def arrived(nights, table):
    """Every row of a table that arrives, with the nights on which it does."""
    found = {}
    for delivery in nights.deliveries:
        if delivery.feed.table.name == table:
            for row in delivery.rows:
                found.setdefault(row, []).append(delivery.night)
    return found


def counted(nights, table):
    return Counter(row for row, on in arrived(nights, table).items() for _ in on)


def true_rows(nights, table):
    return Counter(row for rows in nights.true_rows[table].values() for row in rows)


def expected(nights, table):
    """What should arrive by the record: the true rows, with what it says is there or not."""
    rows = true_rows(nights, table)
    for planted in (p for p in nights.planted if p.table == table):
        if planted.kind == "never":
            rows -= Counter(planted.rows)
        elif planted.kind in ("ahead", "behind", "refund", "twice"):
            rows += Counter(planted.rows)
        elif planted.kind in ("hundredfold", "merged", "respelled"):
            rows -= Counter(planted.instead_of)
            rows += Counter(planted.rows)
    return rows


@pytest.mark.parametrize("count", [1, 14, 40])
def test_nights_in_which_nothing_goes_wrong_are_the_history(made, count, tmp_path):
    nights = made(count)
    written = dict(nights.write(tmp_path / "nights"))
    assert list(written) == [HISTORY, *map(str, nights.days())]
    assert len(nights.days()) == count
    assert nights.planted == []
    raw, again = Counter(), Counter()
    for counter, folders in ((raw, [nights.raw_dir]), (again, written.values())):
        for path in (path for folder in folders for path in folder.glob("*.csv")):
            header, *rows = path.read_text().splitlines()
            counter.update((header, row) for row in rows)
    beyond = {
        (",".join(feed.header), row)
        for name, feed in nights.feeds.items()
        for day, rows in nights.true_rows[name].items()
        if day > nights.last
        for row in rows
    }
    assert raw == again + Counter({key: raw[key] for key in beyond})
    # whole files, one a table and day
    for name, feed in nights.feeds.items():
        for day in nights.days():
            text = (written[str(day)] / feed.file_name(day)).read_text()
            rows = nights.true_rows[name].get(day, [])
            assert text == "\n".join([",".join(feed.header), *rows]) + "\n"


def test_the_same_seed_makes_the_same_nights(made):
    one, same, other = made(30, *ALL), made(30, *ALL), made(30, *ALL, seed=2)
    assert one.planted == same.planted != other.planted
    assert one.deliveries == same.deliveries


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mishaps", [*((name,) for name in ALL), ALL], ids=lambda m: "+".join(m))
def test_what_arrives_is_what_the_record_says(made, mishaps, seed):
    nights = made(14, *mishaps, seed=seed)
    assert {planted.mishap for planted in nights.planted} == set(mishaps)
    assert {p.kind for p in nights.planted} == {k for name in mishaps for k in MISHAPS[name]}
    for table in nights.feeds:
        # the raw files repeat rows, and a resent day comes in two parts
        parts = Counter()
        for planted in (p for p in nights.planted if p.kind == "resent" and p.table == table):
            first, whole = (
                d.rows
                for d in nights.deliveries
                if d.name == nights.feeds[table].file_name(planted.day)
                and d.feed.table.name == table
            )
            assert Counter(whole) - Counter(first) == Counter(planted.rows)
            parts += Counter(first)
        assert counted(nights, table) == expected(nights, table) + parts


def test_the_days_after_the_nights_come_together_and_are_true_but_for_ids(made, tmp_path):
    whole, nights = made(14), made(14, *ALL, rest=10)
    assert nights.last == whole.last - timedelta(days=10)
    written = dict(nights.write(tmp_path / "nights"))
    assert list(written) == [HISTORY, *map(str, nights.days()), REST]
    assert all(planted.night <= nights.last for planted in nights.planted if planted.arrives)
    after = [nights.last + timedelta(days=n) for n in range(1, 11)]
    wrong = {row for one in nights.planted if one.kind == "merged" for row in one.rows}
    for name, feed in nights.feeds.items():
        for day in after:
            header, *rows = (written[REST] / feed.file_name(day)).read_text().splitlines()
            assert header == ",".join(feed.header)
            true = Counter(nights.true_rows[name].get(day, []))
            assert len(rows) == true.total() and set(Counter(rows) - true) <= wrong


@pytest.mark.parametrize("seed", range(3))
def test_each_kind_is_what_its_name_says(made, seed):
    nights = made(14, *ALL, seed=seed)
    for planted in nights.planted:
        feed = nights.feeds[planted.table]
        on = arrived(nights, planted.table)
        days = {feed.day_of(row) for row in planted.rows}
        at, ids = feed.amounts_at, feed.id_at
        match planted.kind:
            case "never":
                assert days == {planted.night}
                assert not any(
                    d.name == feed.file_name(planted.day) and d.feed is feed
                    for d in nights.deliveries
                )
            case "delayed" | "rows" | "resent":
                assert days == {planted.night} and planted.rows == planted.instead_of
                assert planted.arrives >= planted.night + timedelta(days=DELAY)
                assert all(planted.arrives in on[row] for row in planted.rows)
                assert len(planted.rows) > 0
            case "ahead":
                assert len(planted.rows) == 1 and min(days) > nights.last + timedelta(days=300)
            case "behind":
                assert days == {date(1970, 1, 1)} and len(planted.rows) == 1
            case "refund":
                (back,), (paid,) = planted.rows, planted.instead_of
                assert feed.day_of(paid) < feed.day_of(back) == planted.night
                assert back.split(",")[ids] == paid.split(",")[ids]
                is_event = REFUND in back.split(",")
                assert is_event != (float(back.split(",")[at[-1]]) < 0)
            case "twice":
                first, again = (
                    next(d for d in nights.deliveries if d.feed is feed and d.name == name)
                    for name in (
                        feed.file_name(planted.day),
                        feed.file_name(planted.day).replace(".csv", "-copy.csv"),
                    )
                )
                assert first.rows == again.rows == list(planted.rows)
                assert first.night < again.night == planted.night
            case "hundredfold":
                for wrong, right in zip(planted.rows, planted.instead_of, strict=True):
                    for place, (new, old) in enumerate(
                        zip(wrong.split(","), right.split(","), strict=True)
                    ):
                        if place in at and old:
                            assert float(new) == pytest.approx(100 * float(old))
                        else:
                            assert new == old
            case "merged" | "respelled":
                for wrong, right in zip(planted.rows, planted.instead_of, strict=True):
                    new, old = wrong.split(","), right.split(",")
                    assert new[ids] != old[ids]
                    assert new[:ids] + new[ids + 1 :] == old[:ids] + old[ids + 1 :]
                    if planted.kind == "respelled":
                        assert new[ids].strip().removesuffix(".0") == old[ids]
    merged = [p for p in nights.planted if p.kind == "merged"]
    spelled = {
        (r.split(",")[nights.feeds[p.table].id_at], i.split(",")[nights.feeds[p.table].id_at])
        for p in merged
        for r, i in zip(p.rows, p.instead_of, strict=True)
    }
    assert len(spelled) == 1, "two ids become one, in every table"


def test_a_merge_comes_with_its_map_of_ids_when_asked_for(made, raw, tmp_path):
    nights = made(14, "ids")
    ((gone, kept, day),) = nights.identities()
    feeds = nights.feeds.items()
    true = [row for name, _ in feeds for rows in nights.true_rows[name].values() for row in rows]
    assert any(gone in row.split(",") for row in true)
    domain = nights.raw_dir.name
    cured = make_nights(domain, raw / domain, NightOptions(14, ("ids",), 1, with_map=True))
    assert cured.planted == nights.planted
    written = dict(cured.write(tmp_path / "cured"))
    (told,) = (tmp_path / "cured").glob("*/identities_*.csv")
    assert told.parent == written[str(day)]
    assert told.read_text() == f"id,customer_id,known_from\n{gone},{kept},{day}\n"
    list(nights.write(tmp_path / "not cured"))
    assert not list((tmp_path / "not cured").glob("*/identities_*"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (NightOptions(0), "0 nights and 0 days after them cannot be made"),
        (NightOptions(5, ALL), "5 nights are too few"),
        (NightOptions(14, ("rain",)), "no mishap 'rain'"),
    ],
)
def test_what_cannot_be_made_is_refused(raw, options, words):
    with pytest.raises(ChurnError, match=words):
        make_nights("kkbox", raw / "kkbox", options)


def test_files_that_are_no_demo_are_left_alone(raw_dir):
    with pytest.raises(ChurnError, match="no demo"):
        make_nights("kkbox", raw_dir, NightOptions(3))


def test_the_command_writes_folders_and_says_what_goes_wrong(home, run_churn):
    done = run_churn(home.root, "demo", "--scale", 0.05, "--nights", 8, "--mishap", "gap,currency")
    assert done.returncode == 0, done.stdout + done.stderr
    for domain in DOMAINS:
        folders = sorted(path.name for path in (home.raw / "nights" / domain).iterdir())
        assert len(folders) == 9 and folders[-1] == HISTORY
    assert done.stdout.count("currency (hundredfold)") == 2
    assert not home.lake.exists()
    refused = run_churn(home.root, "demo", "--mishap", "gap")
    assert "--nights N" in refused.stderr


@pytest.mark.parametrize("seed", range(3))
def test_ids_change_on_their_day_or_from_it_on_and_at_no_other_time(made, seed):
    nights = made(14, "ids", seed=seed)
    for kind in MISHAPS["ids"]:
        planted = [one for one in nights.planted if one.kind == kind]
        days = {nights.feeds[p.table].day_of(row) for p in planted for row in p.rows}
        assert min(days) > nights.first
        if kind == "respelled":
            assert len(days) == 1
            continue
        gone = {
            row.split(",")[nights.feeds[p.table].id_at] for p in planted for row in p.instead_of
        }
        after = {
            row.split(",")[one.feed.id_at]
            for one in nights.deliveries
            for row in one.rows
            if one.feed.day_of(row) >= min(days)
        }
        assert gone.isdisjoint(after)
