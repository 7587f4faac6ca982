"""The reference of the command line, made from the commands themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from pipeline.project.home import PROJECT

REFERENCE = Path("docs/cli.md")
_HEAD = """# Command line

<!-- made by `churn docs --cli` from the commands; edit their docstrings and help -->
"""


def cli_reference(app: typer.Typer) -> str:
    """Return the reference as Markdown: a section for each command, in alphabetical order."""
    root = typer.main.get_command(app)
    sections = [_HEAD + f"\n{root.help}"]
    sections += [_section(path, command) for path, command in _commands(root, ("churn",))]
    return "\n\n".join(sections) + "\n"


def write_cli_reference(app: typer.Typer, project: Path = PROJECT) -> Path:
    """Write docs/cli.md anew and return its path."""
    path = project / REFERENCE
    path.write_text(cli_reference(app), encoding="utf-8")
    return path


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    # by what they have: typer may bring a click of its own
    if hasattr(command, "commands"):
        for name, part in sorted(command.commands.items()):
            yield from _commands(part, (*path, name))
    elif not command.hidden:
        yield path, command


def _section(path: tuple[str, ...], command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    usage = [*path, *(_usage(argument) for argument in arguments)]
    usage += ["[OPTIONS]"] if options else []
    parts = [
        f"## {' '.join(path)}",
        " ".join((command.help or "").split()),
        f"```\n{' '.join(usage)}\n```",
    ]
    rows = [
        *(
            f"| `{_usage(argument)}` | {_cell(getattr(argument, 'help', None))} |"
            for argument in arguments
        ),
        *(f"| {_flags(option)} | {_cell(_words(option))} |" for option in options),
    ]
    if rows:
        parts.append("\n".join(["| | |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _usage(argument: Any) -> str:
    name = (argument.name or "").upper().replace("_", "-")
    return name if argument.required else f"[{name}]"


def _flags(option: Any) -> str:
    value = "" if option.is_flag else f" {(option.name or '').strip('_').upper()}"
    return ", ".join(f"`{flag}{value}`" for flag in (*option.opts, *option.secondary_opts))


def _words(option: Any) -> str:
    notes = []
    if option.required:
        notes.append("required")
    elif not option.is_flag and option.default is not None and not callable(option.default):
        notes.append(f"default {option.default}")
    if option.multiple:
        notes.append("repeatable")
    said = [option.help or "", f"({'; '.join(notes)})" if notes else ""]
    return " ".join(said).strip()


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
