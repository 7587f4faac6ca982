"""A marketer's morning in a real browser: find, read, plan, export, mark, and see it stick."""

import csv
import os
import re
import shutil
import socket
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from app.viewer.main import PAGES
from benchmarks.http_load import serving
from cli.launcher import together
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
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    with webdriver.Chrome(options=options, service=Service(driver)) as opened:
        opened.downloads = downloads
        yield opened


@pytest.fixture(scope="module")
def viewer(demo, tmp_path_factory):
    """The address of a viewer with its API over a copy of the demo, and the copy."""
    home = Home(tmp_path_factory.mktemp("viewer") / "home")
    shutil.copytree(demo[0].root, home.root, symlinks=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with together(home, port, 0):
        address = f"http://127.0.0.1:{port}"
        for _ in range(PATIENCE):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health"):
                    break
            except OSError:
                time.sleep(1)
        yield address, home


class Person:
    """What somebody in front of the viewer does and sees."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address

    def opens(self, page, **state):
        asked = "&".join(
            f"{key}={quote(value, safe='')}"
            for key, value in {"business": "KKBox", **state}.items()
        )
        # the first page has no name in the address
        path = "" if page == PAGES[0].address else page
        self.browser.get(f"{self.address}/{path}?{asked}")
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
            if words in self.reads():
                return
            time.sleep(1)
        raise AssertionError(f"{words!r} is not on the page:\n{self.reads()}")

    def finds(self, words, kind="button"):
        return WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: driver.find_elements(By.XPATH, f"//{kind}[contains(., '{words}')]")
        )[0]

    def clicks(self, words, kind="button"):
        self.finds(words, kind).click()
        self.waits()

    def writes(self, label, words):
        field = WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: driver.find_element(By.CSS_SELECTOR, f"input[aria-label='{label}']")
        )
        field.send_keys(words)

    def reads_the_count(self):
        """How many customers the list has."""
        self.sees("To share these filters")
        return re.search(r"([\d,]+) customers?\. To share", self.reads())[1]

    def picks_the_first_row(self):
        """The table is a picture to the browser: click where its first checkbox is."""
        table = WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: driver.find_element(
                By.CSS_SELECTOR, "[data-testid='stDataFrame'] canvas"
            )
        )
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", table)
        place = -table.size["width"] / 2 + 16, -table.size["height"] / 2 + 35 + 17
        ActionChains(self.browser).move_to_element_with_offset(
            table, *map(int, place)
        ).click().perform()
        self.waits()

    def moves_the_slider(self, steps):
        key = Keys.ARROW_RIGHT if steps > 0 else Keys.ARROW_LEFT
        slider = WebDriverWait(self.browser, PATIENCE).until(
            lambda driver: driver.find_element(By.CSS_SELECTOR, "[data-testid='stSlider'] input")
        )
        before = slider.get_attribute("value")
        for _ in range(abs(steps)):
            self.browser.execute_script("arguments[0].focus()", slider)
            ActionChains(self.browser).send_keys(key).perform()
        assert slider.get_attribute("value") != before
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
    person.moves_the_slider(-10)
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
    field = person.browser.find_element(By.CSS_SELECTOR, "form input, [data-testid='stForm'] input")
    field.send_keys("asked not to be written to")
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


def test_a_publish_while_the_page_is_open_shows_at_the_next_click(person, viewer, run_churn):
    _, home = viewer
    person.opens("plan")
    before = person.reads()
    done = run_churn(home.root, "plan", "--domain", "kkbox", "--budget", "100", "--save")
    assert done.returncode == 0, done.stderr
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stderr
    person.clicks("Today", kind="a")
    person.clicks("Plan", kind="a")
    after = person.reads()
    spend = re.compile(r"Expected spend\s+NT\$([\d,]+)")
    assert int(spend.search(after)[1].replace(",", "")) <= 100
    assert int(spend.search(before)[1].replace(",", "")) > 100


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
    assert person.browser.title == f"{page.title} · {business}"
    folder = os.environ.get(PICTURES)
    if folder and business == "KKBox":
        time.sleep(3)  # charts draw after the page has run
        person.browser.save_screenshot(str(Path(folder) / f"viewer_{page.file}.png"))


def test_the_api_shows_its_document_as_a_page(browser, made_world):
    with serving(made_world, "api", "--port", "0") as port:
        browser.get(f"http://127.0.0.1:{port}/docs")
        WebDriverWait(browser, PATIENCE).until(
            lambda driver: "/v1/{domain}/customers" in driver.page_source
        )
        assert "Unable to render" not in browser.page_source


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
    table = person.browser.find_element(By.CSS_SELECTOR, "[data-testid='stDataFrame'] canvas")
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
        field = person.browser.find_element(By.CSS_SELECTOR, "input[aria-label='Customer ID']")
        assert field.get_attribute("value") == one
    finally:
        person.browser.close()
        person.browser.switch_to.window(first)


@pytest.mark.parametrize("width", [800, 1024, 1400])
@pytest.mark.parametrize("page", ["customers", "customer", "segments", "do_not_contact"])
def test_no_figure_is_cut_off(person, viewer, page, width):
    _, home = viewer
    state = {}
    if page == "customer":
        ((state["customer"],),) = ask(
            home,
            "select customer_id from serving.bi_customer_360 where domain = 'kkbox' "
            "and decision = 'treat' order by expected_profit desc, 1 limit 1",
        )
    person.browser.set_window_size(width, 1200)
    try:
        person.opens(page, **state)
        figures = person.browser.find_elements(By.CSS_SELECTOR, "[data-testid='stMetricValue']")
        assert figures or page in ("segments", "do_not_contact")
        for figure in figures:
            shown = person.browser.execute_script(
                "const inner = arguments[0].querySelector('*') || arguments[0];"
                "return [arguments[0].scrollWidth <= arguments[0].clientWidth + 1,"
                "inner.scrollWidth <= inner.clientWidth + 1]",
                figure,
            )
            assert all(shown), figure.text
            assert "…" not in figure.text
        assert person.browser.execute_script(
            "return document.documentElement.scrollWidth <= window.innerWidth + 1"
        )
    finally:
        person.browser.set_window_size(1400, 1200)


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
    table = person.browser.find_element(By.CSS_SELECTOR, "[data-testid='stDataFrame'] canvas")
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
