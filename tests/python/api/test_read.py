"""What the API says is what is published."""

import base64
import json
from urllib.parse import quote

import pytest
from api_client import problem_of

from app.api.published.row_models import serving_tables
from benchmarks.api import publish_next


def domains(api):
    """The domains with scores."""
    sql = "select domain from serving.bi_domains where run_id is not null order by 1"
    return [row["domain"] for row in api.rows(sql)]


def as_json(value):
    """A published value as JSON has it."""
    if hasattr(value, "hour"):
        return value.isoformat(timespec="microseconds").removesuffix(".000000") + "Z"
    return value.isoformat() if hasattr(value, "isoformat") else value


def same(item, row):
    """Whether an item says what a row says, column by column."""
    for column, value in item.items():
        expected = as_json(row[column])
        if isinstance(value, str) and value.endswith("Z"):
            assert value.removesuffix("Z").rstrip("0").rstrip(".") == expected.removesuffix(
                "Z"
            ).rstrip("0").rstrip(".")
        else:
            assert value == expected, column
    return True


def test_every_domain_is_listed_with_what_counts_as_churn(api):
    answer = api.get("/v1/domains").json()
    rows = api.rows("select * from serving.bi_domains order by domain")
    assert len(answer["items"]) == len(rows) >= 2
    assert all(same(item, row) for item, row in zip(answer["items"], rows, strict=True))
    assert answer["model_version"] == {row["domain"]: row["run_id"] for row in rows}
    assert answer["as_of_date"] == {row["domain"]: as_json(row["as_of_date"]) for row in rows}
    assert {name for name, run in answer["model_version"].items() if run} == set(domains(api))


def test_every_trained_model_is_listed(api):
    rows = api.rows("select * from serving.bi_models")
    items = api.items("/v1/models")
    assert {item["run_id"] for item in items} == {row["run_id"] for row in rows}
    one = domains(api)[0]
    assert {item["domain"] for item in api.items(f"/v1/models?domain={one}")} == {one}


def test_a_customer_is_told_whole(api):
    for domain in domains(api):
        some = api.rows(
            "select * from serving.bi_churn_risk where domain = ? order by md5(customer_id) "
            "limit 20",
            domain,
        )
        for risk in some:
            answer = api.customer(domain, risk["customer_id"]).json()
            key = (domain, risk["customer_id"])
            assert answer["is_scored"]
            assert answer["not_scored"] is None
            assert same(answer["risk"], risk)
            (action,) = api.rows(
                "select * from serving.bi_churn_actions where domain = ? and customer_id = ?", *key
            )
            assert same(answer["recommendation"], action)
            for part, table, order in (
                ("reasons", "bi_churn_reasons", "rank"),
                ("history", "bi_churn_history", "as_of_date desc, scored_at desc, run_id"),
            ):
                rows = api.rows(
                    f"select * from serving.{table} where domain = ? and customer_id = ? "
                    f"order by {order}",
                    *key,
                )
                assert len(answer[part]) == len(rows) > 0
                assert all(same(i, r) for i, r in zip(answer[part], rows, strict=True))


def test_whoever_gets_no_action_gets_the_reason(api):
    (left,) = api.rows(
        "select * from serving.bi_churn_actions where decision = 'leave' order by all limit 1"
    )
    answer = api.customer(left["domain"], left["customer_id"]).json()["recommendation"]
    assert answer["planned_action"] is None
    assert answer["reason_words"] == left["reason_words"] is not None


@pytest.mark.parametrize("character", ["/", "+"])
def test_ids_with_slash_and_plus_work_plain_and_encoded(api, character):
    (row,) = api.rows(
        "select domain, customer_id from serving.bi_churn_risk "
        "order by not contains(customer_id, ?), domain, customer_id limit 1",
        character,
    )
    # the ids of a shop are numbers
    assert character in row["customer_id"] or domains(api) == ["ecommerce"]
    for path in (row["customer_id"], quote(row["customer_id"]), quote(row["customer_id"], safe="")):
        answer = api.get(f"/v1/{row['domain']}/customers/{path}")
        assert answer.json()["customer_id"] == row["customer_id"]


def test_a_customer_who_is_not_scored_any_more_keeps_the_history(world, start_api):
    import duckdb

    from benchmarks.api import publish_next

    with duckdb.connect(str(world.warehouse)) as connection:
        (gone,) = connection.execute(
            "select min(customer_id) from serving.bi_churn_risk"
        ).fetchone()
        for table in ("risk", "actions", "reasons"):
            connection.execute(
                f"delete from serving.bi_churn_{table} where customer_id = ?", [gone]
            )
    publish_next(world, 1)
    answer = start_api(world, "read").customer("bench", gone).json()
    assert not answer["is_scored"]
    assert answer["risk"] is answer["recommendation"] is None
    assert answer["reasons"] == []
    assert len(answer["history"]) == 1


def test_filters_choose_what_they_say(api):
    for domain in domains(api):
        for query, condition in (
            ("band=high&band=critical", "risk_band in ('high', 'critical')"),
            ("min_probability=0.2&max_probability=0.6", "churn_probability between 0.2 and 0.6"),
            ("min_value_at_risk=50", "value_at_risk >= 50"),
            ("max_value_at_risk=20", "value_at_risk <= 20"),
            (
                "at_risk=true",
                "risk_band in ('high', 'critical') and not coalesce(already_cancelled, false)",
            ),
            (
                "due_from=2017-04-05&due_to=2017-04-10",
                "due_on between date '2017-04-05' and date '2017-04-10'",
            ),
            (
                "decision=treat",
                "customer_id in (select customer_id from serving.bi_churn_actions "
                "where decision = 'treat' and domain = risk.domain)",
            ),
            ("max_customer_value=600&min_customer_value=100", "customer_value between 100 and 600"),
            *(
                (
                    query,
                    f"customer_id in (from serving.bi_churn_actions select customer_id where "
                    f"domain = risk.domain and {condition})",
                )
                for query, condition in (
                    ("channel=email", "channel = 'email'"),
                    ("min_expected_profit=3", "expected_profit >= 3"),
                    ("do_not_contact=false", "not is_suppressed"),
                    ("control_group=true", "is_held_out"),
                )
            ),
        ):
            expected = api.rows(
                "select customer_id from serving.bi_churn_risk as risk "
                f"where domain = ? and {condition} order by risk_rank",
                domain,
            )
            found = api.items(f"/v1/{domain}/customers?limit=500&{query}")
            assert [item["customer_id"] for item in found] == [r["customer_id"] for r in expected]


def test_theme_and_action_choose_by_drivers_and_plan(api):
    for domain in domains(api):
        (theme,) = api.rows(
            "select theme from serving.bi_churn_drivers where domain = ? and direction = 'raises' "
            "and theme <> 'other' group by theme order by count(*) limit 1",
            domain,
        )
        (action,) = api.rows(
            "select planned_action as name from serving.bi_churn_actions where domain = ? "
            "and planned_action is not null group by all order by count(*) limit 1",
            domain,
        )
        for query, sql in (
            (
                f"theme={theme['theme']}",
                "select distinct customer_id from serving.bi_churn_drivers where domain = ? "
                f"and theme = '{theme['theme']}' and direction = 'raises'",
            ),
            (
                f"action={action['name']}",
                "select customer_id from serving.bi_churn_actions where domain = ? "
                f"and planned_action = '{action['name']}'",
            ),
        ):
            found = api.items(f"/v1/{domain}/customers?limit=500&{query}")
            expected = {row["customer_id"] for row in api.rows(sql, domain)}
            assert len(found) == len(expected) > 0
            assert {item["customer_id"] for item in found} == expected


def test_parts_of_one_segment_are_alternatives_and_every_segment_must_match(api):
    for domain in domains(api):
        chosen = api.rows(
            "select segment, segment_value_code as code from serving.bi_customer_segments "
            "where domain = ? and segment in ('tenure', 'value') "
            "group by segment, segment_value_code "
            "qualify row_number() over (partition by segment order by count(*) desc) <= "
            "case segment when 'tenure' then 2 else 1 end",
            domain,
        )
        query = "&".join(f"part={row['segment']}:{row['code']}" for row in chosen)
        expected = api.rows(
            "select customer_id from serving.bi_customer_segments where domain = ? "
            "and list_contains(?, segment || ':' || segment_value_code) "
            "group by customer_id having count(*) = 2",
            domain,
            [f"{row['segment']}:{row['code']}" for row in chosen],
        )
        found = api.items(f"/v1/{domain}/customers?limit=500&{query}")
        assert {item["customer_id"] for item in found} == {row["customer_id"] for row in expected}
        assert len(found) == len(expected) > 0


def test_a_driver_chooses_those_whose_risk_it_raises_more_than_weakly(api):
    for domain in domains(api):
        (most,) = api.rows(
            "select driver_group, count(*) as customers from serving.bi_churn_reasons "
            "where domain = ? and direction = 'raises' and strength <> 'weak' and not is_typical "
            "and driver_group <> 'other' group by all order by count(*) desc, 1 limit 1",
            domain,
        )
        found = api.items(f"/v1/{domain}/customers?limit=500&driver={most['driver_group']}")
        assert len(found) == most["customers"] > 0


def test_a_filter_on_a_column_that_is_not_published_says_so(world, start_api):
    api = start_api(world, "read")
    if not api.services.reader.refresh().has_column("bi_customer_360", "predicted_value"):
        problem = problem_of(api.get("/v1/bench/customers?min_predicted_value=1"), 422)
        assert "churn publish" in problem["errors"][0]["detail"]


@pytest.mark.parametrize("limit", [7, 500])
@pytest.mark.parametrize("sort", ["risk_rank", "value_at_risk", "due_on", "customer_id"])
def test_pages_have_everybody_once_in_order(world, start_api, limit, sort):
    api = start_api(world, "read")
    found = api.items(f"/v1/bench/customers?limit={limit}&sort={sort}")
    ids = [item["customer_id"] for item in found]
    assert len(ids) == len(set(ids)) == 300
    key = {
        "risk_rank": lambda item: item["risk_rank"],
        "value_at_risk": lambda item: -item["value_at_risk"],
        "due_on": lambda item: item["due_on"],
        "customer_id": lambda item: item["customer_id"],
    }[sort]
    assert found == sorted(found, key=lambda item: (key(item), item["customer_id"]))


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("drivers", "bi_driver_importance"),
        ("quality", "bi_model_quality"),
        ("quality/days", "bi_model_quality_by_day"),
        ("quality/segments", "bi_model_quality_by_segment"),
        ("quality/realised", "bi_realised_quality"),
        ("calibration", "bi_calibration"),
        ("drift", "bi_drift"),
        ("plan", "bi_retention_plan"),
    ],
)
def test_lists_are_their_tables(api, path, table):
    for domain in domains(api):
        rows = api.rows(f"select * exclude (domain) from serving.{table} where domain = ?", domain)
        items = api.items(f"/v1/{domain}/{path}?limit=50")
        assert len(items) == len(rows)
        columns = list(items[0]) if items else []
        as_rows = sorted(str([as_json(row[c]) for c in columns]) for row in rows)
        assert sorted(str([item[c] for c in columns]) for item in items) == as_rows


def test_codes_are_their_table_and_can_be_asked_for_by_vocabulary(api):
    rows = api.rows("select * from serving.bi_codes order by kind, code")
    assert api.items("/v1/codes?limit=20") == rows
    strategies = api.items("/v1/codes?kind=strategy")
    assert strategies == [row for row in rows if row["kind"] == "strategy"]
    problem = problem_of(api.get("/v1/codes?kind=colour"), 422)
    assert "strategy" in problem["allowed"]


def test_the_plan_comes_with_budget_and_alternatives(api):
    for domain in domains(api):
        answer = api.get(f"/v1/{domain}/plan").json()
        (budget,) = api.rows("select * from serving.bi_retention_budget where domain = ?", domain)
        assert same(answer["budget"], budget)
        assert {row["strategy"] for row in answer["alternatives"]} == {
            "plan",
            "top_decile",
            "everybody_at_risk",
            "random",
            "nobody",
        }


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("customers?band=purple", "'purple' is not known; choose from critical, high, low, medium"),
        ("customers?theme=weather", "weather"),
        ("customers?action=nope", "nope"),
        ("customers?min_probability=nan", "min_probability"),
        ("customers?min_value_at_risk=inf", "min_value_at_risk"),
        ("customers?min_probability=0.9&max_probability=0.1", "0.9 is above max_probability"),
        ("customers?due_from=soon", "due_from"),
        ("customers?due_from=2017-05-01&due_to=2017-04-01", "is above due_to"),
        ("customers?limit=501", "limit"),
        ("customers?limit=0", "limit"),
        ("customers?bnad=high", "bnad"),
        ("customers?sort=name", "sort"),
        ("customers?cursor=nonsense", "cursor"),
        ("customers?cursor=bnVsbA", "cursor"),
        ("quality?model=oracle", "'oracle' is not known; choose from"),
    ],
)
def test_a_wrong_parameter_is_named_and_what_is_right(api, path, words):
    problem = problem_of(api.get(f"/v1/{domains(api)[0]}/{path}"), 422, "invalid-request")
    assert words in str(problem["errors"])
    assert words.split()[0].strip("'") in str(problem)


def forged(cursor, **changed):
    """A cursor with other values, as somebody might write one."""
    identity, values, generation = json.loads(base64.urlsafe_b64decode(cursor + "==="))
    told = [identity, changed.get("values", values), generation]
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "values", [[], ["\ud800"], [1, "\ud800"], ["abc", "x"], [float("nan"), "x"], [None], [{}, "x"]]
)
def test_a_cursor_that_was_altered_is_no_cursor(world, start_api, values):
    api = start_api(world, "read", "write")
    rows = [{"customer_id": name, "reason": "asked"} for name in "ab"]
    api.post("/v1/bench/suppressions", json={"suppressions": rows})
    for path in ("customers", "suppressions"):
        cursor = api.get(f"/v1/bench/{path}?limit=1").json()["next_cursor"]
        answer = api.get(f"/v1/bench/{path}?cursor={forged(cursor, values=values)}")
        assert "cursor" in str(problem_of(answer, 422, "invalid-request")["errors"])


def test_only_lists_heed_a_cursor(world, start_api):
    api = start_api(world, "read")
    first = api.get("/v1/bench/customers?limit=1").json()
    publish_next(world, 1)
    newest = api.services.reader.refresh().name
    assert newest != first["generation"]
    path = f"/v1/bench/customers/{first['items'][0]['customer_id']}"
    for cursor in (first["next_cursor"], "none"):
        assert api.get(f"{path}?cursor={cursor}").json()["generation"] == newest


def test_a_cursor_belongs_to_its_list(world, start_api):
    api = start_api(world, "read")
    cursor = api.get("/v1/bench/customers?limit=5").json()["next_cursor"]
    for path in ("customers?sort=due_on&", "customers?band=high&", "drivers?"):
        problem_of(api.get(f"/v1/bench/{path}cursor={cursor}"), 422)
    # the limit may change on the way
    assert len(api.get(f"/v1/bench/customers?limit=9&cursor={cursor}").json()["items"]) == 9


def test_every_column_of_an_answer_has_the_description_of_the_yaml(api):
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    for name, table in (
        ("Risk", "bi_churn_risk"),
        ("CrmRow", "crm_churn_actions"),
        ("PlanLine", "bi_retention_plan"),
    ):
        words = {c["name"]: c["description"] for c in serving_tables()[table]["columns"]}
        properties = schemas[name]["properties"]
        assert len(properties) > 8
        assert {c: p["description"] for c, p in properties.items()} == {
            column: words[column] for column in properties
        }


def test_where_nobody_can_cancel_nobody_has_cancelled(api):
    for row in api.rows(
        "select domain, count(*) as everybody, count(*) filter (where already_cancelled) as gone "
        "from serving.bi_churn_risk group by all"
    ):
        for value, expected in (("false", row["everybody"] - row["gone"]), ("true", row["gone"])):
            path = f"/v1/{row['domain']}/customers?limit=500&already_cancelled={value}"
            assert len(api.items(path)) == expected
