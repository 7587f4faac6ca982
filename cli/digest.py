"""`churn digest`: the week's mail, and who gets which part of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.common import app, console, errors
from pipeline.project.clock import today
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.exit_codes import FAILED
from pipeline.project.home import home

if TYPE_CHECKING:
    from pipeline.alerts.settings import Subscription

digest = typer.Typer(
    help="The week's mail of each domain, with the page of every figure.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)
app.add_typer(digest, name="digest")

DomainOf = Annotated[str, typer.Option(help="Domain that it is about.")]
TargetOf = Annotated[str, typer.Option(help="Name of a target of targets.json.")]
MailTo = Annotated[
    str | None, typer.Option("--mail", help="Address of the reader, of a target that sends mail.")
]
AudienceOf = Annotated[str | None, typer.Option(help="Name of a saved audience.")]
PageOf = Annotated[str | None, typer.Option(help="Address of a page of the viewer, such as plan.")]
AlertOf = Annotated[str | None, typer.Option(help="A kind of alert, or all.")]


@digest.callback(epilog="Exit codes: 0; 1 if somebody was not reached.")
def write(
    context: typer.Context,
    domain: Annotated[
        str | None, typer.Option(help="Domain; all that are published by default.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(help="Send it to this target; repeatable.")
    ] = None,
    readers: Annotated[
        bool, typer.Option("--readers", help="Send readers what they subscribed to.")
    ] = False,
    into: Annotated[
        Path | None, typer.Option(help="Write digest.html and digest.txt into this folder.")
    ] = None,
) -> None:
    """Write the week's mail; prints it as text unless it is sent or written."""
    if context.invoked_subcommand is not None:
        return
    from app.digest.readers import make_digest, send_digest, send_to_readers

    where = home()
    if domain is not None:
        check_domain(domain, domain_entries())
    sent = []
    if readers:
        sent.append(send_to_readers(where, today()))
    if to or into is not None or not readers:
        letter = make_digest(where, domain, today())
        if to:
            sent.append(send_digest(where, letter, to))
        if into is not None:
            into.mkdir(parents=True, exist_ok=True)
            for name, text in (("digest.html", letter.html or ""), ("digest.txt", letter.text)):
                (into / name).write_text(text, encoding="utf-8")
                console.print(f"written: {into / name}", highlight=False, soft_wrap=True)
        if not to and into is None:
            console.print(letter.text, highlight=False, soft_wrap=True, end="")
    for one in sent:
        for reader in one.reached:
            console.print(f"{reader}: reached", highlight=False)
        for reader, problem in one.problems.items():
            errors.print(f"{reader}: {problem}", highlight=False)
    if any(one.problems for one in sent):
        raise typer.Exit(FAILED)


@digest.command()
def subscribe(
    domain: DomainOf,
    target: TargetOf,
    mail: MailTo = None,
    audience: AudienceOf = None,
    page: PageOf = None,
    alert: AlertOf = None,
) -> None:
    """Let a reader get an audience, a page or an alert: the first two with each `--readers`."""
    from app.digest.readers import subscribe as add

    add(home(), _subscription(domain, target, mail, audience, page, alert))
    console.print("Subscribed.")


@digest.command()
def unsubscribe(
    domain: DomainOf,
    target: TargetOf,
    mail: MailTo = None,
    audience: AudienceOf = None,
    page: PageOf = None,
    alert: AlertOf = None,
) -> None:
    """Take a subscription back."""
    from app.digest.readers import unsubscribe as take_back

    was = take_back(home(), _subscription(domain, target, mail, audience, page, alert))
    console.print("Unsubscribed." if was else "There was no such subscription.")


@digest.command()
def subscriptions() -> None:
    """List who subscribed to what."""
    from pipeline.alerts.settings import read_targets

    found = read_targets(home()).subscriptions
    for one in found:
        what = next(
            f"{name} {value}"
            for name in ("audience", "page", "alert")
            if (value := getattr(one, name)) is not None
        )
        reader = f"{one.target} {one.to or ''}".strip()
        console.print(f"{reader}: {one.domain}, {what}", highlight=False, soft_wrap=True)
    if not found:
        console.print("Nobody has subscribed to anything.")


def _subscription(
    domain: str,
    target: str,
    mail: str | None,
    audience: str | None,
    page: str | None,
    alert: str | None,
) -> "Subscription":
    from pipeline.alerts.settings import Subscription
    from pipeline.project.checked import checked

    check_domain(domain, domain_entries())
    said = {
        "target": target,
        "to": mail,
        "domain": domain,
        "audience": audience,
        "page": page,
        "alert": alert,
    }
    return checked(
        Subscription,
        {name: value for name, value in said.items() if value is not None},
        lambda keys: "--" + "".join("mail" if key == "to" else str(key) for key in keys[:1]),
    )
