"""What is drawn on the terminal shows names as they are."""

import io

from rich.console import Console

from pipeline.project.terminal import progress_bar, show_warning


def test_brackets_in_a_name_of_a_file_are_shown():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress_bar(console) as bar:
        bar.add_task("[red]orders[/].csv")
        bar.refresh()
    assert "[red]orders[/].csv" in console.file.getvalue()


def test_brackets_in_a_warning_are_shown():
    console = Console(file=io.StringIO(), width=100)
    show_warning(console, "kkbox: [/red] is not a customer")
    assert "warning kkbox: [/red] is not a customer" in console.file.getvalue()
