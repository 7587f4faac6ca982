"""Prices of another size or currency are refused before they are in the lake; others never are."""

import gzip
import random
import shutil
from datetime import date, timedelta

import duckdb
import pytest

from pipeline.ingest import ingest
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

HEADER = "event_time,event_type,product_id,price,user_id,currency"
PRODUCTS = [round(1.7**n, 2) for n in range(1, 13)]


@pytest.fixture
def take(raw_dir, home, console):
    """Ingest the raw directory of a shop."""
    return lambda: ingest("ecommerce", raw_dir, home, console=console)


def write(folder, month, rows=300, times=1.0, currency="", day=None, product=True):
    """A month of purchases; prices of one day, or of all, are multiplied."""
    chance = random.Random(month)
    lines = []
    for number in range(rows):
        on = date(2020, month, 1) + timedelta(days=number % 10)
        which = chance.randrange(len(PRODUCTS))
        factor = times if day is None or on.day == day else 1.0
        price = PRODUCTS[which] * chance.uniform(0.7, 1.3) * factor
        lines.append(
            f"{on} 10:00:{number % 60:02} UTC,purchase,{f'p{which}' if product else ''},"
            f"{price:.2f},u{number},{currency}"
        )
    (folder / f"{month}.csv").write_text("\n".join([HEADER, *lines]) + "\n")


@pytest.mark.parametrize("times", [100, 0.01, 1300, 25])
@pytest.mark.parametrize("product", [True, False])
def test_a_file_of_another_size_is_refused_with_figures(times, product, raw_dir, home, take):
    write(raw_dir, 1, product=product)
    take()
    write(raw_dir, 2, times=times, product=product)
    if not product and times == 25:
        take()  # without products, a step of 25 may be another assortment
        return
    with pytest.raises(ChurnError) as refused:
        take()
    assert refused.value.what.startswith("Prices are ")
    assert refused.value.where.startswith("2.csv: typically ")
    assert "300 rows" in refused.value.where
    assert "amounts.largest_step (20)" in refused.value.hint
    assert len(list(home.lake.glob("ecommerce/events/*/"))) == 1


def test_a_file_of_another_size_is_refused_when_all_come_at_once(raw_dir, take):
    for month in range(1, 6):
        write(raw_dir, month, times=100 if month == 4 else 1)
    with pytest.raises(ChurnError, match=r"Prices are (9|1)\d+ times the usual") as refused:
        take()
    assert refused.value.where.startswith("4.csv: ")


@pytest.mark.parametrize("product", [True, False])
def test_a_day_of_another_size_is_refused(product, raw_dir, take):
    write(raw_dir, 1, rows=2_000, times=100, day=7, product=product)
    with pytest.raises(ChurnError, match="the usual") as refused:
        take()
    assert refused.value.where.startswith("1.csv, 2020-01-07: ")


@pytest.mark.parametrize("times", [0.1, 0.5, 2, 10])
def test_prices_may_move(times, raw_dir, take):
    write(raw_dir, 1)
    write(raw_dir, 2, times=times)
    assert [file.status for file in take().files] == ["ingested"] * 2


@pytest.mark.parametrize("times", [1000, 0.001])
@pytest.mark.parametrize("product", [True, False])
def test_the_day_of_a_small_shop_is_refused(times, product, raw_dir, take):
    write(raw_dir, 1, product=product)
    write(raw_dir, 2, rows=12, times=times, product=product)
    with pytest.raises(ChurnError, match="the usual") as refused:
        take()
    assert "2.csv: typically " in refused.value.where


@pytest.mark.parametrize("times", [100, 0.01])
def test_a_day_of_a_daily_feed_is_compared_with_many(times, raw_dir, take):
    """Of fifteen orders a day five files are too few to know what is usual."""
    write(raw_dir, 1, rows=200)
    lines = (raw_dir / "1.csv").read_text().splitlines()[1:]
    (raw_dir / "1.csv").unlink()
    for number in range(13):
        of_day = [
            line.replace(line[:10], f"2020-01-{number + 1:02}")
            for line in lines[number * 15 : number * 15 + 15]
        ]
        (raw_dir / f"2020-01-{number + 1:02}.csv").write_text("\n".join([HEADER, *of_day]) + "\n")
        assert [file.status for file in take().files][-1] == "ingested"
    write(raw_dir, 2, rows=15, times=times)
    with pytest.raises(ChurnError, match="the usual") as refused:
        take()
    assert refused.value.where.startswith("2.csv: typically ")


def test_a_plan_of_one_price_is_enough_to_notice(raw_dir, console, tmp_path):
    """A subscription sells one or two plans, so few things are known."""
    header = (
        "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,"
        "is_auto_renew,transaction_date,membership_expire_date,is_cancel"
    )
    for day, price in ((1, 149), (2, 14900)):
        rows = [
            f"m{n},41,30,{price},{price},1,2017030{day},2017040{day},0"
            for n in range(200 if day == 1 else 26)
        ]
        (raw_dir / f"transactions_2017-03-0{day}.csv").write_text("\n".join([header, *rows]) + "\n")
    with pytest.raises(ChurnError, match="Prices are 100 times the usual"):
        ingest("kkbox", raw_dir, Home(tmp_path / "home"), console=console)


def test_a_few_rows_say_nothing(raw_dir, take):
    write(raw_dir, 1)
    write(raw_dir, 2, rows=9, times=100)
    assert len(take().files) == 2


# currency


def test_a_file_of_two_currencies_is_refused(raw_dir, home, take):
    write(raw_dir, 1, currency="EUR")
    text = (raw_dir / "1.csv").read_text()
    (raw_dir / "1.csv").write_text(text.replace("EUR", "USD", 2))
    with pytest.raises(ChurnError) as refused:
        take()
    assert refused.value.what == "The file has several currencies."
    assert refused.value.where == "1.csv: EUR (298 rows), USD (2 rows)"
    assert not home.lake.exists()


def test_a_file_in_another_currency_than_the_others_is_refused(raw_dir, take):
    write(raw_dir, 1, currency="eur")
    write(raw_dir, 2, currency="EUR ")
    write(raw_dir, 3)
    take()
    write(raw_dir, 4, currency="CHF")
    with pytest.raises(ChurnError) as refused:
        take()
    assert refused.value.what == "The file is in CHF, the domain in EUR."


@pytest.mark.parametrize(("stated", "is_refused"), [("USD", True), ("EUR", False), ("$", False)])
def test_a_currency_is_that_of_the_entry_where_it_is_a_code(
    stated, is_refused, raw_dir, take, monkeypatch
):
    from pipeline.project.domains import domain_entries

    entry = domain_entries()["ecommerce"].model_copy(update={"currency": stated})
    monkeypatch.setattr("pipeline.ingest.run.domain_entries", lambda: {"ecommerce": entry})
    write(raw_dir, 1, currency="EUR")
    if not is_refused:
        take()
        return
    with pytest.raises(ChurnError, match="The file is in EUR, the domain in USD"):
        take()


# no false alarm on real prices


def test_real_prices_raise_no_alarm(shared_data, tmp_path, console):
    for name, folder in (("cdnow_as_ecommerce", "cdnow"), ("rees46_head", "rees46")):
        raw = tmp_path / folder
        raw.mkdir()
        for path in (shared_data / name).glob("*.csv.gz"):
            shutil.copy(path, raw)
        ingest("ecommerce", raw, Home(tmp_path / f"{folder}_home"), console=console)
    raw = tmp_path / "kkbox"
    raw.mkdir()
    shutil.copy(shared_data / "kkbox_sample" / "transactions_v2.csv", raw)
    with gzip.open(shared_data / "kkbox_transactions_head" / "transactions.csv.gz") as packed:
        (raw / "transactions.csv").write_bytes(packed.read())
    ingest("kkbox", raw, Home(tmp_path / "kkbox_home"), console=console)


def test_daily_files_of_real_orders_raise_no_alarm(shared_data, tmp_path, console):
    raw = tmp_path / "days"
    raw.mkdir()
    source = shared_data / "cdnow_as_ecommerce" / "events.csv.gz"
    duckdb.sql(f"create table events as select * from read_csv('{source}', all_varchar = true)")
    days = duckdb.sql("select distinct left(event_time, 10) from events order by 1").fetchall()
    assert len(days) > 500
    for (day,) in days[::20]:
        rows = f"select * from events where left(event_time, 10) = '{day}'"
        duckdb.sql(f"copy ({rows}) to '{raw}/{day}.csv' (format csv, header true)")
    summary = ingest("ecommerce", raw, Home(tmp_path / "home"), console=console)
    assert len(summary.files) == len(days[::20])
