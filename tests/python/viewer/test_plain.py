"""Text from the data is shown as it is: no formula, no picture, no link, no colour."""

import re

import pytest
from viewer_pages import opened, text_of

from app.viewer.plain import plain

NASTY = "*bold* $a$ <b>x</b> [x](http://y.z) ![p](q) `c` :red[r] :material/home: www.a.b a@b.c 1. x"
# What a reader of Markdown would take for a mark: not escaped.
MARKS = re.compile(r"(?<!\\)[*$<>\[`]")


@pytest.mark.parametrize(
    "text", [NASTY, "1. first", "- item", "# head", "+ plus", "a_b_c", "x|y", "&lt;", "line\nline"]
)
def test_nothing_is_left_that_markdown_reads(text):
    said = plain(text)
    assert not MARKS.search(said)
    assert "\n" not in said
    assert not re.match(r"\d+[.)]|[-+#]", said)
    for address in ("http://", "www.", ":red", ":material"):
        assert address not in said
    # and nothing of it is lost
    assert re.sub(r"\\(?=[^\w\s]|_)|\u2060", "", said) == " ".join(text.split())


def test_ids_reasons_and_titles_from_the_data_are_not_markdown(changed):
    sql = NASTY.replace("'", "''")
    changed(
        f"update serving.bi_customer_360 set customer_id = '{sql}' "
        "where domain = 'kkbox' and risk_rank = 1",
        f"update serving.bi_churn_reasons set sentence = '{sql}', customer_id = '{sql}' where "
        "domain = 'kkbox' and customer_id = (select customer_id from serving.bi_churn_risk "
        "where domain = 'kkbox' and risk_rank = 1)",
        f"update serving.bi_churn_actions set action_title = '{sql}', message_hint = '{sql}', "
        f"reason_words = '{sql}', customer_id = '{sql}' where domain = 'kkbox' and customer_id = "
        "(select customer_id from serving.bi_churn_risk where domain = 'kkbox' and risk_rank = 1)",
    )
    said = text_of(opened("customer", "KKBox", customer=NASTY))
    assert "Signs of leaving" in said or plain(NASTY) in said
    assert "*bold*" not in said.replace("\\*", "")
    assert "[x](http" not in said
    missing = opened("customer", "KKBox", customer=NASTY + "?")
    assert "*bold*" not in text_of(missing).replace("\\*", "")
    found = opened("customers", "KKBox", find=NASTY)
    assert not found.exception
    labels = [one.proto.label for one in found.get("page_link")]
    assert labels and not any(MARKS.search(label.removeprefix("Open ")) for label in labels)
