"""A damaged generation is never served without a word: 503 once, then the newest whole one."""

import random
import shutil
import sqlite3

import pytest
from api_client import problem_of

from benchmarks.api import publish_next
from pipeline.publish.generation import current


@pytest.fixture
def twice(world):
    """A home with two generations; gives it and the path of the newer one."""
    older = current(world).path
    publish_next(world, 1)
    newer = current(world).path
    assert older != newer
    assert older.exists()
    return world, newer


def customers(api):
    return [item["customer_id"] for item in api.items("/v1/bench/customers?limit=100")]


def served_by(api):
    return api.get("/v1/domains").json()["generation"]


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def clip(path):
    """Cut off the end, which nobody has to read for most customers."""
    path.write_bytes(path.read_bytes()[:-8192])


def garbage(path):
    path.write_bytes(b"garbage" * 10_000)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("suffix", [".duckdb", ".sqlite"])
@pytest.mark.parametrize("damage", [cut, clip, garbage, empty])
def test_the_older_whole_generation_is_served_and_readiness_says_why(
    twice, start_api, suffix, damage
):
    home, newer = twice
    damage(newer.with_suffix(suffix))
    api = start_api(home, "read")
    answer = api.get("/readyz")
    assert answer.status_code == 503
    (check,) = [one for one in answer.json()["checks"] if one["name"] == "whole"]
    assert not check["is_good"]
    assert newer.stem in check["words"]
    served = served_by(api)
    assert served < newer.stem
    assert api.customer("bench", customers(api)[0]).json()["generation"] == served
    # the next publish is whole
    publish_next(home, 2)
    api.services.reader.refresh()
    assert served_by(api) == current(home).path.stem
    assert {c["name"]: c["is_good"] for c in api.get("/readyz").json()["checks"]}["whole"]


@pytest.mark.parametrize("suffix", [".duckdb", ".sqlite"])
@pytest.mark.parametrize("damage", [cut, garbage])
def test_a_generation_whose_files_are_put_back_is_served_again(twice, start_api, suffix, damage):
    home, newer = twice
    path = newer.with_suffix(suffix)
    whole = path.read_bytes()
    damage(path)
    api = start_api(home, "read")
    assert served_by(api) < newer.stem
    path.write_bytes(whole)
    api.services.reader.refresh()
    assert served_by(api) == newer.stem
    assert {c["name"]: c["is_good"] for c in api.get("/readyz").json()["checks"]}["whole"]


def test_a_generation_that_is_met_while_it_is_copied_is_served_once_it_is_whole(
    home, world, start_api
):
    api = start_api(home, "read")
    home.published.mkdir(parents=True)
    shutil.copy(world.published / "current.json", home.published)
    api.services.reader.refresh()
    assert api.get("/v1/domains").status_code == 503
    shutil.copytree(world.published, home.published, symlinks=True, dirs_exist_ok=True)
    api.services.reader.refresh()
    assert api.get("/v1/domains").status_code == 200


def test_with_nothing_that_is_whole_it_is_503_in_words(world, start_api):
    for path in world.published.glob("churn_*.duckdb"):
        cut(path)
    api = start_api(world, "read")
    problem = problem_of(api.get("/v1/domains"), 503)
    assert "damaged" in problem["detail"]
    assert api.get("/healthz").status_code == 200
    assert api.get("/readyz").status_code == 503


def test_no_flipped_bit_of_the_look_ups_is_served(twice, start_api, tmp_path):
    home, newer = twice
    look_up, whole = newer.with_suffix(".sqlite"), tmp_path / "whole.sqlite"
    shutil.copy(look_up, whole)
    api = start_api(home, "read")
    asked = customers(api)
    right = {one: api.customer("bench", one).json() for one in asked}
    refused = 0
    for seed in range(20):
        chance = random.Random(seed)
        flipped = bytearray(whole.read_bytes())
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        look_up.write_bytes(flipped)
        other = start_api(home, "read")
        for one in asked:
            answer = other.customer("bench", one)
            refused += answer.status_code == 503
            if answer.status_code == 200 and answer.json()["generation"] == newer.stem:
                assert answer.json() == right[one], (seed, one)
            else:
                assert answer.status_code == 503 or answer.json()["generation"] < newer.stem
    assert refused, "no bit of these customers was hit"


def test_a_document_that_was_changed_is_noticed_at_its_own_customer(twice, start_api):
    home, newer = twice
    first, second = customers(start_api(home, "read"))[:2]
    with sqlite3.connect(newer.with_suffix(".sqlite")) as connection:
        connection.execute(
            "update customers set document = replace(document, '0', '1') where customer_id = ?",
            [first],
        )
    api = start_api(home, "read")
    assert api.customer("bench", second).json()["generation"] == newer.stem
    problem_of(api.customer("bench", first), 503)
    assert api.customer("bench", first).json()["generation"] < newer.stem


def test_columns_that_were_renamed_in_the_look_ups_are_noticed_when_it_is_opened(twice, start_api):
    home, newer = twice
    with sqlite3.connect(newer.with_suffix(".sqlite")) as connection:
        connection.execute("update shapes set columns = replace(columns, 'risk', 'rust')")
    api = start_api(home, "read")
    assert served_by(api) < newer.stem
    assert api.get("/readyz").status_code == 503


def test_an_id_that_was_changed_is_not_an_unknown_customer(twice, start_api):
    home, newer = twice
    first = customers(start_api(home, "read"))[0]
    with sqlite3.connect(newer.with_suffix(".sqlite")) as connection:
        connection.execute(
            "update customers set customer_id = 'other' where customer_id = ?", [first]
        )
    api = start_api(home, "read")
    problem_of(api.customer("bench", "nobody"), 404)
    problem_of(api.customer("bench", first), 503)
