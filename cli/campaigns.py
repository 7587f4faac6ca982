"""`churn campaign draft`, `preview`, `launch`, `pause`, `resume`, `finish`, `show` and `list`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from cli.campaign_group import campaign
from cli.common import console, user
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home, home

if TYPE_CHECKING:
    from pipeline.campaigns.life_cycle import Audience, Campaign

DomainOf = Annotated[str, typer.Option(help="Domain of the campaign.")]
NameOf = Annotated[str, typer.Option(help="Name of the campaign.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Many = list[str] | None
_BANDS = ("critical", "high", "medium", "low")


@campaign.command()
def draft(
    domain: DomainOf,
    name: NameOf,
    plan: Annotated[
        str | None, typer.Option(help="Name of a saved draft of a plan: take its settings.")
    ] = None,
    playbook: Annotated[
        str | None,
        typer.Option(help="Name of a playbook: take its settings; a budget stands above its own."),
    ] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="What its contacts may cost.")] = None,
    holdout: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.5,
            help="Share held out of those it draws; by default what the period requires.",
        ),
    ] = None,
    explore: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of members whose action is drawn among those offered; 0.03 by default.",
        ),
    ] = None,
    audience: Annotated[
        str | None, typer.Option(help="Name of a saved audience that it is for.")
    ] = None,
    band: Annotated[Many, typer.Option(help="Risk band; repeatable; all by default.")] = None,
    theme: Annotated[
        Many, typer.Option(help="Theme among the three strongest; repeatable; all by default.")
    ] = None,
    action: Annotated[Many, typer.Option(help="Action; repeatable; all by default.")] = None,
    channel: Annotated[Many, typer.Option(help="Channel; repeatable; all by default.")] = None,
    min_probability: Annotated[
        float | None, typer.Option(min=0, max=1, help="Lowest churn probability.")
    ] = None,
    max_probability: Annotated[
        float | None, typer.Option(min=0, max=1, help="Highest churn probability.")
    ] = None,
    min_value: Annotated[float | None, typer.Option(help="Lowest customer value.")] = None,
    at_risk: Annotated[
        bool | None, typer.Option(help="Only customers at risk, or only others.")
    ] = None,
    to: Annotated[
        str, typer.Option(help="Where its messages go: an endpoint, or csv or parquet files.")
    ] = "csv",
    as_json: AsJson = False,
) -> None:
    """Save a campaign as a draft. Nobody is drawn or contacted."""
    from pipeline.campaigns.life_cycle import CampaignSettings, draft_campaign
    from pipeline.retention.catalogue import actions_of, channels_of
    from pipeline.retention.drafts import find_draft
    from pipeline.retention.plan_choice import PlanChoice

    where = home()
    check_domain(domain, domain_entries())
    _known("--action", action, actions_of(domain))
    _known("--channel", channel, channels_of(domain))
    _known("--band", band, list(_BANDS))
    choice = PlanChoice(
        bands=tuple(band or ()),
        themes=tuple(theme or ()),
        min_probability=min_probability,
        max_probability=max_probability,
        min_value=min_value,
        is_at_risk=at_risk,
        actions=tuple(action or ()),
        channels=tuple(channel or ()),
    )
    if playbook is not None:
        given = (plan, holdout, explore, audience)
        if choice != PlanChoice() or any(one is not None for one in given):
            raise typer.BadParameter(
                "a playbook has its own settings; beside it only --budget and --to are given",
                param_hint="--playbook",
            )
        _show(_draft_from(where, domain, playbook, name, to, budget), as_json, {})
        return
    if plan is not None:
        if choice != PlanChoice() or budget is not None or holdout is not None:
            raise typer.BadParameter("a saved plan has its own settings", param_hint="--plan")
        saved = find_draft(where, domain, plan)
        if saved is None:
            raise ChurnError(
                f"{domain} has no draft {plan!r} of a plan.",
                hint="Save one on the page Plan of the viewer, or by the API.",
            )
        budget, choice = saved.budget_cents / 100, saved.choice
        holdout = None if saved.holdout_per_mille is None else saved.holdout_per_mille / 1000
    if budget is None:
        raise typer.BadParameter("give a budget, or a saved plan by --plan", param_hint="--budget")
    explored = 0.03 if explore is None else explore
    settings = CampaignSettings(name, budget, holdout, explored, choice, audience, to)
    if audience is not None:
        _audience(where, domain)(audience)
    _show(draft_campaign(where, domain, settings, user()), as_json, {})


def _draft_from(
    where: Home, domain: str, playbook: str, name: str, to: str, budget: float | None
) -> "Campaign":
    from pipeline.campaigns.life_cycle import draft_campaign
    from pipeline.campaigns.playbooks import find_playbook, note_use

    found = find_playbook(where, domain, playbook)
    if found.audience is not None:
        _audience(where, domain)(found.audience)
    made = draft_campaign(where, domain, found.settings(name, to, budget), user())
    note_use(where, found, made)
    return made


@campaign.command()
def playbook(
    domain: DomainOf,
    name: Annotated[str, typer.Option(help="Name of the playbook.")],
    of: Annotated[
        str | None, typer.Option("--campaign", help="Campaign whose settings it keeps.")
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; campaigns stay.")] = False,
) -> None:
    """Keep the settings of a draft or a launched campaign, to draft others from."""
    from pipeline.campaigns.playbooks import delete_playbook, find_playbook, save_playbook

    where = _home(domain)
    if delete == (of is not None):
        raise typer.BadParameter("give a campaign, or --delete", param_hint="--campaign")
    if of is None:
        delete_playbook(where, domain, find_playbook(where, domain, name).name, user())
        console.print(f"{domain}: the playbook {name} is deleted", markup=False, highlight=False)
        return
    saved = save_playbook(where, domain, name, of, user())
    console.print(
        f"{domain}: the playbook {saved.name} has the settings of {of}",
        markup=False,
        highlight=False,
    )


@campaign.command()
def playbooks(domain: DomainOf, as_json: AsJson = False) -> None:
    """List the playbooks of a domain, with the save rate that their campaigns achieved."""
    import duckdb

    from pipeline.campaigns.playbooks import achieved, read_playbooks
    from pipeline.project.duck import rows_of
    from pipeline.publish.generation import current

    where = _home(domain)
    found, live = read_playbooks(where, domain), current(where)
    rates: dict[str, list[dict[str, Any]]] = {}
    if live is not None:
        with duckdb.connect(str(live.path), read_only=True) as connection:
            rates = achieved(lambda sql, given: rows_of(connection.execute(sql, given)), domain)
    if as_json:
        _print_json(
            [
                {
                    **asdict(one),
                    "choice": one.choice.as_json(),
                    "achieved": rates.get(one.playbook_id, []),
                }
                for one in found
            ]
        )
        return
    from pipeline.report.campaign import show_playbooks

    show_playbooks(found, rates, console)


@campaign.command()
def preview(domain: DomainOf, name: NameOf, as_json: AsJson = False) -> None:
    """Show what a draft would cost, bring and be able to show, on what is published now."""
    from pipeline.campaigns.life_cycle import preview_campaign

    where = _home(domain)
    _show(preview_campaign(where, domain, name, _audience(where, domain)), as_json, {})


@campaign.command()
def launch(domain: DomainOf, name: NameOf, as_json: AsJson = False) -> None:
    """Freeze the members of a previewed draft with their arms, and queue its messages.

    `churn dispatch` sends them.
    """
    from pipeline.campaigns.life_cycle import launch_campaign

    where = _home(domain)
    launched = launch_campaign(where, domain, name, _audience(where, domain), user())
    _show(launched, as_json, _messages(where, launched))


@campaign.command()
def pause(domain: DomainOf, name: NameOf, as_json: AsJson = False) -> None:
    """Hold back the messages that were not sent yet."""
    from pipeline.campaigns.life_cycle import pause_campaign

    where = _home(domain)
    paused = pause_campaign(where, domain, name, user())
    _show(paused, as_json, _messages(where, paused))


@campaign.command()
def resume(domain: DomainOf, name: NameOf, as_json: AsJson = False) -> None:
    """Let a paused campaign send again."""
    from pipeline.campaigns.life_cycle import resume_campaign

    where = _home(domain)
    resumed = resume_campaign(where, domain, name, user())
    _show(resumed, as_json, _messages(where, resumed))


@campaign.command()
def finish(domain: DomainOf, name: NameOf, as_json: AsJson = False) -> None:
    """End a campaign: what was not sent is stopped, and its members are free for others."""
    from pipeline.campaigns.life_cycle import finish_campaign

    where = _home(domain)
    finished = finish_campaign(where, domain, name, user())
    _show(finished, as_json, _messages(where, finished))


@campaign.command()
def show(domain: DomainOf, name: NameOf, as_json: AsJson = False) -> None:
    """Show a campaign: its settings, its figures and its messages."""
    from pipeline.campaigns.life_cycle import find_campaign

    where = _home(domain)
    found = find_campaign(where, domain, name)
    _show(found, as_json, _messages(where, found))


@campaign.command("list")
def list_(domain: DomainOf, as_json: AsJson = False) -> None:
    """List the campaigns of a domain."""
    from pipeline.campaigns.life_cycle import read_campaigns

    found = read_campaigns(_home(domain), domain)
    if as_json:
        _print_json([_document(one, {}) for one in found])
        return
    table = Table()
    for title in ("name", "status", "contacted", "control", "launched", "to"):
        table.add_column(title, no_wrap=title == "name")
    for one in found:
        figures = one.forecast
        table.add_row(
            one.name,
            one.status,
            "–" if figures is None else f"{figures.treat:,}",
            "–" if figures is None else f"{figures.control:,}",
            f"{one.launched_at:%Y-%m-%d}" if one.launched_at else "–",
            one.destination,
        )
    console.print(table)


def _home(domain: str) -> Home:
    check_domain(domain, domain_entries())
    return home()


def _audience(where: Home, domain: str) -> "Audience":
    from app.audience_members import audience_members

    return lambda name: audience_members(where, domain, name)


def _known(option: str, asked: Many, known: list[str]) -> None:
    for one in asked or ():
        if one not in known:
            raise typer.BadParameter(
                f"{one!r} is not known; choose from {', '.join(known)}", param_hint=option
            )


def _messages(where: Home, shown: "Campaign") -> dict[str, int]:
    from pipeline.campaigns.life_cycle import count_messages

    return count_messages(where, shown.campaign_id)


def _document(shown: "Campaign", messages: Mapping[str, int]) -> dict[str, Any]:
    return {
        **asdict(shown),
        "choice": shown.choice.as_json(),
        "messages": dict(messages),
    }


def _show(shown: "Campaign", as_json: bool, messages: Mapping[str, int]) -> None:
    if as_json:
        _print_json(_document(shown, messages))
        return
    from pipeline.report.campaign import show_campaign

    show_campaign(shown, messages, console)


def _print_json(document: Any) -> None:
    def plain(value: Any) -> str:
        if isinstance(value, datetime):
            return value.isoformat() + "Z"
        if isinstance(value, date):
            return value.isoformat()
        raise TypeError(type(value).__name__)

    text = json.dumps(document, default=plain, ensure_ascii=False)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
