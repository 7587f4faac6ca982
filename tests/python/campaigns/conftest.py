"""The published demo, for campaigns."""

import shutil

import pytest
import sqlalchemy as sa

from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.retention.decisions import ASSIGNMENTS, writing


@pytest.fixture
def world(demo, tmp_path):
    """What is published in the demo, with a state of its own in which the period drew nobody."""
    home = Home(tmp_path / "world")
    shutil.copytree(demo[0].published, home.published, symlinks=True)
    return home


@pytest.fixture
def drawn(world, demo):
    """The same, with the arms that the publish drew."""
    with reading_from(demo[0]) as connection:
        found = [dict(row) for row in connection.execute(sa.select(ASSIGNMENTS)).mappings()]
    with writing(world) as connection:
        connection.execute(sa.insert(ASSIGNMENTS), found)
    return world
