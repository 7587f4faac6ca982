"""Writes the connection of a domain that is made from a database or an object store."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.connections.opening import shown
from pipeline.connections.sample import SampledTable, read_tables
from pipeline.connections.stores import copy_all_files
from pipeline.onboarding.domain import (
    OrderProposal,
    PeriodProposal,
    Wishes,
    propose,
)
from pipeline.onboarding.files import FoundTable
from pipeline.onboarding.filling import yaml_text
from pipeline.onboarding.roles import NONE
from pipeline.project.connection_settings import FROM_ENVIRONMENT, holds_password, is_store
from pipeline.project.databases import resolved
from pipeline.project.errors import ChurnError

# Names of columns that a system sets at every insert and update, the surest first.
_CURSORS = ("updated_at", "modified_at", "changed_at", "last_modified", "last_updated", "updated")


@dataclass(frozen=True)
class ConnectionWishes:
    """What is said beside the address.

    Attributes:
        key: Columns that identify a row; the primary key where none is named.
        cursor: Column that rises with every insert and update, or `none`; by its name otherwise.
        append_only: Why rows from before the connection were never overwritten; None if they may
            have been.
    """

    key: tuple[str, ...] = ()
    cursor: str | None = None
    append_only: str | None = None


def is_address(text: str) -> bool:
    """Return whether a text names a database or an object store and not a folder."""
    return text.startswith(FROM_ENVIRONMENT) or "://" in text


def propose_connected(
    name: str, kind: str, url: str, wishes: Wishes, said: ConnectionWishes
) -> OrderProposal | PeriodProposal:
    """Profile what a database or a store holds and propose a domain that is connected to it.

    Raises:
        ChurnError: It cannot be read, holds no orders or periods, or a wish does not fit it.
    """
    if holds_password(url):
        raise ChurnError(
            "The address holds a password, which would be written into dbt_project.yml.",
            hint="export SHOP_DATABASE_URL=… and write --from env:SHOP_DATABASE_URL.",
        )
    if is_store(resolved(url)):
        return _propose_stored(name, kind, url, wishes, said)
    named = [table for table in (wishes.table, wishes.usage) if table and table != NONE]
    with tempfile.TemporaryDirectory() as folder:
        # when a row was changed is not when it happened, however much like a time it looks
        without = {*_CURSORS} - {header.lower() for header in wishes.columns.values()}
        sampled = read_tables(url, named, Path(folder), without=without)
        own = _own_names(sampled, named)
        own_wishes = replace(
            wishes,
            table=own.get(wishes.table) if wishes.table and len(own) > 1 else None,
            usage=own.get(wishes.usage, wishes.usage) if wishes.usage else None,
        )
        proposal = propose(name, kind, Path(folder), own_wishes)
    if proposal.texts is None:
        return proposal
    block, assumed = _connection(proposal, url, sampled, said)
    entry = f"{proposal.texts.entry.rstrip()}\n{block}"
    texts = replace(proposal.texts, entry=entry)
    return replace(proposal, texts=texts, assumed=(*proposal.assumed, *assumed))


def _propose_stored(
    name: str, kind: str, url: str, wishes: Wishes, said: ConnectionWishes
) -> OrderProposal | PeriodProposal:
    if said != ConnectionWishes():
        raise ChurnError(
            "--key, --cursor and --append-only are for a database.",
            where=shown(url),
            hint="Leave them out: the files of a store are read like those of a folder.",
        )
    with tempfile.TemporaryDirectory() as folder:
        copy_all_files(resolved(url), shown(url), Path(folder))
        proposal = propose(name, kind, Path(folder), wishes)
    if proposal.texts is None:
        return proposal
    block = f"      connection:\n        url: {yaml_text(url)}\n"
    entry = f"{proposal.texts.entry.rstrip()}\n{block}"
    return replace(proposal, texts=replace(proposal.texts, entry=entry))


def _own_names(sampled: Mapping[str, SampledTable], named: Sequence[str]) -> dict[str, str]:
    """Table of the database → the name that its file has as a table of a folder."""
    stems = {one.table: name.removesuffix(".parquet") for name, one in sampled.items()}
    return {table: stems[table] for table in named}


def _connection(
    proposal: OrderProposal | PeriodProposal,
    url: str,
    sampled: Mapping[str, SampledTable],
    said: ConnectionWishes,
) -> tuple[str, list[str]]:
    """Return the block of the entry, and what was assumed."""
    tables: list[FoundTable] = [proposal.found.table]
    if isinstance(proposal, PeriodProposal) and proposal.usage:
        tables.append(proposal.usage.table)
    lines, assumed = [f"      connection:\n        url: {yaml_text(url)}\n        tables:"], []
    for place, table in enumerate(tables):
        found = sampled[table.files[0]]
        key = (said.key if place == 0 else ()) or found.primary_key
        if not key:
            raise ChurnError(
                f"The table {found.table} has no primary key: nobody could tell an update from a "
                "new row.",
                hint="Name the columns that identify a row: --key order_id --key line.",
            )
        cursor = _cursor(found, said.cursor if place == 0 else None)
        parts = [f"table: {found.table}", f"key: [{', '.join(map(yaml_text, key))}]"]
        if cursor:
            parts += [f"cursor: {yaml_text(cursor)}"]
        else:
            assumed.append(
                f"No column of {found.table} rises with every update, so that the whole table is "
                "read each time: --cursor NAME"
            )
        if said.append_only:
            parts += ["history: append_only", f"reason: {yaml_text(said.append_only)}"]
        else:
            assumed.append(
                f"Rows of {found.table} from before today may have been overwritten, and are not "
                "pulled: --append-only REASON says why they were not"
            )
        if place == 0 and cursor and isinstance(proposal, OrderProposal):
            parts += _becomes(proposal)
        lines.append(f"          {table.name}:")
        lines += [f"            {part}" for part in parts]
    return "\n".join(lines) + "\n", assumed


def _cursor(found: SampledTable, said: str | None) -> str | None:
    if said == NONE:
        return None
    if said is not None:
        if said not in found.columns:
            raise ChurnError(
                f"{found.table} has no column {said!r}.",
                hint=f"Columns are: {', '.join(found.columns)}.",
            )
        return said
    known = {name.lower(): name for name in found.columns}
    return next(
        (
            known[name]
            for name in _CURSORS
            if name in known and found.columns[known[name]].sort in ("moment", "day")
        ),
        None,
    )


def _becomes(proposal: OrderProposal) -> list[str]:
    """A row that says it is an order may say later that it was given back: that is an event."""
    kind, words = proposal.found.roles["type"], proposal.found.refund_words
    if kind is None or not words:
        return []
    values = ", ".join(yaml_text(word) for word in words)
    return [f"becomes: {{column: {yaml_text(kind.header)}, values: [{values}]}}"]
