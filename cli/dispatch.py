"""`churn dispatch` and `churn endpoints`: send messages, and say who receives them."""

import json
import signal
import threading
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.common import app, console, user
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import home

endpoints = typer.Typer(
    help="Receivers of messages, and messages that did not reach them.", no_args_is_help=True
)
app.add_typer(endpoints, name="endpoints")

DomainOf = Annotated[str, typer.Option(help="Domain of the endpoint.")]
NameOf = Annotated[str, typer.Option(help="Name of the endpoint.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Secret = Annotated[
    str | None,
    typer.Option(help="Secret that the receiver gave, whsec_…; a random one by default."),
]


@app.command()
def dispatch(
    once: Annotated[bool, typer.Option("--once", help="Send what is due now, and end.")] = False,
) -> None:
    """Send the messages of running campaigns to their endpoints or files, until stopped."""
    from pipeline.campaigns.dispatch import Dispatcher

    dispatcher = Dispatcher(home())
    stop = threading.Event()
    try:
        if not once:
            for one in (signal.SIGINT, signal.SIGTERM):
                signal.signal(one, lambda *_: stop.set())
            console.print("Sending until stopped with Ctrl+C.")
            dispatcher.run(stop)
            return
        done = dispatcher.once()
        told = [f"{count:,} {outcome}" for outcome, count in sorted(done.outcomes.items())]
        if done.withheld:
            told.append(f"{done.withheld:,} not sent")
        console.print(", ".join(told) or "nothing was due at an endpoint", highlight=False)
        for path in done.files:
            console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
        if (due := dispatcher.next_due()) is not None:
            console.print(f"next message due {due:%Y-%m-%d %H:%M:%S} UTC", highlight=False)
    finally:
        dispatcher.close()


@endpoints.command()
def add(
    domain: DomainOf,
    name: NameOf,
    url: Annotated[str, typer.Option(help="Where messages go: https://HOST/PATH.")],
    secret: Secret = None,
    development: Annotated[
        bool,
        typer.Option("--development", help="Allow http and addresses of this machine."),
    ] = False,
) -> None:
    """Add a receiver and print the secret of its signatures on the last line."""
    from pipeline.campaigns.endpoints import add_endpoint

    check_domain(domain, domain_entries())
    made = add_endpoint(
        home(), domain, name, url, secret=secret, allows_private=development, by=user()
    )
    console.print("The receiver checks signatures (Standard Webhooks 1.0) with this secret:")
    console.print(made, markup=False, highlight=False, soft_wrap=True)


@endpoints.command()
def rotate(domain: DomainOf, name: NameOf, secret: Secret = None) -> None:
    """Make a new secret and print it on the last line; for a day both secrets sign."""
    from pipeline.campaigns.endpoints import rotate_secret

    check_domain(domain, domain_entries())
    made = rotate_secret(home(), domain, name, secret, user())
    console.print("Give the receiver this secret within 24 hours; until then both sign:")
    console.print(made, markup=False, highlight=False, soft_wrap=True)


@endpoints.command()
def enable(domain: DomainOf, name: NameOf) -> None:
    """Let an endpoint that was disabled get messages again."""
    from pipeline.campaigns.endpoints import enable_endpoint

    check_domain(domain, domain_entries())
    enable_endpoint(home(), domain, name, user())
    console.print(f"{domain}: {name} is active.", markup=False, highlight=False)


@endpoints.command("list")
def list_(domain: DomainOf, as_json: AsJson = False) -> None:
    """List the endpoints of a domain."""
    from pipeline.campaigns.endpoints import read_endpoints

    check_domain(domain, domain_entries())
    found = read_endpoints(home(), domain)
    if as_json:
        _print_json([asdict(one) for one in found])
        return
    table = Table()
    for title in ("name", "status", "url", "failing since", "nothing before"):
        table.add_column(title, no_wrap=title == "name")
    for one in found:
        status = one.status + (f": {one.disabled_because}" if one.disabled_because else "")
        table.add_row(
            one.name, status, one.url, _moment(one.failing_since), _moment(one.throttled_until)
        )
    console.print(table, markup=False)


@endpoints.command()
def dead(domain: DomainOf, as_json: AsJson = False) -> None:
    """List messages that were given up."""
    from pipeline.campaigns.outbox import read_dead_letters

    check_domain(domain, domain_entries())
    found = read_dead_letters(home(), domain)
    if as_json:
        _print_json([asdict(one) for one in found])
        return
    table = Table()
    for title in ("message", "campaign", "endpoint", "given up", "because", "attempts"):
        table.add_column(title, no_wrap=title == "message")
    for one in found:
        table.add_row(
            one.message_id,
            one.campaign,
            one.destination,
            _moment(one.ended_at),
            one.ended_because + ("" if one.can_be_replayed else " (content deleted)"),
            str(one.attempts),
        )
    console.print(table, markup=False)


@endpoints.command()
def replay(
    domain: DomainOf,
    message: Annotated[
        list[str] | None, typer.Option(help="Id of a message that was given up; repeatable.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Those given up since then, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Those given up before then, UTC.")] = None,
) -> None:
    """Send messages that were given up again, with the ids that they had."""
    from pipeline.campaigns.outbox import replay as replay_messages

    check_domain(domain, domain_entries())
    if not message and since is None and until is None:
        raise ChurnError(
            "Nothing says which messages to send again.",
            hint="Give --message ID, or a range by --since and --until.",
        )
    count = replay_messages(
        home(), domain, user(), messages=message or None, since=since, until=until
    )
    console.print(f"{domain}: {count:,} messages are sent again.", highlight=False)


def _moment(at: datetime | None) -> str:
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _print_json(document: Any) -> None:
    text = json.dumps(document, default=lambda at: f"{at.isoformat()}Z", ensure_ascii=False)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
