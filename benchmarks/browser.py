"""The viewer in a real browser, over what is published: what somebody waits for."""

import shutil
import statistics
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Ratio
from benchmarks.workbench import Bench
from cli.launcher import free_port, together
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home, home
from pipeline.publish.generation import current

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

# Seconds that people are ready to wait.
START, FIRST_PAGE, FILTER, STEP = 10.0, 3.0, 1.0, 1.5
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1200")
# Seconds without a change after which a page stands still, and after which it never will.
_STILL, _PATIENCE = 1.0, 60.0
_STEPS = 5
# Changes count where somebody reads: the sign of a running script stays for a second after it.
_WATCH = """
window.changed = performance.now();
const main = '[data-testid="stMain"]';
new MutationObserver((changes) => {
    const nodes = changes.map((c) => c.target.nodeType === 1 ? c.target : c.target.parentElement);
    if (nodes.some((node) => node?.closest(main))) window.changed = performance.now();
}).observe(document, {childList: true, subtree: true, characterData: true, attributes: true});
"""
# A page is through when no part is stale, nothing runs, and nothing has changed for a while.
_SECONDS_WHEN_STILL = """
const busy = '[data-testid="stStatusWidget"], [data-stale="true"], [data-testid="stSkeleton"]';
const now = performance.now();
const still = document.querySelector('h1') && !document.querySelector(busy)
    && now - window.changed > 1000 * arguments[1];
return still ? (window.changed - arguments[0]) / 1000 : null;
"""


def measure(bench: Bench) -> list[Figure]:
    """Measure the start of `churn app`, its first page, and choices on Customers and Plan.

    Each round starts the application anew; a figure is the best of the rounds.

    Raises:
        ChurnError: Nothing is published, or there is no chromium.
    """
    here = home()
    generation = current(here)
    if generation is None:
        raise ChurnError(
            "Nothing is published.", where=str(here.published), hint="Run `churn demo`."
        )
    rounds = []
    with bench.console.status("the viewer in a browser") as status:
        for number in range(bench.rounds):
            status.update(f"round {number + 1} of {bench.rounds}: the viewer in a browser")
            rounds.append(_morning(here))
    how = f"of {generation.path.stem}, best of {bench.rounds}"
    aims = (
        ("start", START, f"`churn app` until its viewer answers {how}"),
        ("first_page", FIRST_PAGE, "Today, the first page after that, until it stands still"),
        ("filter", FILTER, "slowest of three choices of filters on Customers"),
        ("risk_step", STEP, "a step of the slider of risks on Customers, median of five"),
        ("plan_step", STEP, "a step of the slider on Plan, whose plan is calculated anew"),
        ("slowest_step", STEP, "the slowest of those ten steps"),
    )
    figures = []
    for name, aim, what in aims:
        seconds = min(round_[name] for round_ in rounds)
        ratio = Ratio(f"browser_{name}_of_{aim:g}_s", f"{aim:g} s", seconds / aim, 1.0)
        figures.append(Figure(f"browser_{name}", seconds, "s", what, ratio))
    return figures


def _morning(here: Home) -> dict[str, float]:
    """Start the application, then open Today, Customers and Plan; return seconds by name."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with _opened_browser() as driver:
        began = time.perf_counter()
        with together(here, port, 0):
            _until_it_answers(f"{address}/_stcore/health")
            start = time.perf_counter() - began
            first = _open(driver, address)
            _open(driver, f"{address}/customers")
            filters = [_choose(driver, label) for label in ("Risk band", "Segment", "Risk band")]
            risks = [_slide(driver) for _ in range(_STEPS)]
            _open(driver, f"{address}/plan")
            plans = [_slide(driver) for _ in range(_STEPS)]
    return {
        "start": start,
        "first_page": first,
        "filter": max(filters),
        "risk_step": statistics.median(risks),
        "plan_step": statistics.median(plans),
        "slowest_step": max(*risks, *plans),
    }


def _open(driver: "Chrome", address: str) -> float:
    driver.get(address)
    driver.execute_script(_WATCH)
    return _seconds_until_still(driver, since=0.0)


def _choose(driver: "Chrome", label: str) -> float:
    """Choose what stands first in the list of a filter."""
    field = driver.find_element("css selector", f"input[aria-label*='{label}']")
    field.click()
    time.sleep(_STILL)
    return _seconds_after(driver, field, "ARROW_DOWN", "ENTER")


def _slide(driver: "Chrome") -> float:
    return _seconds_after(
        driver, driver.find_element("css selector", "input[type='range']"), "ARROW_RIGHT"
    )


def _seconds_after(driver: "Chrome", element: "WebElement", *keys: str) -> float:
    """Press keys; return the seconds until the page stands still."""
    from selenium.webdriver.common.keys import Keys

    since = driver.execute_script("return performance.now()")
    element.send_keys(*(getattr(Keys, key) for key in keys))
    # what an answer of the server has changed comes after what the key itself has
    time.sleep(_STILL)
    return _seconds_until_still(driver, since)


def _seconds_until_still(driver: "Chrome", since: float) -> float:
    """Return the seconds from a moment of the page's clock to its last change.

    Raises:
        ChurnError: The page does not come to rest.
    """
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        seconds = driver.execute_script(_SECONDS_WHEN_STILL, since, _STILL)
        if seconds is not None:
            return float(seconds)
        # asking costs the page time
        time.sleep(0.25)
    raise ChurnError(
        f"The page did not come to rest in {_PATIENCE:g} s.",
        where=driver.current_url,
        hint="Run `churn app` and look at it.",
    )


@contextmanager
def _opened_browser() -> Iterator["Chrome"]:
    """Yield a headless Chromium with a profile of its own.

    Raises:
        ChurnError: There is no chromium with its driver.
    """
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        raise ChurnError(
            "There is no chromium with chromedriver.",
            hint="apt-get install chromium chromium-driver",
        )
    options = ChromeOptions()
    options.binary_location = chromium
    with TemporaryDirectory() as profile:
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        with Chrome(options=options, service=ChromeService(chromedriver)) as driver:
            yield driver


def _until_it_answers(address: str) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        with suppress(OSError), urllib.request.urlopen(address):  # noqa: S310 - the loopback
            return
        time.sleep(0.05)
    raise ChurnError("The viewer did not start.", hint="Run `churn viewer` to see why.")
