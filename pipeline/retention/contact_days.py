"""The days on which a contact can have been made."""

from datetime import date

from pipeline.project.clock import today
from pipeline.project.domains import domain_entries

# A day before it is a slip of the pen.
FIRST = date(2000, 1, 1)


def contact_day_problem(domain: str, day: date) -> str | None:
    """Return why no contact can have been made on a day, in words; None if one can.

    Today is that of the place where the domain's days are counted.
    """
    entry = domain_entries().get(domain)
    zone = entry.timezone if entry else "UTC"
    now = today(zone)
    if day > now:
        return f"{day} is in the future; today is {now}, {zone}"
    if day < FIRST:
        return f"{day} is too long ago; the first day is {FIRST}"
    return None
