"""Fixtures that more than one package's tests use."""

import io
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock
from home_copy import copy_home
from rich.console import Console

from pipeline.project.home import PROJECT, Home

# Files of few tests that take minutes: begun last, one of them would be waited for alone.
FIRST = (
    "ml/test_champion.py",
    "operations/test_nightly.py",
    "steps/test_run_demo.py",
    "steps/test_refused_domains.py",
    "steps/test_one_domain_alone.py",
    "viewer/test_browser.py",
    "operations/test_broken_nights.py",
    "engines/test_sail.py",
    "proofs/test_mutants.py",
    "docs/test_guide.py",
    "onboarding/test_domain.py",
)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest; the rest stays in its order."""
    here = Path(__file__).parent

    def place(item):
        name = item.path.relative_to(here).as_posix() if here in item.path.parents else ""
        return FIRST.index(name) if name in FIRST else len(FIRST)

    items.sort(key=place)


@pytest.fixture
def home(tmp_path):
    """An empty CHURN_HOME."""
    return Home(tmp_path / "home")


@pytest.fixture
def raw_dir(tmp_path):
    """An empty directory for raw files."""
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def console():
    """A console that records what is printed; `console.export_text()` returns it."""
    return Console(record=True, force_terminal=False, width=200, file=io.StringIO())


@pytest.fixture
def project(tmp_path):
    """A copy of the project's tracked and new files, which a command may write into."""
    folder = tmp_path / "project"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name in listed:
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((PROJECT / name).read_bytes())
    return folder


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real data, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("CHURN_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; CHURN_SHARED_DATA names another folder")
    return folder


def churn(home, *arguments):
    """Run the command line as a user would; returns the finished process."""
    return subprocess.run(
        [Path(sys.executable).with_name("churn"), *map(str, arguments)],
        env=os.environ | {"CHURN_HOME": str(home)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="session")
def run_churn():
    """The command line: `run_churn(home, "run", …)`."""
    return churn


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id):
    """A folder that all processes of a test session share; lock what is made in it.

    `CHURN_TEST_HOMES` names one that sessions share, of one version of the code: the demos are made
    once for the fast tests and the slow ones.
    """
    kept = os.environ.get("CHURN_TEST_HOMES")
    if kept:
        return Path(kept)
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def demo(shared_folder):
    """A published demo of a fifth of the size: its Home and the terminal's words. Read it only."""
    home, words = Home(shared_folder / "demo"), shared_folder / "demo.txt"
    with FileLock(shared_folder / "demo.lock"):
        if not words.exists():
            done = churn(home.root, "demo", "--scale", 0.2)
            assert done.returncode == 0, done.stdout + done.stderr
            words.write_text(done.stdout)
    return home, words.read_text()


@pytest.fixture
def demo_copy(demo, tmp_path):
    """A CHURN_HOME of one's own that starts as the published demo."""
    home = Home(tmp_path / "copy")
    copy_home(demo[0].root, home.root)
    return home


@pytest.fixture(scope="session")
def evaluated(demo, shared_folder):
    """A copy of the demo after `churn evaluate`, as `demo` gives it. Read it only."""
    home, words = Home(shared_folder / "evaluated"), shared_folder / "evaluated.txt"
    with FileLock(shared_folder / "evaluated.lock"):
        if not words.exists():
            copy_home(demo[0].root, home.root)
            done = churn(home.root, "evaluate", "--origins", 3)
            assert done.returncode == 0, done.stdout + done.stderr
            words.write_text(done.stdout)
    return home, words.read_text()


@pytest.fixture(scope="session")
def run_dbt():
    """dbt as an analytics engineer calls it: `run_dbt(home, "build", …)`."""

    def run(home, *arguments):
        return subprocess.run(
            [Path(sys.executable).with_name("dbt"), *arguments],
            env=os.environ
            | {
                "CHURN_HOME": str(home),
                "DBT_TARGET_PATH": str(Path(home) / "dbt" / "target"),
                "DBT_LOG_PATH": str(Path(home) / "dbt" / "logs"),
            },
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture(scope="session")
def demo_of(demo, shared_folder):
    """The demo with the data of one domain alone, published: `demo_of("kkbox")`. Read it only."""

    def publish(domain):
        home = Home(shared_folder / f"only_{domain}")
        with FileLock(shared_folder / f"only_{domain}.lock"):
            if not (home.published / "current.duckdb").exists():
                for folder in ("lake", "labels", "models"):
                    shutil.copytree(
                        demo[0].root / folder / domain, home.root / folder / domain, symlinks=True
                    )
                done = churn(home.root, "publish")
                assert done.returncode == 0, done.stdout + done.stderr
        return home

    return publish


def _served(source, folder):
    """A CHURN_HOME with what is published in another, its models, and a state of its own."""
    home = Home(folder / "home")
    for name in ("published", "models"):
        shutil.copytree(source.root / name, home.root / name, symlinks=True)
    return home


@pytest.fixture(scope="session", params=["both", "ecommerce", "kkbox"])
def api_home(request, demo, demo_of, tmp_path_factory):
    """A CHURN_HOME of the API's tests: with both domains, and with one alone as most have it."""
    source = demo[0] if request.param == "both" else demo_of(request.param)
    return _served(source, tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def two_domains_home(demo, tmp_path_factory):
    """A CHURN_HOME of tests that ask both domains; they say why."""
    return _served(demo[0], tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def made_world(tmp_path_factory):
    """A generated generation of 300 customers. Read it only."""
    from benchmarks.api import make_world, publish_next

    home = Home(tmp_path_factory.mktemp("world") / "home")
    make_world(home, 300)
    publish_next(home, 0)
    return home


@pytest.fixture
def world(made_world, tmp_path):
    """A CHURN_HOME of one's own with that generation, for tests that publish or write."""
    home = Home(tmp_path / "world")
    shutil.copytree(made_world.root, home.root, symlinks=True)
    return home


@pytest.fixture
def start_api():
    """Start the API in this process: `start_api(home, "read", rate_limit=…)` gives an `Api`."""
    from api_client import Api

    with ExitStack() as stack:
        yield lambda home, *scopes, **options: stack.enter_context(Api(home, *scopes, **options))


@pytest.fixture(scope="module")
def api(api_home):
    """The API over each home, with a key of every scope."""
    from api_client import Api

    with Api(api_home, "read", "predict", "write", "plan", "approve", "admin") as client:
        yield client


@pytest.fixture(autouse=True)
def anybody_may_look(request, monkeypatch):
    """Pages are opened by somebody who may do everything; tests of signing in say who it is."""
    if "viewer_pages" in sys.modules and "test_sign_in" not in request.module.__name__:
        from app.viewer import sign_in

        monkeypatch.setattr(sign_in, "person_of", lambda where, cookies: sign_in.DEMO)
