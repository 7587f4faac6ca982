"""The page for whoever runs the nights: what it says to install is what the command takes."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from cli.commands import app
from pipeline.alerts.settings import Targets
from pipeline.alerts.trouble import KINDS
from pipeline.operations.missed import MOST
from pipeline.operations.status import NightStatus
from pipeline.project.alert_settings import AlertRules
from pipeline.project.exit_codes import FAILED, PUBLISHED, REFUSED, WARNED
from pipeline.project.home import PROJECT

PAGE = (PROJECT / "docs" / "operate.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLATFORM = "/srv/churn/platform"


def blocks(kind):
    return [text for found, text in BLOCK.findall(PAGE) if found == kind]


def unit(name):
    (text,) = (text for text in blocks("ini") if text.startswith(f"# {name}\n"))
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.optionxform = str
    parsed.read_string(text)
    return text, parsed


def check_call(arguments):
    """Parse the arguments of `churn` as the command line would, and run nothing."""
    name, *options = arguments
    command = typer.main.get_command(app).commands[name]
    command.make_context(name, list(options)).close()


def cron_line():
    (text,) = blocks("cron")
    home, line = text.splitlines()
    assert home.startswith("CHURN_HOME=/")
    *when, command = line.split(None, 5)
    assert all(re.fullmatch(r"\*|\d+", part) for part in when), when
    assert "%" not in command, "cron takes a % for the end of the line"
    return command


def test_the_service_calls_the_command_with_options_that_it_has():
    _, service = unit("churn-nightly.service")
    program, *arguments = shlex.split(service["Service"]["ExecStart"])
    assert program == f"{PLATFORM}/.venv/bin/churn"
    check_call(arguments)
    assert service["Service"]["SuccessExitStatus"] == str(WARNED)
    assert service["Service"]["Environment"].startswith("CHURN_HOME=/")
    # the unit that the timer starts is that of its own name
    assert unit("churn-nightly.timer")[1]["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_finds_no_fault_in_the_units(tmp_path):
    for name in ("churn-nightly.service", "churn-nightly.timer"):
        # a unit is checked for programs and folders that exist
        text = unit(name)[0].replace(PLATFORM, str(PROJECT)).replace("/srv/churn/data", "/tmp")
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE)
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
    )
    words = [line for line in done.stderr.splitlines() if "churn-nightly" in line]
    assert (done.returncode, words) == (0, []), done.stderr
    when = unit("churn-nightly.timer")[1]["Timer"]["OnCalendar"]
    done = subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_line_of_cron_calls_the_command_with_options_that_it_has():
    words = shlex.split(cron_line().replace(";", " ; "))
    at = words.index(".venv/bin/churn")
    arguments = []
    for word in words[at + 1 :]:
        if word in (">>", "||", "&&", ";"):
            break
        arguments.append(word)
    check_call(arguments)


@pytest.mark.parametrize("code", [PUBLISHED, WARNED, REFUSED, FAILED])
def test_the_line_of_cron_logs_every_status_and_mails_one_that_is_not_0(tmp_path, code):
    """What cron mails is what the command prints."""
    churn = tmp_path / "platform" / ".venv" / "bin" / "churn"
    churn.parent.mkdir(parents=True)
    churn.write_text(f"#!/bin/sh\necho status {code}\nexit {code}\n")
    churn.chmod(0o755)
    line = cron_line().replace("/srv/churn", str(tmp_path))
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True)
    assert (tmp_path / "nightly.log").read_text() == f"status {code}\n"
    assert done.stdout == ("" if code == PUBLISHED else f"status {code}\n")
    assert done.stderr == ""


@pytest.mark.parametrize("needs", ["dagster", "airflow"])
def test_the_orchestrators_call_the_command_with_options_that_it_has(needs):
    (text,) = (text for text in blocks("python") if f"{needs}" in text)
    compile(text, needs, "exec")
    (call,) = re.findall(r"\[CHURN, (.*?)\]", text)
    check_call(re.findall(r'"([^"]+)"', call))
    assert "not in (0, 4)" in text


def test_the_container_calls_commands_with_options_that_they_have():
    (text,) = (one for one in re.findall(r"^```\n(docker build.*?)^```", PAGE, re.M | re.S))
    calls = [line.partition(" churn ")[2] for line in text.splitlines() if "docker run" in line]
    assert len(calls) == 2
    for call in calls:
        check_call(shlex.split(call.replace("/raw", str(PROJECT))))


def test_the_dockerfile_has_no_fault_and_installs_what_is_locked():
    path = PROJECT / "Dockerfile"
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    text = path.read_text()
    assert "--require-hashes --requirement requirements.txt" in text
    user = re.findall(r"^USER (\S+)$", text, re.MULTILINE)[-1]
    assert user not in ("0", "root")
    # what it copies must not bring data or secrets of whoever builds it
    ignored = (PROJECT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "data"} <= set(ignored)


def test_the_parts_of_the_platform_are_those_of_the_lock_file(tmp_path):
    """The command of `make sbom`: CycloneDX with every part, its version and its hashes."""
    (line,) = (
        part
        for part in (PROJECT / "Makefile").read_text().replace("\\\n", " ").splitlines()
        if "cyclonedx-py requirements" in part
    )
    program, *arguments = shlex.split(line)
    arguments[arguments.index("--output-file") + 1] = str(tmp_path / "sbom.json")
    done = subprocess.run(
        [Path(sys.executable).with_name(Path(program).name), *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "sbom.json").read_text())
    assert document["bomFormat"] == "CycloneDX"
    parts = {(part["name"], part["version"]) for part in document["components"]}
    locked = re.findall(r"^([\w.-]+)==([\w.]+)", (PROJECT / "requirements.txt").read_text(), re.M)
    assert parts == set(locked)
    assert len(parts) > 100


def test_every_exit_code_is_explained():
    codes = {int(code) for code in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)}
    assert codes == {PUBLISHED, FAILED, 2, REFUSED, WARNED}


def test_the_status_shown_is_one_that_the_code_writes():
    (text,) = (text for text in blocks("json") if '"command"' in text)
    status = NightStatus.model_validate_json(text)
    assert set(status.domains) == {"kkbox", "ecommerce"}
    named = set(re.findall(r"`(\w+)`", PAGE.partition("| key | says |")[2].partition("\n\n")[0]))
    assert named - {"rows"} <= set(NightStatus.model_fields)


def test_the_targets_shown_are_what_the_code_reads():
    (text,) = (text for text in blocks("json") if '"targets"' in text)
    targets = Targets.model_validate_json(text)
    assert {one.kind for one in targets.targets.values()} == {
        "file",
        "webhook",
        "slack",
        "teams",
        "smtp",
    }


def test_every_kind_of_alert_and_every_key_of_its_rules_is_explained():
    (part,) = re.findall(r"^## When something is wrong$(.*?)^## ", PAGE, re.M | re.S)
    cells = "\n".join(line for line in part.splitlines() if line.startswith("|"))
    for kind in KINDS:
        assert f"`{kind}`" in cells, kind
    for key, field in AlertRules.model_fields.items():
        assert f"`{key}" in cells, key
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert f"`{key}: {field.default}`" in cells, key


def test_the_page_says_how_many_nights_are_made_up_for():
    assert MOST == 7 and "Up to seven missed nights" in PAGE


def test_the_version_has_its_place_in_the_changelog():
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## {version}\n" in (PROJECT / "CHANGELOG.md").read_text()
