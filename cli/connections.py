"""`churn pull`: the rows of a domain from its database or object store."""

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
    """Read what is new in a domain's database or object store and load it; `nightly` does it, too.

    Of a store, new and changed files are read. Of a database, new rows become a file; updated and
    deleted rows are counted and kept beside it, and change nothing that features read. Exit code 4:
    columns have changed, rows were deleted or files are gone; 3: a needed column is gone, and
    nothing was pulled.
    """
    where = home()
    check_domain(domain, domain_entries())
    with writing(where), recording(where, "pull") as log:
        warnings = pull_and_read(where, domain, console, log=log)
        for words in warnings:
            show_warning(console, words)
        if warnings:
            raise typer.Exit(WARNED)
