"""Nights that did not happen: each is made up for, so that it leaves what it would have left."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from pipeline.ingest.lake import records
from pipeline.project.home import Home
from pipeline.project.sources import source_tables
from pipeline.runs.context import RunContext
from pipeline.runs.nights import Night, nights
from pipeline.runs.registry import current_scores

# Of a longer break the nights are not made up for: the next one scores the newest day alone.
MOST = 7
_ENDED_WELL = ("published", "warned", "refused")
_COMMANDS = ("nightly", "run", "demo")
_DAY = timedelta(days=1)


def missed_nights(context: RunContext) -> list[dict[str, date]]:
    """Return the nights to make up for, oldest first: domain → the day it was on that night.

    A night is missed when its rows are in the lake, no run that ended well was on its day or later,
    and it is beyond the published cut-off. So a feed that comes once a week misses nothing while a
    night runs every day, and neither does a domain whose first scores are still to come.
    """
    missed = {name: _missed(context, name) for name in context.remaining}
    for name, days in missed.items():
        if len(days) > MOST:
            context.say(
                f"{name}: {len(days)} nights were missed, more than the {MOST} that are made up "
                "for one by one"
            )
    missed = {name: days for name, days in missed.items() if 0 < len(days) <= MOST}
    # the last nights of all domains are the same one
    longest = max(map(len, missed.values()), default=0)
    return [
        {name: days[-back] for name, days in missed.items() if len(days) >= back}
        for back in range(longest, 0, -1)
    ]


def _missed(context: RunContext, domain: str) -> list[date]:
    scored, last = current_scores(context.home, domain), _last_day(context.home, domain)
    lived = _last_lived(context.home, context.entries[domain].timezone)
    if scored is None or lived is None or last is None:
        return []
    begin = max(date.fromisoformat(scored.as_of_date), lived) + _DAY
    end = min(last + _DAY, context.today(domain))
    return [begin + n * _DAY for n in range((end - begin).days)]


def _last_lived(home: Home, zone: str) -> date | None:
    """Day of the last run of all steps that did not fail, where the domain's days are counted."""
    ended = [
        night
        for night in nights(home)
        if night.command in _COMMANDS and night.outcome in _ENDED_WELL
    ]
    return max((day for night in ended if (day := _day_of(night, zone))), default=None)


def _day_of(night: Night, zone: str) -> date | None:
    # by the clock, the day has to be that of the place; CHURN_TODAY says it for every place
    is_by_clock = night.day == night.began_at.date()
    return night.began_at.astimezone(ZoneInfo(zone)).date() if is_by_clock else night.day


def _last_day(home: Home, domain: str) -> date | None:
    """Last day of any row in the lake."""
    ends = [
        record.event_span[1]
        for table in source_tables(domain)
        for record in records(home, domain, table.name).values()
        if record.event_span
    ]
    return date.fromisoformat(max(ends)[:10]) if ends else None
