"""What became of a document at the operator's: said in a list and on a document, and asked for in the filters.

A streamed document says it itself. One issued here says it beside its body (`issued_document`), because the
operator answers after the document was issued, and what was sent late is no longer waiting.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a document stands with its operator. `KEPT` is one that nobody sends anywhere."""

    SENT = "sent"
    WAITING = "waiting"
    AUTONOMOUS = "autonomous"
    REFUSED = "refused"
    VOID = "void"
    KEPT = "none"


# What may be asked for in an address: everything that somebody has to look after.
ASKED = (Status.AUTONOMOUS, Status.WAITING, Status.REFUSED, Status.VOID)

_IS_AUTONOMOUS = "(i.is_autonomous or {0}.autonomous)"


def status_of(*, autonomous: bool, delivery: str | None, is_autonomous: bool) -> Status:
    """A document's status: `autonomous` as its body says, the rest as it stands beside it (None: it was streamed)."""
    if delivery is None:
        return Status.AUTONOMOUS if autonomous else Status.SENT
    if delivery == Status.WAITING and (autonomous or is_autonomous):
        return Status.AUTONOMOUS
    return Status(delivery)


def standing(statuses: tuple[Status, ...]) -> str:
    """The documents of these statuses as words of SQL."""
    return " union all ".join(standings(statuses))


def standings(statuses: tuple[Status, ...]) -> list[str]:
    """The same in parts that have no document in common, each read by an index of what is rare."""
    parts = []
    if Status.AUTONOMOUS in statuses:
        parts.append(
            "select document.* from document where document.organisation_id = :organisation_id "
            "and document.autonomous and document.batch_id <> 0"
        )
    parts += [
        "select document.* from issued_document i join document "
        "on document.organisation_id = :organisation_id and document.register_id = i.register_id "
        "and document.number = i.number "
        f"where i.organisation_id = :organisation_id and {condition}"
        for condition in _conditions(statuses, "document")
    ]
    return parts


def stands(statuses: tuple[Status, ...], table: str) -> str:
    """The same as a condition on one of a few documents that were found otherwise."""
    issued = " or ".join(f"({condition})" for condition in _conditions(statuses, table))
    streamed = f"{table}.autonomous and {table}.batch_id <> 0 or " if Status.AUTONOMOUS in statuses else ""
    return (
        f"({streamed}exists (select from issued_document i where i.organisation_id = :organisation_id "
        f"and i.register_id = {table}.register_id and i.number = {table}.number and ({issued})))"
    )


def _conditions(statuses: tuple[Status, ...], table: str) -> list[str]:
    """One condition for each way of delivery; literals, so that the indexes of a part of the table fit."""
    is_autonomous = _IS_AUTONOMOUS.format(table)
    found = []
    if Status.AUTONOMOUS in statuses and Status.WAITING in statuses:
        found.append("i.delivery = 'waiting'")
    elif Status.AUTONOMOUS in statuses:
        found.append(f"i.delivery = 'waiting' and {is_autonomous}")
    elif Status.WAITING in statuses:
        found.append(f"i.delivery = 'waiting' and not {is_autonomous}")
    found += [
        f"i.delivery = '{status.value}'" for status in (Status.REFUSED, Status.VOID) if status in statuses
    ]
    return found
