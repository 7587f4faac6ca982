"""`churn pull`: the rows of a domain from its database."""

from typing import Annotated

import typer

from cli.common import app, console, recording, writing
from pipeline.operations.pulling import pull_and_read
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.exit_codes import WARNED
from pipeline.project.home import home
from pipeline.project.terminal import show_warning


@app.command()
def pull(
    domain: Annotated[str, typer.Option(help="Domain whose entry has a connection.")],
) -> None:
    """Read what is new in a domain's database and load it like any file; `nightly` does it, too.

    New rows become a file for ingest. Updated and deleted rows are counted and kept beside it, and
    change nothing that features read. Exit code 4: columns have changed or rows were deleted; 3: a
    needed column is gone, and nothing was pulled.
    """
    where = home()
    check_domain(domain, domain_entries())
    with writing(where), recording(where, "pull") as log:
        warnings = pull_and_read(where, domain, console, log=log)
        for words in warnings:
            show_warning(console, words)
        if warnings:
            raise typer.Exit(WARNED)
