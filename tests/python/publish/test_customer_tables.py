"""The tables a BI analyst starts from: a customer in one row, week by week, part by part."""

import csv
from collections import defaultdict
from datetime import date, timedelta
from math import floor

import duckdb
import pytest

from pipeline.project.domains import domain_entries
from pipeline.publish.generation import current

SEVEN_WEEKS = 7


def ask(home, sql, *values):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(sql, values).fetchall()


def weeks_from_the_files(home, cut_off, customers):
    """Days, hours and payments of each member and week, counted from the raw files by hand."""
    days, hours = defaultdict(set), defaultdict(float)
    payments, amounts = defaultdict(int), defaultdict(int)

    def week(text):
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
        return (cut_off - day - timedelta(days=1)).days // 7 + 1

    for path in sorted((home.raw / "kkbox").glob("user_logs*.csv")):
        for row in csv.DictReader(path.open()):
            if row["msno"] in customers:
                key = row["msno"], week(row["date"])
                days[key].add(row["date"])
                if 0 <= float(row["total_secs"]) <= 86_400:
                    hours[key] += floor(float(row["total_secs"]) + 0.5) / 3600
    for path in sorted((home.raw / "kkbox").glob("transactions*.csv")):
        for row in csv.DictReader(path.open()):
            if row["msno"] in customers and row["is_cancel"] == "0":
                key = row["msno"], week(row["transaction_date"])
                payments[key] += 1
                amounts[key] += int(row["actual_amount_paid"])
    return days, hours, payments, amounts


def test_weeks_hold_what_the_files_say(demo):
    rows = ask(
        demo[0],
        """
        select customer_id, as_of_date, weeks_before, active_days, usage_amount, transactions,
            transaction_amount
        from serving.bi_customer_activity
        where domain = 'kkbox'
            and customer_id in (
                select customer_id from serving.bi_churn_risk where domain = 'kkbox'
                order by md5(customer_id) limit 150
            )
        """,
    )
    customers, (cut_off,) = {row[0] for row in rows}, {row[1] for row in rows}
    days, hours, payments, amounts = weeks_from_the_files(demo[0], cut_off, customers)
    assert len(rows) == 150 * 13
    for customer, _, week, active, usage, count, amount in rows:
        key = customer, week
        assert (active, count, amount) == (len(days[key]), payments[key], amounts[key]), key
        assert usage == pytest.approx(hours[key])
    assert sum(row[3] > 0 for row in rows) > 500
    assert sum(row[5] > 0 for row in rows) > 100


def test_a_week_that_the_logs_do_not_cover_is_not_known(demo):
    """Of both domains: the weeks of a source that begins seven weeks before the cut-off."""
    for kind, source, column in (
        ("subscription", "user_logs", "active_days"),
        ("no_contract", "events.view", "usage_amount"),
    ):
        (path,) = (demo[0].dbt_target / "compiled").rglob(f"{kind}__activity_weeks.sql")
        sql = path.read_text().replace('"warehouse"."control"."control__coverage"', "coverage")
        sql = sql.replace('"warehouse"."control"."control__holes"', "holes")
        with duckdb.connect() as connection:
            connection.execute(f"attach '{demo[0].warehouse}' as warehouse (read_only)")
            connection.execute(
                "create table coverage as select * replace (case when table_name = ? "
                "then as_of_date - ? else covered_from end as covered_from) "
                "from warehouse.control.control__coverage",
                [source, 7 * SEVEN_WEEKS],
            )
            # a day of the third week is missing from the source
            connection.execute(
                "create table holes as select domain, table_name, as_of_date - 15 as day "
                "from coverage join warehouse.control.control__scoring_cut_offs "
                "using (domain, as_of_date) where table_name = ?",
                [source],
            )
            known = connection.execute(
                f"select weeks_before, count({column}), count(transactions), count(*) "
                f"from ({sql}) group by all order by all"
            ).fetchall()
        assert len(known) == 13
        for week, observed, transactions, customers in known:
            is_known = week <= SEVEN_WEEKS and week != 3
            assert observed == (customers if is_known else 0), (kind, week)
            assert transactions == customers


@pytest.mark.parametrize("domain", domain_entries())
def test_the_one_row_says_what_the_other_tables_say(demo, domain):
    differing = ask(
        demo[0],
        """
        select count(*) filter (
            where (c.churn_probability, c.risk_band, c.risk_rank, c.value_at_risk)
                is distinct from (r.churn_probability, r.risk_band, r.risk_rank, r.value_at_risk)
            or (c.decision, c.planned_action, c.expected_profit)
                is distinct from (a.decision, a.planned_action, a.expected_profit)
            or c.segment is distinct from s.segment_value
        ), count(*), (select count(*) from serving.bi_churn_risk where domain = ?)
        from serving.bi_customer_360 as c
        left join serving.bi_churn_risk as r using (domain, customer_id)
        left join serving.bi_churn_actions as a using (domain, customer_id)
        left join serving.bi_customer_segments as s
            on s.domain = c.domain and s.customer_id = c.customer_id and s.segment = 'ladder'
        where c.domain = ?
        """,
        domain,
        domain,
    )
    ((different, rows, scored),) = differing
    assert different == 0
    assert rows == scored > 0


@pytest.mark.parametrize("domain", domain_entries())
def test_parts_add_up_to_the_cohort(demo, domain):
    parts = ask(
        demo[0],
        """
        select p.segment_value, count(*)
        from serving.bi_customer_segments as p
        where p.domain = ? and p.segment = 'ladder'
        group by all order by all
        """,
        domain,
    )
    cohort = ask(
        demo[0],
        """
        select c.segment, c.customers
        from serving.bi_churn_cohorts as c
        inner join serving.bi_domains as d using (domain, as_of_date, label_definition)
        where c.domain = ? order by all
        """,
        domain,
    )
    assert parts == cohort


def test_a_customer_is_beside_the_score_of_the_cut_off_before(demo):
    """An earlier score of the newest of two published cut-offs, whichever run made it last."""
    (path,) = (demo[0].dbt_target / "compiled").rglob("int_churn__previous_scores_picked.sql")
    scores = '"warehouse"."churn"."fct_churn_scores"'
    published = '"warehouse"."churn"."int_churn__published_scorings_selected"'
    with duckdb.connect() as connection:
        connection.execute(f"attach '{demo[0].warehouse}' as warehouse (read_only)")
        connection.execute(f"create table scores as from {scores} where is_live")
        (customer,) = connection.execute(
            "select min(customer_id) from scores where domain = 'kkbox'"
        ).fetchone()
        for days, band, probability, hours in (
            (60, "critical", 0.9, 0),
            (31, "medium", 0.2, 1),
            (31, "high", 0.3, 2),
            (-30, "low", 0.0, 3),
            (7, "low", 0.1, 4),
        ):
            connection.execute(
                """
                insert into scores
                select * replace (
                    false as is_live,
                    as_of_date - cast(? as integer) as as_of_date,
                    ? as risk_band,
                    ? as churn_probability,
                    scored_at + to_hours(?) as scored_at
                )
                from scores where is_live and domain = 'kkbox' and customer_id = ?
                """,
                [days, band, probability, hours, customer],
            )
        # a week before, it was scored for study
        connection.execute(
            "create table published as select distinct run_id, as_of_date from scores "
            "where risk_band <> 'low' or is_live"
        )
        sql = path.read_text().replace(scores, "scores").replace(published, "published")
        found = connection.execute(
            "select live.as_of_date - previous.as_of_date, previous.churn_probability, "
            f"previous.risk_band, count(*) over () from ({sql}) as previous "
            "inner join scores as live using (customer_id) where live.is_live and customer_id = ?",
            [customer],
        ).fetchall()
        (others,) = connection.execute(
            f"select count(*) from ({sql}) where customer_id <> ?", [customer]
        ).fetchone()
    assert found == [(31, 0.3, "high", 1)]
    assert others == 0


@pytest.mark.parametrize("domain", domain_entries())
def test_the_features_behind_the_scores_are_the_marts(demo, domain):
    table = f"bi_{domain}_customers"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{current(demo[0]).path}' as generation (read_only)")
        connection.execute(f"attach '{demo[0].warehouse}' as warehouse (read_only)")
        ((published,), (scored,), (missing,)) = (
            connection.execute(sql).fetchone()
            for sql in (
                f"select count(*) from generation.serving.{table}",
                f"select count(*) from generation.serving.bi_churn_risk where domain = '{domain}'",
                f"select count(*) from (from generation.serving.{table} "
                f"except from warehouse.{domain}.{domain}__churn_examples)",
            )
        )
    assert published == scored > 0
    assert missing == 0


def test_a_sum_of_profit_to_contact_has_nobody_who_is_not_contacted(demo):
    for table in ("bi_customer_360", "bi_churn_actions", "crm_churn_actions"):
        for domain, earned, planned in ask(
            demo[0],
            f"""
            select domain, sum(profit_to_contact), (
                select sum(expected_profit) from serving.bi_retention_plan as plan
                where plan.domain = counted.domain and decision = 'treat'
            )
            from serving.{table} as counted group by domain
            """,
        ):
            assert earned == pytest.approx(planned, abs=0.01), (table, domain)
    ((everybody, to_contact),) = ask(
        demo[0],
        "select sum(expected_profit), sum(profit_to_contact) from serving.bi_customer_360",
    )
    assert everybody > to_contact > 0, "the control group is planned for, too"


def test_the_next_order_follows_from_the_customers_own_rhythm(demo):
    rows = ask(
        demo[0],
        """
        select customers.days_between_orders, customers.expected_next_order_on,
            customers.as_of_date, rhythm__gaps, rhythm__mean_gap_days, orders__days_since_last
        from serving.bi_customer_360 as customers
        inner join serving.bi_ecommerce_customers using (domain, customer_id)
        """,
    )
    known = 0
    for between, expected, as_of, gaps, mean_gap, since_last in rows:
        if gaps is None or gaps < 2:
            assert between is expected is None, "one gap is no rhythm"
            continue
        known += 1
        assert between == mean_gap
        last = as_of - timedelta(days=since_last)
        assert abs((expected - last).days - mean_gap) <= 0.5
    assert 0 < known < len(rows)
    assert ask(
        demo[0],
        "select count(*) from serving.bi_customer_360 where domain = 'kkbox' and "
        "coalesce(days_between_orders, predicted_value, predicted_value_days) is not null",
    ) == [(0,)]


def test_predicted_value_is_what_closed_cohorts_paid_by_how_likely_each_outcome_is(demo):
    rows = ask(
        demo[0],
        """
        select predicted_value, predicted_value_days, customer_value, churn_probability,
            leaving_cost
        from serving.bi_customer_360 where domain = 'ecommerce' and customer_value > 0
        """,
    )
    shares = ask(
        demo[0],
        "select stayed_share, left_share, horizon_days from serving.bi_leaving_cost "
        "where domain = 'ecommerce' and is_scored",
    )
    assert len(rows) > 100
    for predicted, days, value, risk, cost in rows:
        fits = [
            horizon
            for stayed, left, horizon in shares
            if predicted == pytest.approx(value * ((1 - risk) * stayed + risk * left), rel=1e-9)
            and cost == pytest.approx(value * max(stayed - left, 0), rel=1e-5)
        ]
        assert days in fits
        assert predicted < value


def test_a_summary_is_the_strongest_sign_on_either_side(demo):
    rows = ask(
        demo[0],
        """
        select customers.domain, customers.summary,
            min_by(sentence, rank) filter (where direction = 'raises'),
            min_by(sentence, rank) filter (where direction = 'lowers')
        from serving.bi_customer_360 as customers
        left join serving.bi_churn_reasons as reasons
            on customers.domain = reasons.domain and customers.customer_id = reasons.customer_id
            and not is_typical and driver_group != 'other'
        group by all
        """,
    )
    assert {domain for domain, *_ in rows} == {"kkbox", "ecommerce"}
    for _, summary, raises, lowers in rows:
        leaving = (
            f"The main sign of leaving: {raises}." if raises else "No unusual sign of leaving."
        )
        staying = (
            f"The main sign of staying: {lowers}." if lowers else "No unusual sign of staying."
        )
        assert summary == f"{leaving} {staying}"
        assert ".." not in summary and ". ." not in summary and "{" not in summary
    assert any(raises is None for _, _, raises, _ in rows)


def test_value_at_risk_by_band_over_time_is_one_query(demo):
    found = ask(
        demo[0],
        """
        select domain, as_of_date, risk_band, sum(value_at_risk), count(*)
        from serving.bi_customer_history group by all order by all
        """,
    )
    assert found == [
        (*row[:3], pytest.approx(row[3]), row[4])
        for row in ask(
            demo[0],
            """
            select domain, as_of_date, risk_band, sum(value_at_risk), count(*)
            from serving.bi_customer_360 group by all order by all
            """,
        )
    ]
    kept = demo[0].history / "*" / "*.parquet"
    assert duckdb.sql(
        f"select count(*) from '{kept}' where arm = 'control' and value_at_risk is not null"
    ).fetchall() == ask(
        demo[0],
        "select count(*) from serving.bi_customer_360 "
        "where arm = 'control' and value_at_risk is not null",
    )
