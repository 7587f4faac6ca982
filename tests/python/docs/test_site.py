"""The docs site: whole, static, and nothing on it is fetched from elsewhere."""

import io
import re
import sys
from html.parser import HTMLParser

import pytest
import typer
from rich.console import Console

from cli.commands import app
from pipeline.docs import build_site
from pipeline.docs.cli_reference import REFERENCE, cli_reference
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home


class Assets(HTMLParser):
    """What a page loads by itself, and what it links to."""

    def __init__(self):
        super().__init__()
        self.loaded, self.linked = [], []

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        if tag in ("script", "img", "iframe", "source", "video", "embed") and said.get("src"):
            self.loaded.append(said["src"])
        elif tag == "link" and said.get("href"):
            self.loaded.append(said["href"])
        elif tag == "a" and said.get("href"):
            self.linked.append(said["href"])


def assets(page):
    parser = Assets()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def check_offline(folder):
    pages = sorted(folder.rglob("*.html"))
    for page in pages:
        found = assets(page)
        for path in found.loaded:
            assert not re.match(r"(https?:)?//", path), f"{page}: {path}"
            if not path.startswith(("data:", "#")) and page.parent.name != "dbt":
                assert (page.parent / path.partition("?")[0]).exists(), f"{page}: {path}"
        for path in found.linked:
            if not re.match(r"https?:|mailto:|#|$", path) and page.parent.name != "dbt":
                target = page.parent / path.partition("#")[0].partition("?")[0]
                assert target.exists(), f"{page}: {path}"
    for sheet in folder.rglob("*.css"):
        assert not re.search(r"(url\(['\"]?|@import\s+['\"])(https?:)?//", sheet.read_text()), sheet
    return pages


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages of text, built without any data."""
    folder = tmp_path_factory.mktemp("docs")
    quiet = Console(file=io.StringIO())
    return build_site(Home(folder / "home"), app, quiet, folder / "site", data=False).parent


def test_pages_open_from_a_file_and_fetch_nothing(site):
    names = {str(page.relative_to(site)) for page in check_offline(site)}
    assert {"index.html", "README.html", "DECISIONS.html", "docs/cli.html", "search.html"} <= names
    pages = {f"docs/{path.stem}.html" for path in (PROJECT / "docs").glob("*.md")}
    assert pages <= names
    assert (site / "searchindex.js").exists()
    assert not list(site.rglob("*mathjax*"))


def test_every_page_is_reached_from_the_first(site):
    linked = set(assets(site / "index.html").linked)
    for path in (PROJECT / "docs").glob("*.md"):
        assert f"docs/{path.stem}.html" in linked


def test_without_data_the_first_page_says_what_is_missing(site):
    text = re.sub(r"<[^>]+>", "", (site / "index.html").read_text())
    assert "Nothing is published yet" in text
    assert "No model is live yet" in text


def test_a_link_that_leads_nowhere_stops_the_build(home, console, tmp_path, monkeypatch):
    from pipeline.docs import site as build

    real = build.lay_out

    def lay_out(where, commands, source):
        real(where, commands, source)
        (source / "docs" / "broken.md").write_text("# Broken\n\n[there](nowhere.md)\n")

    monkeypatch.setattr(build, "lay_out", lay_out)
    target = tmp_path / "site"
    with pytest.raises(ChurnError, match=r"docs/broken.md:3.*nowhere"):
        build_site(home, app, console, target, data=False)
    assert not target.exists()


def test_the_reference_of_the_command_line_is_up_to_date():
    text = (PROJECT / REFERENCE).read_text()
    assert text == cli_reference(app), "run `churn docs --cli`"


def test_the_reference_follows_the_commands():
    commands = typer.Typer()
    group = typer.Typer()
    commands.add_typer(group, name="pair")

    @commands.command()
    def one(name: str, loud: bool = False, times: int = typer.Option(3, help="How | often.")):
        """Say a name."""

    @group.command("two")
    def two():
        """Say nothing."""

    text = cli_reference(commands)
    assert text.index("## churn one") < text.index("## churn pair two")
    assert "churn one NAME [OPTIONS]" in text
    assert "| `--times TIMES` | How \\| often. (default 3) |" in text
    assert "| `--loud`, `--no-loud` |" in text


def test_every_command_has_a_word_of_help():
    for section in cli_reference(app).split("\n## ")[1:]:
        words = section.split("\n\n")[1]
        assert words and not words.startswith("```"), section


def test_without_sphinx_the_way_to_it_is_told(home, console, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "furo", None)
    with pytest.raises(ChurnError) as told:
        build_site(home, app, console, tmp_path / "site", data=False)
    assert "pip install --editable '.[docs]'" in told.value.hint


@pytest.mark.long
def test_the_whole_site_shows_the_demo(demo_copy, console, tmp_path):
    site = build_site(demo_copy, app, console, tmp_path / "site").parent
    names = {str(page.relative_to(site)) for page in check_offline(site)}
    for name in ("kkbox", "ecommerce", "labels"):
        assert f"notebooks/{name}.html" in names
    for name in ("kkbox", "ecommerce"):
        page = (site / "info_sheets" / f"{name}.html").read_text()
        assert f"{name}_beeswarm.png" in page
    assert "data:image/png" not in (site / "notebooks" / "kkbox.html").read_text()
    assert len(list((site / "_images").glob("*.png"))) > 15
    models = (site / "dbt" / "index.html").read_text()
    assert "kkbox__churn_examples" in models
    assert "bi_churn_risk" in models
    assert "cloudfront" not in models
    assert "made-up members" in (site / "notebooks" / "kkbox.html").read_text().replace(
        "<strong>", ""
    ).replace("</strong>", "")
