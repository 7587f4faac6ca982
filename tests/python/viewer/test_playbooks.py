"""What the pages say of contacts and playbooks, over changed tables of the demo."""

import pytest
from viewer_pages import assert_plain, opened, text_of

from app.viewer import client

COUNTED = """
    insert into serving.bi_contacted_examples
    select domain, run_id, 'training', 'treated_by_plan', true, 120, 40, 0, 5000
    from serving.bi_models where domain = 'kkbox' and is_live
"""


def test_the_track_record_says_whom_contacts_leave_out(changed):
    changed(COUNTED)
    page = opened("quality", "KKBox")
    assert not page.exception
    said = text_of(page)
    assert "Of the 5,000 examples of what the model learned from, 120 are left out" in said
    assert_plain(said)
    # a shop whom nobody contacted has nothing to tell
    assert "are left out, because a contact" not in text_of(opened("quality", "Online shop"))


@pytest.fixture
def playbooks(changed, monkeypatch):
    """The page of campaigns with one playbook that has a result and one without."""
    changed()
    rate = {"campaigns": 2, "customers_treated": 900, "customers_control": 100}
    rows = [
        {**rate, "risk_band": "all", "save_rate": 0.24, "ci_low": 0.11, "ci_high": 0.36},
        {**rate, "risk_band": "critical", "save_rate": 0.3, "ci_low": None, "ci_high": None},
        {**rate, "risk_band": "high", "save_rate": None, "ci_low": None, "ci_high": None},
    ]
    kept = [
        {"name": "win back", "campaigns": ["a", "b", "c"], "achieved": rows},
        {"name": "new one", "campaigns": ["d"], "achieved": []},
    ]
    asked = []
    monkeypatch.setattr(client, "playbooks", lambda domain: kept)
    monkeypatch.setattr(client, "campaigns", lambda domain: [])
    monkeypatch.setattr(client, "draft_from_playbook", lambda *given: asked.append(given))
    return asked


def test_playbooks_are_listed_with_what_they_achieved_and_drafted_from(playbooks):
    page = opened("campaigns", "KKBox")
    assert not page.exception
    shown = page.dataframe[0].value
    assert shown["kept"].tolist() == ["24 (11 to 36)", "30", "cannot be told", "not known yet"]
    assert shown["members"].tolist() == ["All", "Critical", "High", "All"]
    assert shown["campaigns"].tolist() == ["2 of 3 campaigns"] * 3 + ["none of 1 campaign"]
    assert_plain(text_of(page))
    (name,) = (one for one in page.text_input if one.label == "Name of the new campaign")
    name.input("summer")
    (button,) = (one for one in page.button if one.label == "Draft from it")
    button.click().run()
    assert playbooks == [("kkbox", "win back", {"campaign": "summer"})]
