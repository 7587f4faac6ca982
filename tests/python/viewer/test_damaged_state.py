"""Nobody reads a list of customers that does not know who must not be contacted."""

import sqlite3
from contextlib import closing

import pytest
from viewer_pages import TITLES, opened, text_of

from pipeline.retention import decisions


@pytest.mark.parametrize("screen", ["customers", "do_not_contact"])
def test_a_page_over_a_damaged_state_says_so_and_shows_nothing(demo_copy, monkeypatch, screen):
    monkeypatch.setenv("CHURN_HOME", str(demo_copy.root))
    decisions.suppress(demo_copy, "kkbox", [("customer 17", "asked")])
    with closing(sqlite3.connect(demo_copy.state)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    content = demo_copy.state.read_bytes()
    assert b"customer 17asked" in content
    demo_copy.state.write_bytes(content.replace(b"customer 17asked", b"customer 71asked", 1))
    page = opened(screen, TITLES["kkbox"])
    assert not page.exception
    assert "damaged" in text_of(page)
    assert not page.dataframe
