"""Do not contact: at once on every page, for anybody, with reason, author and a way back."""

import pytest
from viewer_pages import opened, text_of

from app.viewer.plain import plain
from pipeline.project import state
from pipeline.project.home import PROJECT
from pipeline.retention import decisions


def one_to_contact(api, domain="kkbox"):
    (row,) = api.rows(
        "select customer_id from serving.bi_churn_actions where domain = ? "
        "and decision = 'treat' order by 1 limit 1",
        domain,
    )
    return row["customer_id"]


def button(page, label):
    return next(one for one in page.button if one.label == label)


def test_a_mark_is_a_banner_at_once_and_after_a_reload(served):
    customer = one_to_contact(served)
    page = opened("customer", "KKBox", customer=customer)
    assert page.success and not page.error
    button(page, "Mark do-not-contact").click().run()
    assert "Please add a reason" in text_of(page)
    page.text_input(key="suppress reason").set_value("asked *today*")
    button(page, "Mark do-not-contact").click().run()
    for shown in (page, opened("customer", "KKBox", customer=customer)):
        assert not shown.exception
        (banner,) = [error.value for error in shown.error]
        assert banner.startswith("**Do not contact** since ")
        assert "by viewer (test " in banner
        assert banner.endswith(plain("asked *today*"))
        assert "No contact planned" in text_of(shown) and not shown.success
        assert "Marked do-not-contact" in text_of(shown)

    # the way back is asked for
    button(page, "Allow contact again").click().run()
    assert served.items("/v1/kkbox/suppressions")
    button(page, "Keep the mark").click().run()
    assert page.error and served.items("/v1/kkbox/suppressions")
    button(page, "Allow contact again").click().run()
    button(page, "Allow").click().run()
    assert not page.exception and not page.error
    assert served.items("/v1/kkbox/suppressions") == []


def test_a_mark_leaves_the_other_pages_and_the_figures_at_once(served):
    customer = one_to_contact(served)
    page = opened("customers", "KKBox")
    page.selectbox(key="plan").set_value("to contact").run()
    before = page.metric[0].value
    plan = opened("plan", "KKBox")
    labels = [one.label for one in plan.get("download_button")]
    served.post(
        "/v1/kkbox/suppressions",
        json={"suppressions": [{"customer_id": customer, "reason": "asked"}]},
    )
    page.run()
    assert int(page.metric[0].value.replace(",", "")) == int(before.replace(",", "")) - 1
    page.selectbox(key="plan").set_value("all")
    page.selectbox(key="marks").set_value("marked").run()
    assert page.metric[0].value == "1"
    assert [one.label for one in plan.run().get("download_button")] != labels


def test_who_is_not_scored_can_be_marked(served):
    (row,) = served.rows(
        "select min(customer_id) as one from serving.bi_churn_backtest where domain = 'kkbox' "
        "and customer_id not in (select customer_id from serving.bi_churn_risk)"
    )
    page = opened("customer", "KKBox", customer=row["one"])
    page.text_input(key="suppress reason").set_value("asked")
    button(page, "Mark do-not-contact").click().run()
    assert not page.exception
    assert any("Do not contact" in error.value for error in page.error)
    (kept,) = served.items("/v1/kkbox/suppressions")
    assert kept["customer_id"] == row["one"]


def test_ids_are_pasted_in_bulk_and_the_unknown_ones_named(served):
    one = one_to_contact(served)
    page = opened("do_not_contact", "KKBox")
    assert "Nobody is marked" in text_of(page)
    page.text_area(key="pasted").set_value(f"'{one}\n\n  nobody/1 \nnobody/1\n")
    button(page, "Mark do-not-contact").click().run()
    assert "Please add a reason" in text_of(page)
    page.text_input(key="pasted reason").set_value("complaint")
    button(page, "Mark do-not-contact").click().run()
    assert not page.exception
    (said,) = [one.value for one in page.success]
    assert "Marked 2 customers, 2 of them new" in said
    assert "1 ID is not known to KKBox: nobody/1." in said
    assert {row["customer_id"] for row in served.items("/v1/kkbox/suppressions")} == {
        one,
        "nobody/1",
    }
    table = page.dataframe[0].value
    assert set(table["reason"]) == {"complaint"}
    assert all(author.startswith("viewer (test ") for author in table["added_by"])

    page.text_input(key="search").set_value("NOBODY").run()
    assert len(page.dataframe[0].value) == 1
    page.text_input(key="search").set_value("no such thing").run()
    assert "No mark matches" in text_of(page) and not page.dataframe


def upload(page, text):
    page.file_uploader[0].upload("list.csv", text.encode(), "text/csv")
    button(page, "Mark the customers of the file").click().run()
    assert not page.exception


def test_a_file_is_taken_whole_or_not_at_all(served):
    one = one_to_contact(served)
    page = opened("do_not_contact", "KKBox")
    upload(page, f"customer_id,reason\n{one},\nother,asked\n")
    assert "line 2" in text_of(page) and "reason is empty" in text_of(page)
    assert "/tmp" not in text_of(page)
    assert served.items("/v1/kkbox/suppressions") == []
    upload(page, f"customer_id,reason\n{one},asked\nnobody/2,moved away\n")
    assert "Marked 2 customers" in page.success[0].value
    assert "nobody/2" in page.success[0].value
    assert {row["reason"] for row in served.items("/v1/kkbox/suppressions")} == {
        "asked",
        "moved away",
    }


def test_marks_show_without_the_api_and_a_change_says_what_to_do(demo_copy, monkeypatch):
    from app.viewer import client

    monkeypatch.setenv("CHURN_HOME", str(demo_copy.root))
    monkeypatch.delenv(client.ADDRESS, raising=False)
    # a mark from before authors were kept
    decisions.suppress(demo_copy, "kkbox", [("somebody", "asked")])
    page = opened("do_not_contact", "KKBox")
    assert not page.exception
    assert "**1 customer** marked" in text_of(page)
    assert list(page.dataframe[0].value["reason"]) == ["asked"]
    page.text_area(key="pasted").set_value("x")
    page.text_input(key="pasted reason").set_value("asked")
    button(page, "Mark do-not-contact").click().run()
    assert "Ask your data team" in text_of(page)


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_a_state_of_an_earlier_version_is_read(home, version):
    """A reader brings it to today's version: a mark from before there were authors has none."""
    import sqlite3
    from contextlib import closing

    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(PROJECT / "pipeline" / "project" / "migrations"))
    home.root.mkdir(parents=True, exist_ok=True)
    with state.writing_to(state.state_engine(home)) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    with closing(sqlite3.connect(home.state)) as connection:
        connection.execute(
            "insert into suppressions values ('shop', 'a', 'asked', '2026-01-01 00:00:00.000000')"
        )
        connection.commit()
    (kept,) = decisions.read_suppressions(home, "shop", "", 9)
    assert (kept.customer_id, kept.reason, kept.added_by) == ("a", "asked", None)
    assert decisions.suppression_of(home, "shop", "a") == kept
    assert decisions.suppression_of(home, "shop", "b") is None
    assert decisions.read_state(home, decisions.SUPPRESSIONS)[0][:3] == ("shop", "a", "asked")
