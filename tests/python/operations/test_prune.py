"""The rule of an entry lets go of old scores, runs, replaced labels and history, and no more."""

import json
import shutil
from datetime import date, datetime, timedelta

import duckdb
import pytest
import sqlalchemy as sa
from made_recipe import VERSION_1
from published_rows import ASIDE

from ml.decision import Decision
from pipeline.campaigns.tables import CAMPAIGNS
from pipeline.labels.freeze import FrozenCohort
from pipeline.labels.registry import check_files, entries
from pipeline.operations.doctor import examine
from pipeline.operations.prune import find_prunable, prune
from pipeline.operations.verify import verify
from pipeline.project.domain_settings import KeepRule
from pipeline.project.domains import domain_entries
from pipeline.project.duck import rows_of
from pipeline.project.state import open_state
from pipeline.project.stores import stores
from pipeline.project.sums import write_sums
from pipeline.publish.generation import current
from pipeline.runs.registry import CurrentScores, choose_scores, record

SHOP = "ecommerce"
DEFINITION = VERSION_1["label_definition"]
NEWEST = date(2020, 6, 10)


def settings(**keep):
    """The shop's entry, whose grid is the first of a month."""
    rule = KeepRule(**({"nights_days": 92} | keep))
    return {SHOP: domain_entries()[SHOP].resolved().model_copy(update={"keep": rule})}


@pytest.fixture
def lived(home):
    """A home that has published `NEWEST` by the run `live`; fill it with the functions below."""
    made_run(home, "live", known_on="2020-05-01")
    rule = dict.fromkeys(("words", "rule"), "first")
    nothing = {
        key: None
        for key in Decision.__dataclass_fields__
        if key not in (*rule, "run_id", "challenger_run_id")
    }
    record(home, SHOP, Decision(run_id="live", challenger_run_id="live", **rule, **nothing))
    choose_scores(home, SHOP, CurrentScores("live", str(NEWEST)))
    scored(home, "live", NEWEST)
    return home


def made_run(home, run, known_on):
    folder = home.models / SHOP / run
    folder.mkdir(parents=True)
    recipe = VERSION_1 | {"run_id": run, "outcomes_known_on": known_on}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    write_sums(folder)


def scored(home, run, *days):
    for day in days:
        folder = home.models / SHOP / run / "scores" / str(day)
        folder.mkdir(parents=True)
        (folder / "scores.parquet").write_bytes(b"scores")
        write_sums(folder)


def frozen(home, day, version=1, frozen_at="2020-06-01T00:00:00+00:00", **more):
    folder = home.labels / SHOP / DEFINITION
    folder.mkdir(parents=True, exist_ok=True)
    entry = FrozenCohort(
        domain=SHOP,
        label_definition=DEFINITION,
        as_of_date=str(day),
        rule_version=1,
        label_version=version,
        rows=0,
        churners=0,
        checksum="0",
        raw_files=[],
        missing_raw_files=[],
        frozen_at=frozen_at,
        **more,
    )
    (folder / f"{day}.v{version}.json").write_text(entry.model_dump_json(exclude_none=True))
    ending = ".withdrawn" if entry.withdrawn_at else ""
    labels = folder / f"{day}.v{version}.parquet{ending}"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select 1 as customer_id where false) to '{labels}' (format parquet)"
        )
    write_sums(folder)


def pruned(home, **keep):
    """What goes, as paths; it is deleted, and what is left is whole."""
    found = find_prunable(home, settings(**keep))
    prune(home, found)
    assert find_prunable(home, settings(**keep)) == []
    assert [one.folder for one in stores(home, SHOP) if one.damages()] == []
    return [str(one.path.relative_to(home.root)) for one in found]


def scores_of(*days, run="live"):
    return [f"models/{SHOP}/{run}/scores/{day}" for day in days]


def test_a_night_goes_once_it_is_old_and_its_outcomes_are_frozen(lived):
    old, open_one, young = date(2020, 3, 5), date(2020, 3, 6), NEWEST - timedelta(days=92)
    scored(lived, "live", old, open_one, young)
    frozen(lived, old)
    frozen(lived, young)
    assert pruned(lived) == scores_of(old)
    assert not (lived.models / SHOP / "live/scores" / str(old)).exists()
    # the labels stay in use
    assert [entry.pruned_at for entry in entries(lived, SHOP)] == [None, None]
    frozen(lived, open_one)
    assert pruned(lived) == scores_of(open_one)


def test_a_cut_off_of_the_grid_stays_longer(lived):
    on_grid, off_grid, long_ago = date(2019, 3, 1), date(2019, 3, 2), date(2017, 6, 1)
    scored(lived, "live", on_grid, off_grid, long_ago)
    frozen(lived, on_grid)
    frozen(lived, off_grid)
    # of the longest ago nobody waits for outcomes any more
    assert pruned(lived) == scores_of(long_ago, off_grid)
    assert pruned(lived, cut_offs_days=366) == scores_of(on_grid)


def test_what_is_published_stays_however_old(lived):
    studied = date(2020, 2, 11)
    scored(lived, "live", studied, date(2019, 7, 2))
    frozen(lived, studied)
    frozen(lived, date(2019, 7, 2))
    choose_scores(lived, SHOP, CurrentScores("live", str(studied), "a study"))
    # days are counted from what is published, so later ones are not old
    assert pruned(lived) == scores_of("2019-07-02")


def test_a_run_goes_with_its_last_scores_unless_it_is_live_or_was_judged_last(lived):
    for run in ("old", "kept", "young", "held"):
        made_run(lived, run, known_on="2020-05-01" if run == "young" else "2019-01-01")
    scored(lived, "old", date(2019, 1, 7))
    frozen(lived, date(2019, 1, 7))
    scored(lived, "kept", date(2019, 2, 1))
    held = Decision(
        **{
            key: None
            for key in Decision.__dataclass_fields__
            if key not in ("run_id", "challenger_run_id", "rule", "words")
        },
        run_id="live",
        challenger_run_id="held",
        rule="held_back",
        words="",
    )
    record(lived, SHOP, held)
    # the bytes of its scores are counted once
    going = find_prunable(lived, settings())
    folder = lived.models / SHOP / "old"
    assert sum(one.bytes for one in going) == sum(
        path.stat().st_size for path in folder.rglob("*") if path.is_file()
    )
    assert pruned(lived) == [*scores_of(date(2019, 1, 7), run="old"), f"models/{SHOP}/old"]
    left = {path.name for path in (lived.models / SHOP).glob("*/")}
    assert left == {"live", "kept", "young", "held"}


def test_replaced_and_withdrawn_labels_go_and_their_entries_say_so(lived):
    day, later = date(2019, 1, 1), date(2019, 2, 1)
    frozen(lived, day, 1, "2019-02-01T00:00:00+00:00")
    frozen(lived, day, 2, "2019-04-01T00:00:00+00:00")
    frozen(lived, day, 3, "2020-05-01T00:00:00+00:00")
    frozen(lived, later, 1, withdrawn_at="2019-05-01T00:00:00+00:00")
    folder = f"labels/{SHOP}/{DEFINITION}"
    # the second version was in use until May 2020
    assert pruned(lived) == [f"{folder}/{day}.v1.parquet", f"{folder}/{later}.v1.parquet.withdrawn"]
    found = {(e.as_of_date, e.label_version): bool(e.pruned_at) for e in entries(lived, SHOP)}
    assert found == {(str(day), 1): True, (str(day), 2): False, (str(day), 3): False} | {
        (str(later), 1): True
    }
    # a pruned version is not a lost one, and any other is
    check_files(lived, SHOP)
    (lived.root / folder / f"{day}.v2.parquet").unlink()
    with pytest.raises(Exception, match="lost"):
        check_files(lived, SHOP)


def test_history_goes_with_the_cut_offs_of_the_grid(lived):
    folder = lived.history / SHOP
    folder.mkdir(parents=True)
    for day in ("2017-06-08", "2017-06-10", "2020-01-02"):
        (folder / f"{day}.parquet").write_bytes(b"published")
    write_sums(folder)
    assert pruned(lived) == [f"history/{SHOP}/2017-06-08.parquet"]


def test_the_day_of_an_early_sign_stays(lived):
    """It is the first that was published; a study of an earlier day is none."""
    study, early, other = date(2020, 2, 3), date(2020, 2, 4), date(2020, 2, 5)
    for day in (study, early, other):
        scored(lived, "live", day)
        frozen(lived, day)
    lived.history.joinpath(SHOP).mkdir(parents=True)
    for day in (early, other):
        (lived.history / SHOP / f"{day}.parquet").write_bytes(b"published")
    columns = {column.name for column in CAMPAIGNS.c if not column.nullable}
    row = dict.fromkeys(columns, 0) | {
        "campaign_id": "one",
        "domain": SHOP,
        "name": "one",
        "launched_at": datetime(2020, 1, 4, 12),
        "made_at": datetime(2020, 1, 4),
    }
    engine = open_state(lived)
    with engine.begin() as connection:
        connection.execute(sa.insert(CAMPAIGNS).values(row))
    engine.dispose()
    assert pruned(lived) == scores_of(other)


def test_nothing_goes_before_anything_is_published(home):
    made_run(home, "old", known_on="2010-01-01")
    assert pruned(home) == []


def test_the_command_shows_before_it_deletes(lived, run_churn):
    day = date(2019, 9, 2)
    scored(lived, "live", day)
    frozen(lived, day)
    there = lived.models / SHOP / "live/scores" / str(day)
    shown = run_churn(lived.root, "prune", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "1 in all" in shown.stdout and "nothing was" in shown.stdout
    assert there.exists()
    (asked,) = [one for one in examine(lived, [SHOP]) if one.what == "old nights"]
    assert asked.words.startswith("1 item is older") and "churn prune" in asked.hint
    done = run_churn(lived.root, "prune", "--domain", SHOP)
    assert done.returncode == 0, done.stderr
    assert "deleted." in done.stdout
    assert not there.exists()
    assert "Nothing is older" in run_churn(lived.root, "prune").stdout


@pytest.mark.long
def test_with_a_night_go_its_own_rows_and_nothing_else_changes(demo_copy, run_churn, tmp_path):
    """A past day is scored for study, its outcomes are frozen, and then it is let go of."""
    day = "2020-03-11"
    for options in (("--as-of", day), ()):
        done = run_churn(demo_copy.root, "run", "--domain", SHOP, *options)
        assert done.returncode in (0, 3), done.stdout + done.stderr
    assert day in cut_offs(demo_copy)
    before = shutil.copy(current(demo_copy).path, tmp_path / "before.duckdb")
    found = find_prunable(demo_copy, settings(nights_days=31))
    assert {str(one.day) for one in found} == {day}
    prune(demo_copy, found)
    demo_copy.warehouse.unlink()
    done = run_churn(demo_copy.root, "run")
    assert done.returncode in (0, 3), done.stdout + done.stderr
    assert day not in cut_offs(demo_copy)
    assert [one.store for one in verify(demo_copy) if one.damages] == []
    differs = {
        table: rows
        for table in current(demo_copy).tables
        if (rows := apart(before, current(demo_copy).path, table)) != ([], [])
    }
    assert set(differs) == {
        "bi_churn_cohorts",
        "bi_churn_history",
        "bi_leaving_cost",
        "bi_realised_quality",
    }
    for gone, come in differs.values():
        assert come == []
        assert {str(row["as_of_date"]) for row in gone} == {day}


def apart(before, after, table):
    """Rows that one generation alone has, and those that the other alone has."""
    with duckdb.connect() as connection:
        for name, path in (("before", before), ("after", after)):
            connection.execute(f"attach '{path}' as {name} (read_only)")
        columns = ", ".join(
            f'"{name}"'
            for name, *_ in connection.execute(f"describe after.serving.{table}").fetchall()
            if name not in ASIDE
        )
        return tuple(
            rows_of(
                connection.execute(
                    f"select {columns} from {one}.serving.{table} "
                    f"except all select {columns} from {other}.serving.{table}"
                )
            )
            for one, other in (("before", "after"), ("after", "before"))
        )


def cut_offs(home):
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select cast(as_of_date as varchar) from control.control__cut_offs where domain = ?",
            [SHOP],
        ).fetchall()
    return {row[0] for row in rows}
