"""A marketer's morning in a real browser: find, read, plan, export, mark, and see it stick."""

import csv
import json
import os
import re
import secrets
import shutil
import sqlite3
import time
import urllib.request
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import axe_playwright_python
import duckdb
import oidc_provider_mock
import pytest
from campaign_world import past_campaign
from home_copy import copy_home
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from app.people import add_person
from app.viewer.pages import PAGES
from benchmarks.http_load import serving
from cli.launcher import free_port, together
from pipeline.project.home import Home
from pipeline.publish.generation import current

pytestmark = pytest.mark.slow

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars --window-size=1400,1200"
)
# Set where a browser must be: a skip is a failure there.
NEEDED = "CHURN_NEEDS_BROWSER"
# A folder for pictures of the pages.
PICTURES = "CHURN_PICTURES"
PATIENCE = 60


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        words = "no chromium and chromedriver: apt-get install chromium chromium-driver"
        pytest.fail(words) if os.environ.get(NEEDED) else pytest.skip(words)
    options = Options()
    options.binary_location = chromium
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('browser')}")
    downloads = tmp_path_factory.mktemp("downloads")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    with webdriver.Chrome(options=options, service=Service(driver)) as opened:
        opened.downloads = downloads
        yield opened


@pytest.fixture(scope="module")
def viewer(demo, tmp_path_factory):
    """The address of a viewer with its API over a copy of the demo, and the copy."""
    home = Home(tmp_path_factory.mktemp("viewer") / "home")
    copy_home(demo[0].root, home.root)
    with viewing(home, free_port()) as address:
        yield address, home


@contextmanager
def viewing(home, port):
    with together(home, port, 0):
        address = f"http://127.0.0.1:{port}"
        for _ in range(PATIENCE):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health"):
                    break
            except OSError:
                time.sleep(1)
        yield address


class Person:
    """What somebody in front of the viewer does and sees."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address

    def opens(self, page, **state):
        asked = "&".join(
            f"{key}={quote(value, safe='')}"
            for key, value in {"business": "KKBox", **state}.items()
        )
        self.browser.get(f"{self.address}/{page}?{asked}")
        self.waits()

    def waits(self):
        """Until the page has run through."""
        time.sleep(0.5)
        WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: (
                driver.find_elements(By.CSS_SELECTOR, "h1")
                and not driver.find_elements(By.CSS_SELECTOR, "[data-testid='stStatusWidget']")
                and not driver.find_elements(By.CSS_SELECTOR, "[data-stale='true']")
            )
        )
        assert not self.browser.find_elements(By.CSS_SELECTOR, "[data-testid='stException']")
        assert "Page not found" not in self.browser.page_source

    def reads(self):
        return self.browser.find_element(By.CSS_SELECTOR, "[data-testid='stMain']").text

    def sees(self, words):
        for _ in range(PATIENCE):
            # a page that is drawn anew meanwhile is looked at again
            with suppress(NoSuchElementException, StaleElementReferenceException):
                if words in self.reads():
                    return
            time.sleep(1)
        raise AssertionError(f"{words!r} is not on the page:\n{self.reads()}")

    def awaits(self, selector):
        return WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: driver.find_element(By.CSS_SELECTOR, selector)
        )

    def finds(self, words, kind="button"):
        return WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: driver.find_elements(By.XPATH, f"//{kind}[contains(., '{words}')]")
        )[0]

    def clicks(self, words, kind="button"):
        self.finds(words, kind).click()
        self.waits()

    def signs_out(self):
        """It may lead to a page of the provider; whoever leaves before it has come stays in."""
        self.finds("Sign out").click()
        WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: not driver.find_elements(By.XPATH, "//button[contains(., 'Sign out')]")
        )

    def writes(self, label, words):
        field = self.awaits(f"input[aria-label='{label}']")
        field.send_keys(words)

    def follows(self, title):
        """A link of the sidebar."""
        self.finds(title, "section[@data-testid='stSidebar']//a").click()
        self.waits()

    def goes(self, step):
        getattr(self.browser, step)()
        self.waits()

    def is_at(self):
        """Path and query of the address, and the heading that must agree with the tab."""
        heading = self.browser.find_element(By.CSS_SELECTOR, "h1").text
        assert self.browser.title == heading
        return self.browser.current_url.removeprefix(self.address).replace("%20", "+"), heading

    def reads_the_count(self):
        """How many customers the list has."""
        self.sees("To share these filters")
        return re.search(r"([\d,]+) customers?\. To share", self.reads())[1]

    def picks_the_first_row(self):
        """The table is a picture to the browser: click where its first checkbox is."""
        table = self.awaits("[data-testid='stDataFrame'] canvas")
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", table)
        place = -table.size["width"] / 2 + 16, -table.size["height"] / 2 + 35 + 17
        ActionChains(self.browser).move_to_element_with_offset(
            table, *map(int, place)
        ).click().perform()
        self.waits()

    def sets(self, label, value):
        """Write a number in place of the one that is there."""
        field = self.awaits(f"input[aria-label='{label}']")
        field.send_keys(Keys.CONTROL + "a")
        field.send_keys(str(value) + Keys.ENTER)
        self.waits()

    def chooses(self, label, option):
        """One of a box of options."""
        box = f"//*[@data-testid='stSelectbox'][.//label[contains(., '{label}')]]//input"
        field = WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: driver.find_element(By.XPATH, box)
        )
        field.send_keys(option + Keys.ENTER)
        self.waits()

    def downloads(self, words):
        before = set(self.browser.downloads.iterdir())
        self.clicks(words)
        for _ in range(PATIENCE):
            fresh = set(self.browser.downloads.glob("*.csv")) - before
            if fresh:
                return fresh.pop()
            time.sleep(0.5)
        raise AssertionError(f"{words!r} gave no file")


@pytest.fixture
def person(browser, viewer):
    return Person(browser, viewer[0])


def ask_state(home, sql):
    with closing(sqlite3.connect(home.state)) as connection:
        return connection.execute(sql).fetchall()


def ask(home, sql, *values):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(sql, values).fetchall()


def test_a_marketers_morning(person, viewer, run_churn):
    _, home = viewer
    ((riskiest, action),) = ask(
        home,
        # first of the list with its recommendation, and not one in the control group
        "from (select customer_id, action_title, decision, expected_profit "
        "from serving.bi_customer_360 where domain = 'kkbox' and action_title is not null "
        "and not already_cancelled qualify row_number() over (partition by action_title "
        "order by expected_profit desc nulls last, value_at_risk desc nulls last, customer_id) "
        "= 1) select customer_id, action_title where decision = 'treat' "
        "order by expected_profit desc, customer_id limit 1",
    )

    # finds the customer who is most worth saving with an action
    person.opens("customers", actions=action)
    person.sees("To share these filters")
    person.picks_the_first_row()
    person.clicks(f"Open {riskiest}", kind="a")

    # reads why, sees the recommendation
    person.sees("Signs of leaving")
    assert "you can act on this" in person.reads()
    assert action in person.reads()
    assert "not proven causes" in person.reads()

    # sets a budget
    person.opens("plan")
    published = person.reads()
    person.sets("Budget, NT$", 120)
    person.sees("Draft. The published plan is unchanged")
    assert person.reads() != published

    # exports the audience
    path = person.downloads("customers to contact")
    with path.open(encoding="utf-8", newline="") as file:
        exported = [row["customer_id"] for row in csv.DictReader(file)]
    treated = ask(
        home,
        "select customer_id from serving.bi_churn_actions "
        "where domain = 'kkbox' and decision = 'treat'",
    )
    assert sorted(exported) == sorted(row[0] for row in treated)

    # the plan is open in another tab when a colleague marks the customer
    person.opens("customer", customer=riskiest)
    person.awaits("[data-testid='stForm'] input").send_keys("asked not to be written to")
    person.clicks("Mark do-not-contact")
    person.sees("Do not contact since")
    person.sees("No contact planned")
    person.opens("plan")
    path = person.downloads("customers to contact")
    assert riskiest not in path.read_text(encoding="utf-8-sig")

    # it is still so after the next publish
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stderr
    person.opens("customer", customer=riskiest)
    person.sees("Do not contact since")
    person.sees("asked not to be written to")
    person.sees("Allow contact again")
    person.opens("plan")
    path = person.downloads("customers to contact")
    assert riskiest not in path.read_text(encoding="utf-8-sig")


def test_an_audience_is_kept_and_opened_on_another_day(person):
    person.opens("customers", bands="critical", reason="days")
    kept = person.reads_the_count()
    person.clicks("Saved audiences")
    person.writes("Save these filters as", "worth a call")
    person.clicks("Save", "*[@data-testid='stForm']//button")
    person.finds("worth a call")

    person.opens("customers")
    assert person.reads_the_count() != kept
    person.clicks("Saved audiences")
    person.clicks("worth a call")
    assert person.reads_the_count() == kept
    # the address can be shared as if it had been chosen by hand
    assert "reason=days" in person.browser.current_url


def test_a_plan_is_tried_saved_exported_approved_and_published(person, viewer, run_churn):
    _, home = viewer
    person.opens("plan")
    person.sets("Budget, NT$", 150)
    person.sees("Draft. The published plan is unchanged")
    person.writes("Save this draft as", "a small one")
    person.clicks("Save draft")
    # the table is a picture to the browser
    person.sees("A draft draws no control group")
    path = person.downloads("Exact keys (for CRM): its customers")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    spend = sum(float(row["expected_spend"]) for row in rows if row["decision"] == "treat")
    assert 0 < spend <= 150
    person.clicks("Approve …")
    person.clicks("Approve", "*[@data-testid='stPopoverBody']//button")
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stderr
    assert ask(home, "select budget from serving.bi_retention_budget where domain = 'kkbox'") == [
        (150.0,)
    ]


def test_a_campaign_is_drafted_previewed_launched_and_its_result_read(person, viewer, run_churn):
    _, home = viewer
    person.opens("campaigns")
    person.sees("The outcomes of the first plans are not known yet")
    person.writes("Name", "spring offers")
    person.clicks("Draft and preview")
    person.sees("The smallest effect that it can show")
    assert "Result" not in person.reads()
    person.clicks("Launch …")
    person.clicks("Launch", "*[@data-testid='stPopoverBody']//button")
    person.sees("It was launched after the last publish")
    person.clicks("Pause")
    person.finds("Go on")
    ((launched, control),) = ask_state(
        home, "select count(*), sum(arm = 'control') from campaign_members"
    )
    assert launched > control > 0

    # one that was launched long ago, in which fewer of the contacted left
    def draws_arm(place, left):
        return "treat" if place % (4 if left else 2) == 0 else "control"

    told = past_campaign(home, "kkbox", "winter offers", draws_arm)
    left = {arm: gone / count for arm, (gone, count) in told.items()}
    effect = left["control"] - left["treat"]
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stderr
    found = ask(
        home,
        "select campaign_name, verdict_code, effect, customers_kept "
        "from serving.bi_campaigns order by 1",
    )
    assert found[0][:3] == ("spring offers", "wait", None)
    name, verdict, measured, kept = found[1]
    assert (name, verdict) == ("winter offers", "helped")
    assert measured == pytest.approx(effect)
    assert kept == pytest.approx(effect * told["treat"][1])
    person.opens("campaigns")
    person.sees("Wait until")
    person.chooses("Campaign", "winter offers")
    person.sees("It worked")
    person.sees("Customers kept")
    assert f"{kept:,.0f}" in person.reads()


def test_a_publish_while_the_page_is_open_shows_at_the_next_click(person, viewer, run_churn):
    _, home = viewer
    person.opens("plan")
    before = person.reads()
    done = run_churn(home.root, "plan", "--domain", "kkbox", "--budget", "400", "--save")
    assert done.returncode == 0, done.stderr
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stderr
    person.clicks("Today", kind="a")
    person.clicks("Plan", kind="a")
    after = person.reads()
    spend = re.compile(r"Expected spend\s+NT\$([\d,]+)")
    spent = int(spend.search(after)[1].replace(",", ""))
    assert 0 < spent <= 400
    # whichever plan was approved before
    assert spent != int(spend.search(before)[1].replace(",", ""))


@pytest.mark.long  # takes the pictures of the docs; every page is opened below, too
@pytest.mark.parametrize("business", ["KKBox", "Online shop"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.file)
def test_every_page_is_drawn(person, viewer, page, business):
    _, home = viewer
    state = {"business": business}
    if page.file == "customer":
        ((state["customer"],),) = ask(
            home,
            "select customer_id from serving.bi_customer_360 inner join serving.bi_domains "
            "using (domain) where title = ? and decision = 'treat' "
            "order by expected_profit desc, customer_id limit 1",
            business,
        )
    person.opens(page.address, **state)
    assert page.title in person.reads()
    assert person.browser.title == f"{business} · {page.title}"
    folder = os.environ.get(PICTURES)
    if folder:
        time.sleep(3)  # charts draw after the page has run
        name = f"viewer_{'' if business == 'KKBox' else 'shop_'}{page.file}.png"
        person.browser.save_screenshot(str(Path(folder) / name))


@pytest.mark.parametrize("business", ["KKBox", "Online shop"])
def test_links_back_forward_and_reload_keep_business_filters_and_customer(person, viewer, business):
    _, home = viewer
    ((customer,),) = ask(
        home,
        "select customer_id from serving.bi_customer_360 inner join serving.bi_domains "
        "using (domain) where title = ? order by risk_rank limit 1",
        business,
    )
    asked = f"?business={business.replace(' ', '+')}"
    person.opens("customers", business=business, value="100")
    narrowed = person.reads_the_count()
    seen = [(f"/customers{asked}&value=100", f"{business} · Customers")]
    assert person.is_at() == seen[0]
    person.opens("customer", business=business, customer=customer)
    seen.append((f"/customer{asked}&customer={quote(customer, safe='')}", f"{business} · Customer"))
    assert person.is_at() == seen[1]
    for page in PAGES:
        if page.file != "customer":
            person.follows(page.title)
            seen.append((f"/{page.address}{asked}", f"{business} · {page.title}"))
            assert person.is_at() == seen[-1]
    for step, order in (("back", reversed(seen[:-1])), ("forward", seen[1:])):
        for place in order:
            person.goes(step)
            assert person.is_at() == place
    for _ in seen[1:]:
        person.goes("back")
    assert person.reads_the_count() == narrowed
    person.goes("refresh")
    assert person.is_at() == seen[0]
    assert person.reads_the_count() == narrowed
    # within a session the list is found again as it was left
    person.follows("Plan")
    person.follows("Customers")
    assert person.is_at() == seen[0]


def test_back_and_forward_go_through_the_filters_of_a_list_one_by_one(person):
    person.opens("today")
    person.follows("Customers")
    counts = [person.reads_the_count()]
    for which in ("already cancelled", "everybody"):
        time.sleep(1.5)  # what follows sooner is the same step
        person.clicks(which)
        counts.append(person.reads_the_count())
    assert len(set(counts)) == 3
    for step, order in (("back", counts[1::-1]), ("forward", counts[1:])):
        for count in order:
            person.goes(step)
            person.sees(f"{count} customer")
    for _ in counts:
        person.goes("back")
    assert person.is_at() == ("/today?business=KKBox", "KKBox · Today")


def test_the_first_page_has_an_address_with_its_business(person):
    person.browser.get(person.address)
    person.waits()
    assert person.is_at() == ("/today?business=KKBox", "KKBox · Today")


def test_choosing_another_business_keeps_the_page_and_drops_the_filters(person):
    person.opens("customers", business="Online shop", value="100")
    kept = person.reads_the_count()
    person.finds("", "section[@data-testid='stSidebar']//input").click()
    person.finds("KKBox", "*[@role='option']").click()
    person.waits()
    assert person.is_at() == ("/customers?business=KKBox", "KKBox · Customers")
    person.goes("back")
    assert person.reads_the_count() == kept


POLICY = (
    "default-src 'self'; "
    "script-src 'self' 'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# Pages with charts, and how many at least.
CHARTS = {"today": 1, "plan": 2, "precedes": 1, "was_right": 2, "customer": 1}


def answers(browser):
    """What the browser asked for since the last call, and what it complained of."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    refused = [
        entry["message"]
        for entry in browser.get_log("browser")
        if "Content Security Policy" in entry["message"]
    ]
    return asked, refused


@pytest.mark.parametrize("business", ["KKBox", "Online shop"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.file)
def test_a_page_loads_from_its_own_server_only_under_a_policy(person, viewer, page, business):
    address, home = viewer
    with urllib.request.urlopen(f"{address}/{page.address}") as answer:
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    answers(person.browser)
    state = {}
    if page.file == "customer":
        ((state["customer"],),) = ask(
            home,
            "select min(customer_id) from serving.bi_customer_activity inner join "
            "serving.bi_customer_360 using (domain, customer_id) inner join serving.bi_domains "
            "using (domain) where title = ?",
            business,
        )
    person.opens(page.address, business=business, **state)
    assert page.title in person.reads()
    assert person.browser.title == f"{business} · {page.title}"
    if page.address in CHARTS:
        WebDriverWait(person.browser, PATIENCE).until(
            lambda driver: (
                len(driver.find_elements(By.CSS_SELECTOR, ".vega-embed :is(svg, canvas)"))
                >= CHARTS[page.address]
            )
        )
    time.sleep(1)
    asked, refused = answers(person.browser)
    assert refused == []
    elsewhere = [
        url
        for url in asked
        if not url.startswith((address, address.replace("http", "ws"), "data:", "blob:", "chrome:"))
    ]
    assert elsewhere == []
    assert len(asked) > 10


# Pages whose figures and wording this file's tests of looks hold.
STATES = {"changes": ({}, {"view": "due"}), "was_right": ({}, {"view": "missed"})}
FIGURES = "[data-testid='stMetricValue'], [data-testid='stMetricLabel']"
CUT_OFF = """
    return [...document.querySelectorAll(arguments[0])]
        .flatMap(figure => [figure, ...figure.querySelectorAll("*")])
        .filter(part => part.clientWidth && part.scrollWidth > part.clientWidth + 1)
        .filter(part => getComputedStyle(part).overflowX !== "visible")
        .map(part => part.textContent)
"""
IS_WIDER = """
    const page = document.querySelector("[data-testid='stMain']");
    return page.scrollWidth > page.clientWidth + 1
"""


def places(home, business):
    """Every page, in the states that draw something else."""
    for page in PAGES:
        for state in STATES.get(page.address, ({},)):
            if page.file == "customer":
                ((customer,),) = ask(
                    home,
                    "select customer_id from serving.bi_customer_360 inner join serving.bi_domains "
                    "using (domain) where title = ? order by risk_rank limit 1",
                    business,
                )
                state = {"customer": customer}
            # without due dates there is no such view
            if state.get("view") != "due" or business == "KKBox":
                yield page, state


@pytest.mark.parametrize("business", ["KKBox", "Online shop"])
@pytest.mark.parametrize("width", [390, 800, 1024, 1400])
def test_no_figure_is_cut_off(person, viewer, width, business):
    before = person.browser.get_window_size()
    seen = 0
    try:
        person.browser.set_window_size(width, 1200)
        for page, state in places(viewer[1], business):
            person.opens(page.address, business=business, **state)
            assert person.browser.execute_script(CUT_OFF, FIGURES) == [], page.file
            assert not person.browser.execute_script(IS_WIDER), page.file
            seen += len(person.browser.find_elements(By.CSS_SELECTOR, FIGURES))
    finally:
        person.browser.set_window_size(before["width"], before["height"])
    assert seen > 20


@pytest.mark.parametrize("business", ["KKBox", "Online shop"])
def test_axe_finds_nothing_serious_and_every_chart_has_a_text(person, viewer, business):
    script = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
    charts = 0
    for page, state in places(viewer[1], business):
        person.opens(page.address, business=business, **state)
        time.sleep(2)  # charts draw after the page has run
        person.browser.execute_script(script)
        found = person.browser.execute_async_script(
            "const done = arguments[arguments.length - 1];axe.run().then(done)"
        )
        serious = [
            (finding["id"], finding["nodes"][0]["html"])
            for finding in found["violations"]
            if finding["impact"] in ("serious", "critical")
        ]
        assert serious == [], page.file
        assert found["passes"]
        for chart in person.browser.find_elements(
            By.CSS_SELECTOR, "[data-testid='stVegaLiteChart']"
        ):
            charts += 1
            label = chart.get_attribute("aria-label") or ""
            assert len(label) > 20, page.file
    assert charts > 5


def test_the_api_shows_its_document_as_a_page(browser, made_world):
    with serving(made_world, "api", "--port", "0") as port:
        answers(browser)
        browser.get(f"http://127.0.0.1:{port}/docs")
        WebDriverWait(browser, PATIENCE).until(
            lambda driver: "/v1/{domain}/customers" in driver.page_source
        )
        assert "Unable to render" not in browser.page_source
        asked, refused = answers(browser)
        assert refused == []
        assert f"http://127.0.0.1:{port}/docs/swagger-ui-bundle.js" in asked
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/docs") as answer:
            policy = answer.headers["Content-Security-Policy"]
        assert "unsafe-eval" not in policy
        assert "frame-ancestors 'none'" in policy


def test_a_customers_link_in_the_list_opens_that_customer(person, viewer):
    """Ids contain `/`, `+` and `=`, which an address gives a meaning."""
    _, home = viewer
    ((one,),) = ask(
        home,
        "select customer_id from serving.bi_customer_360 where domain = 'kkbox' "
        "and contains(customer_id, '/') and contains(customer_id, '+') order by 1 limit 1",
    )
    person.opens("customers")
    person.writes("Find a customer by ID", one[:12] + Keys.ENTER)
    person.waits()
    before = set(person.browser.window_handles)
    table = person.awaits("[data-testid='stDataFrame'] canvas")
    # the id is the first column beside the boxes; a link opens a tab of its own
    place = -table.size["width"] / 2 + 60, -table.size["height"] / 2 + 35 + 17
    ActionChains(person.browser).move_to_element_with_offset(
        table, *map(int, place)
    ).click().perform()
    WebDriverWait(person.browser, PATIENCE).until(
        lambda driver: set(driver.window_handles) - before
    )
    first = person.browser.current_window_handle
    (fresh,) = set(person.browser.window_handles) - before
    person.browser.switch_to.window(fresh)
    try:
        person.waits()
        person.sees("Signs of leaving")
        field = person.awaits("input[aria-label='Customer ID']")
        assert field.get_attribute("value") == one
    finally:
        person.browser.close()
        person.browser.switch_to.window(first)


def bars(person, chart=0):
    """The bars of a chart, the first of the page if no other is named."""

    def drawn(driver):
        charts = driver.find_elements(By.CSS_SELECTOR, "[data-testid='stVegaLiteChart']")
        return charts[chart].find_elements(By.CSS_SELECTOR, ".mark-rect path")

    found = WebDriverWait(
        person.browser, PATIENCE, ignored_exceptions=[IndexError, StaleElementReferenceException]
    ).until(drawn)
    person.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found[0])
    return found


def test_a_bar_of_the_distribution_leads_to_its_people(person):
    person.opens("customers")
    everybody = person.reads_the_count()
    ActionChains(person.browser).move_to_element(bars(person)[0]).click().perform()
    person.waits()
    assert person.reads_the_count() != everybody
    assert "risk=0&risk=5" in person.browser.current_url


def test_a_bar_of_a_segment_leads_to_its_people_and_to_nobody_else(person):
    # filters of a visit before, which the browser's session remembers
    person.opens("customers", bands="low", value="10000")
    person.sees("To share these filters")
    person.clicks("Segments", kind="a")
    ActionChains(person.browser).move_to_element(bars(person)[0]).click().perform()
    person.waits()
    customers = re.search(r"See the ([\d,]+) customers?:", person.reads())[1]
    person.clicks("See the", kind="a")
    assert person.reads_the_count() == customers
    assert "value=" not in person.browser.current_url


def test_a_table_has_no_download_of_its_own(person):
    """It would hold the rows that are shown, with the control groups."""
    person.opens("customers")
    table = person.awaits("[data-testid='stDataFrame'] canvas")
    ActionChains(person.browser).move_to_element(table).perform()
    time.sleep(1)
    shown = [
        button.get_attribute("aria-label")
        for button in person.browser.find_elements(
            By.CSS_SELECTOR, "[data-testid='stElementToolbarButton'] button"
        )
        if button.is_displayed()
    ]
    assert any(label.startswith("Fullscreen: Table") for label in shown)
    assert not any(label.startswith(("Download", "Search")) for label in shown if "Table" in label)


SECRETS = """
[auth]
redirect_uri = "{viewer}/oauth2callback"
cookie_secret = "{secret}"
client_id = "viewer"
client_secret = "{secret}"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


def test_people_sign_in_by_openid_connect(browser, demo_copy, tmp_path, monkeypatch):
    named = {"sub": "1", "email": "marketing@example.com", "email_verified": True}
    # a provider says who somebody is; the file of people says what they may do
    add_person(demo_copy, "marketing@example.com", "mark", None)
    users = [
        oidc_provider_mock.User(sub="marketing", claims=named),
        oidc_provider_mock.User(sub="stranger", claims={**named, "email": "else@example.com"}),
        oidc_provider_mock.User(sub="unproven", claims={**named, "email_verified": False}),
    ]
    port = free_port()
    (tmp_path / ".streamlit").mkdir()
    monkeypatch.chdir(tmp_path)
    with oidc_provider_mock.run_server_in_thread(user_claims=users) as provider:
        (tmp_path / ".streamlit" / "secrets.toml").write_text(
            SECRETS.format(
                viewer=f"http://127.0.0.1:{port}",
                provider=f"http://127.0.0.1:{provider.server_port}",
                secret=secrets.token_hex(),
            )
        )
        with viewing(demo_copy, port) as address:
            person = Person(browser, address)
            for user, told in (
                ("stranger", "nobody has added you yet"),
                ("unproven", "nobody has added you yet"),
                ("marketing", "Value at risk"),
            ):
                person.opens("today")
                person.sees("Please sign in")
                assert "NT$" not in person.reads()
                person.finds("Sign in").click()
                person.awaits("input[name='sub']").send_keys(user + Keys.ENTER)
                WebDriverWait(browser, PATIENCE).until(
                    lambda driver: driver.current_url.startswith(address)
                )
                person.waits()
                person.sees(told)
                if user != "marketing":
                    assert "NT$" not in person.reads()
                    person.signs_out()
            sidebar = browser.find_element(By.CSS_SELECTOR, "[data-testid='stSidebar']").text
            # a joiner that nobody sees keeps the name from becoming a link
            assert "marketing@example.com" in sidebar.replace("\u2060", "")
            person.signs_out()
            person.opens("today")
            person.sees("Please sign in")
