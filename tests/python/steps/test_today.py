"""A domain's day is read once it is over where its days are counted."""

from datetime import UTC, datetime

import duckdb
import pytest

from pipeline.project import clock
from pipeline.project.home import Home
from pipeline.project.sources import source_tables
from pipeline.warehouse.fingerprint import done


@pytest.fixture
def two_days(tmp_path, run_churn):
    """A shop's purchases of some weeks, ingested."""
    raw = tmp_path / "raw"
    raw.mkdir()
    table = next(t for t in source_tables("ecommerce") if t.name == "events")
    names = [column.name for column in table.columns if not column.date_of]
    rows = [",".join(names)]
    for day in range(1, 29):
        values = {
            "event_time": f"2023-03-{day:02} 10:00:00 UTC",
            "event_type": "purchase",
            "product_id": "1",
            "price": "2.50",
            "user_id": f"{day % 5}",
            "user_session": f"s{day}",
        }
        rows.append(",".join(values.get(name, "") for name in names))
    (raw / "events.csv").write_text("\n".join(rows) + "\n")
    home = Home(tmp_path / "home")
    finished = run_churn(home.root, "ingest", "--domain", "ecommerce", "--raw", raw)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return home


def last_day(home):
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return str(
            connection.execute(
                "select max(day) from control.control__event_days where domain = 'ecommerce'"
            ).fetchone()[0]
        )


@pytest.mark.slow
def test_a_day_that_is_over_is_read_on_the_next_call(two_days, run_churn, monkeypatch):
    for today, reaches in (
        ("2023-03-20", "2023-03-19"),
        ("2023-03-21", "2023-03-20"),
        ("2023-04-05", "2023-03-28"),
    ):
        monkeypatch.setenv("CHURN_TODAY", today)
        finished = run_churn(two_days.root, "build", "--domain", "ecommerce")
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert last_day(two_days) == reaches
    # all rows lie in the past: a later day builds nothing
    before = done(two_days.warehouse, "build")
    monkeypatch.setenv("CHURN_TODAY", "2023-04-06")
    finished = run_churn(two_days.root, "build", "--domain", "ecommerce")
    assert "up to date" in finished.stdout
    assert done(two_days.warehouse, "build") == before


def test_today_is_that_of_the_place(monkeypatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2023, 3, 20, 20, 0, tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr(clock, "datetime", Clock)
    monkeypatch.delenv("CHURN_TODAY", raising=False)
    assert str(clock.today("Asia/Taipei")) == "2023-03-21"
    assert str(clock.today("UTC")) == "2023-03-20"
    monkeypatch.setenv("CHURN_TODAY", "2020-02-29")
    assert str(clock.today("Asia/Taipei")) == "2020-02-29"
