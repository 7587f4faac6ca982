"""Who may open the viewer: nobody gets a figure before saying who they are, but on a demo."""

import json
import shutil
import stat
from itertools import pairwise

import httpx
import pytest
from limits.storage import MemoryStorage
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.people import ROLES, SCOPES, Person, add_person, read_people, remove_person
from app.viewer import client, sign_in
from pipeline.project.errors import ChurnError
from pipeline.project.origin import ORIGIN

PASSWORD = "correct horse battery"
PAGE = {"accept": "text/html"}


@pytest.fixture
def where(home, monkeypatch):
    """A home with data that are not made up."""
    lake = home.lake / "shop"
    lake.mkdir(parents=True)
    (lake / ORIGIN).write_text(json.dumps({"origin": "real"}))
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    monkeypatch.setattr(sign_in, "_limiter", sign_in.FixedWindowRateLimiter(MemoryStorage()))
    return home


async def _figures(request):
    return PlainTextResponse(
        "figures for " + sign_in.person_of(sign_in.home(), request.cookies).name
    )


async def _connection(websocket):
    await websocket.accept()
    await websocket.send_text("figures")
    await websocket.close()


@pytest.fixture
def browser(where):
    app = Starlette(
        routes=[
            Route("/today", _figures),
            Route(sign_in.SIGN_IN, sign_in.sign_in, methods=["GET", "POST"]),
            Route(sign_in.SIGN_OUT, sign_in.sign_out),
            WebSocketRoute("/_stcore/stream", _connection),
        ],
        middleware=[Middleware(sign_in.Gate)],
    )
    with TestClient(app) as client:
        yield client


def signs_in(browser, name="Ada", password=PASSWORD, there="/today?business=Shop"):
    return browser.post(
        sign_in.SIGN_IN,
        params={"next": there},
        data={"name": name, "password": password},
        follow_redirects=False,
    )


def is_connected(browser):
    try:
        with browser.websocket_connect("/_stcore/stream") as connection:
            return connection.receive_text() == "figures"
    except WebSocketDisconnect:
        return False


def test_nobody_gets_a_figure_before_signing_in(where, browser):
    add_person(where, "Ada", "mark", PASSWORD)
    page = browser.get("/today?business=Shop", headers=PAGE, follow_redirects=False)
    assert page.status_code == 303
    assert page.headers["location"] == "/sign-in?next=%2Ftoday%3Fbusiness%3DShop"
    assert browser.get("/today").status_code == 401
    assert browser.get("/media/file.csv").status_code == 401
    assert not is_connected(browser)
    answer = signs_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/today?business=Shop")
    kept = answer.headers["set-cookie"].lower()
    assert "httponly" in kept and "samesite=lax" in kept
    assert browser.get("/today").text == "figures for Ada"
    assert is_connected(browser)
    browser.get(sign_in.SIGN_OUT)
    assert browser.get("/today").status_code == 401


def test_a_wrong_password_a_wrong_name_and_too_many_tries_are_refused(where, browser):
    add_person(where, "Ada", "mark", PASSWORD)
    add_person(where, "bo@example.com", "view", None)
    for name, password in (("Ada", "wrong"), ("Eve", PASSWORD), ("bo@example.com", "")):
        answer = signs_in(browser, name, password)
        assert answer.status_code == 401
        assert "Name or password is wrong" in answer.text
        assert "set-cookie" not in answer.headers
    for _ in range(10):
        signs_in(browser, "Ada", "wrong")
    assert signs_in(browser).status_code == 429
    assert signs_in(browser, "Ada", "x" * 20_000).status_code == 413


def test_who_is_removed_or_did_not_sign_in_here_is_out_at_once(where, browser):
    add_person(where, "Ada", "mark", PASSWORD)
    signs_in(browser)
    assert browser.get("/today").status_code == 200
    remove_person(where, "Ada")
    assert browser.get("/today").status_code == 401
    browser.cookies.set(sign_in.COOKIE, "Ada")
    add_person(where, "Ada", "mark", PASSWORD)
    assert browser.get("/today").status_code == 401


def test_a_new_password_ends_the_sessions_of_the_old_one(where, browser):
    add_person(where, "Ada", "mark", PASSWORD)
    signs_in(browser)
    add_person(where, "Ada", "approve", PASSWORD + "!")
    assert browser.get("/today").status_code == 401
    assert signs_in(browser, password=PASSWORD + "!").status_code == 303
    assert browser.get("/today").status_code == 200


@pytest.mark.parametrize(("role", "may"), [("view", False), ("mark", True)])
def test_the_viewer_refuses_what_a_role_may_not_do_whatever_its_key(monkeypatch, role, may):
    """A viewer that runs alone may have one key, which serves all roles."""
    asked = []

    class Api:
        def request(self, method, path, **more):
            asked.append(more["headers"])
            return httpx.Response(201, json={"added": 1})

    monkeypatch.setenv(client.ADDRESS, "http://127.0.0.1:1")
    monkeypatch.setenv(client.KEY, "all scopes")
    monkeypatch.setattr(client, "_client", lambda address: Api())
    monkeypatch.setattr(client, "signed_in", lambda: Person("Ada", role))
    if may:
        assert client.suppress("shop", [("a", "asked")]) == 1
        assert asked[0]["X-Churn-Person"] == "Ada"
    else:
        with pytest.raises(client.UnavailableError, match="takes the role mark"):
            client.suppress("shop", [("a", "asked")])
        assert asked == []


def test_what_is_published_without_a_lake_is_not_taken_for_a_demo(where, browser):
    shutil.rmtree(where.lake)
    assert browser.get("/today").text == "figures for viewer", "there is nothing to see yet"
    where.published.mkdir()
    assert browser.get("/today").status_code == 401


def test_another_site_cannot_send_the_browser_on(where, browser):
    add_person(where, "Ada", "mark", PASSWORD)
    for there in ("https://evil.example/", "//evil.example", "/\\\\evil.example", "evil"):
        assert signs_in(browser, there=there).headers["location"] == "/"
    page = browser.get(sign_in.SIGN_IN, params={"next": '/"><script>alert(1)</script>'})
    assert "<script>" not in page.text


def test_a_demo_is_open_and_real_data_wait_for_the_first_person(where, browser):
    page = browser.get("/today", headers=PAGE)
    assert page.status_code == 403 and "churn people add" in page.text
    (where.lake / "shop" / ORIGIN).write_text(json.dumps({"origin": "demo"}))
    assert browser.get("/today").text == "figures for viewer"
    # somebody was added: from now on everybody says who they are
    add_person(where, "Ada", "approve", PASSWORD)
    assert browser.get("/today").status_code == 401


def test_a_password_is_kept_as_a_hash_that_nobody_else_may_read(where):
    add_person(where, "Ada", "plan", PASSWORD)
    assert PASSWORD not in where.people.read_text()
    assert stat.S_IMODE(where.people.stat().st_mode) == 0o600
    people = read_people(where)
    assert people.check("Ada", PASSWORD).role == "plan"
    assert people.check("Ada", PASSWORD + " ") is None
    with pytest.raises(ChurnError, match="needs 12"):
        add_person(where, "Bo", "view", "short")
    with pytest.raises(ChurnError, match="no 'Eve'"):
        remove_person(where, "Eve")


def test_each_role_may_do_what_the_ones_before_it_may():
    for before, after in pairwise(ROLES):
        assert set(SCOPES[before]) < set(SCOPES[after])


def test_the_terminal_adds_shows_and_removes_people(where, run_churn):
    done = run_churn(where.root, "people", "list")
    assert done.returncode == 1 and "churn people add" in done.stderr
    done = run_churn(
        where.root, "people", "add", "bo@example.com", "--role", "plan", "--no-password"
    )
    assert done.returncode == 0, done.stderr
    done = run_churn(where.root, "people", "list")
    assert "bo@example.com" in done.stdout and "elsewhere" in done.stdout
    assert run_churn(where.root, "people", "remove", "bo@example.com").returncode == 0
    done = run_churn(where.root, "people", "add", "x", "--role", "king", "--no-password")
    assert done.returncode == 2
