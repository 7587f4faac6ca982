"""What is published of a domain before and after something befalls it, or the other one."""

import duckdb

from pipeline.publish.generation import SCHEMA, current
from pipeline.publish.kept import SHARED
from pipeline.realtime.bundle import bundle_folder
from pipeline.realtime.engine import Engines
from pipeline.retention.decisions import suppress
from pipeline.retention.plan import can_plan, kept_folder

SHOP, OTHER = "ecommerce", "kkbox"


def ask(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def one_customer(home, domain):
    sql = f"select min(customer_id) from serving.bi_churn_risk where domain = '{domain}'"
    return ask(current(home).path, sql)[0][0]


def suppress_one(home, domain=SHOP):
    customer = one_customer(home, domain)
    suppress(home, domain, [(customer, "asked")])
    return customer


def assert_kept(before, after, domain):
    """Every table has the very rows of the domain that it had."""
    tables = set(before.tables) - set(SHARED)
    assert tables <= set(after.tables)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{before.path}' as old (read_only)")
        connection.execute(f"attach '{after.path}' as new (read_only)")
        for table in sorted(tables):
            # this one says which generation the file is, whose rows may be older
            columns = "domain, rows_of_generation" if table == "bi_publication" else "*"
            old, new = (
                f"select {columns} from {database}.{SCHEMA}.{table} where domain = '{domain}'"
                for database in ("old", "new")
            )
            for one, other in ((old, new), (new, old)):
                only = connection.execute(f"select count(*) from ({one} except all {other})")
                assert only.fetchone() == (0,), table


def assert_answers(home, generation, domain):
    """Real time and plans of a kept domain answer as they did."""
    assert bundle_folder(generation.path, domain).name == domain
    assert can_plan(kept_folder(generation.path.with_suffix(".plan"), domain))
    ((run_id, scored),) = ask(
        generation.path,
        f"select run_id, as_of_date from serving.bi_domains where domain = '{domain}'",
    )
    engine = Engines(home).engine(generation.path, domain, run_id)
    assert engine.knowledge.scored == scored


def assert_suppressed(generation, customer, domain=SHOP):
    assert ask(
        generation.path,
        f"select is_suppressed from serving.crm_churn_actions where domain = '{domain}' "
        f"and customer_id = '{customer}'",
    ) == [(True,)]


def newest_labels(home):
    return max((home.labels / OTHER / "lapse").glob("*.parquet"))


def rewrite(path, select):
    part = path.with_suffix(".part")
    duckdb.sql(f"copy ({select.format(path=path)}) to '{part}' (format parquet)")
    part.replace(path)
