"""How registers stand with their operators: what waits, what was refused, what differs; within the reader's reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ofd.exchange import INVALID_TOKEN
from portal.orgs.access import Scope
from portal.primitives.refusals import NotFound

# Protocol 2.0.3: so long a register may work without its operator.
AUTONOMOUS_MAX: Final = timedelta(hours=72)
AUTONOMOUS_WARNING: Final = timedelta(hours=24)
DELAY_WARNING: Final = timedelta(hours=24)
DIFFERENCES_WITHIN: Final = timedelta(days=90)


@dataclass(frozen=True)
class Link:
    """One cloud register and its operator.

    `last_code` and `last_text` are what the operator said last about what has waited longest; `sent_at` is when it last took
    a document.
    """

    register_id: int
    name: str
    factory_number: str
    point: str
    zone: str
    host: str | None
    port: int | None
    device: int | None
    has_token: bool
    autonomous_since: datetime | None
    blocked_code: int | None
    blocked_text: str | None
    blocked_at: datetime | None
    next_try_at: datetime | None
    waiting: int
    oldest_at: datetime | None
    last_code: int | None
    last_text: str | None
    tried_at: datetime | None
    refused: int
    sent_at: datetime | None
    differing: int

    @property
    def state(self) -> str:
        """One word: `blocked`, `token`, `autonomous`, `refused`, `waiting`, `well` or `unconnected`."""
        if self.host is None:
            return "unconnected"
        if self.blocked_code is not None:
            return "blocked"
        if self.last_code == INVALID_TOKEN:
            return "token"
        if self.autonomous_since is not None:
            return "autonomous"
        if self.refused:
            return "refused"
        return "waiting" if self.waiting else "well"

    def tone(self, now: datetime) -> str:
        """How loud the state is: `bad` past a limit or near it, `warn`, `good` or `quiet`."""
        match self.state:
            case "blocked" | "token":
                return "bad"
            case "autonomous":
                assert self.autonomous_since is not None
                return "bad" if now - self.autonomous_since >= AUTONOMOUS_WARNING else "warn"
            case "refused":
                return "warn"
            case "waiting":
                assert self.oldest_at is not None
                return "warn" if now - self.oldest_at >= DELAY_WARNING else "quiet"
            case "well":
                return "good"
        return "quiet"

    def left(self, now: datetime) -> timedelta | None:
        """How long the register may still work without its operator; None while it works with it."""
        if self.autonomous_since is None:
            return None
        return max(timedelta(), self.autonomous_since + AUTONOMOUS_MAX - now)

    def left_hours(self, now: datetime) -> int | None:
        """Whole hours of what is left; None while the register works with its operator."""
        left = self.left(now)
        return None if left is None else left // timedelta(hours=1)


_LOUDNESS: Final = ("blocked", "token", "autonomous", "refused", "waiting", "unconnected", "well")

_LINKS: Final = """
select r.id, r.name, r.factory_number, p.name as point, p.zone, t.operator_host, t.operator_port, t.operator_device,
    t.token is not null, t.autonomous_since, t.blocked_code, t.blocked_text, t.blocked_at, t.next_try_at,
    waiting.count, first.issued_at, first.result_code, first.result_text, first.first_tried_at, refused.count,
    sent.sent_at, differing.count
from cloud_till t
join register r on r.organisation_id = :organisation_id and r.id = t.register_id
join point p on p.organisation_id = :organisation_id and p.id = r.point_id
left join lateral (select count(*) from issued_document i where i.organisation_id = :organisation_id
    and i.register_id = t.register_id and i.delivery = 'waiting') waiting on true
left join lateral (select count(*) from issued_document i where i.organisation_id = :organisation_id
    and i.register_id = t.register_id and i.delivery = 'refused') refused on true
left join lateral (select d.issued_at, i.result_code, i.result_text, i.first_tried_at from issued_document i
    join document d on d.organisation_id = :organisation_id and d.register_id = i.register_id and d.number = i.number
    where i.organisation_id = :organisation_id and i.register_id = t.register_id and i.delivery = 'waiting'
    order by i.number limit 1) first on true
left join lateral (select i.sent_at from issued_document i where i.organisation_id = :organisation_id
    and i.register_id = t.register_id and i.sent_at is not null order by i.number desc limit 1) sent on true
left join lateral (select count(*) from reconciliation c where c.organisation_id = :organisation_id
    and c.register_id = t.register_id and c.looked_at is null and c.differences <> '[]') differing on true
where t.organisation_id = :organisation_id
    and (cast(:points as integer[]) is null or r.point_id = any(cast(:points as integer[])))
    and (cast(:register_id as integer) is null or r.id = :register_id)
order by p.id, r.id
"""


def list_links(session: Session, scope: Scope) -> list[Link]:
    """Every cloud register that the reader reaches, those in trouble first."""
    links = _links(session, scope, None)
    return sorted(links, key=lambda link: _LOUDNESS.index(link.state))


def get_link(session: Session, scope: Scope, register_id: int) -> Link:
    """One cloud register. Refuses NotFound for any other."""
    found = _links(session, scope, register_id)
    if not found:
        raise NotFound(thing="register", id=register_id)
    return found[0]


def _links(session: Session, scope: Scope, register_id: int | None) -> list[Link]:
    rows = session.execute(text(_LINKS), {**_reach(scope), "register_id": register_id})
    return [Link(*row) for row in rows]


def _reach(scope: Scope) -> dict[str, Any]:
    points = None if scope.point_ids is None else list(scope.point_ids)
    return {"organisation_id": scope.organisation_id, "points": points}


@dataclass(frozen=True)
class Undelivered:
    """A document that its operator has not taken: it waits, or it was refused."""

    number: int
    kind: int
    issued_at: datetime
    total_minor: int
    delivery: str
    is_autonomous: bool
    attempts: int
    result_code: int | None
    result_text: str | None


def list_undelivered(session: Session, scope: Scope, register_id: int, *, limit: int) -> list[Undelivered]:
    """What waits or was refused at a register within reach: the refused first, then in the order of the numbers."""
    rows = session.execute(
        text(
            "select i.number, d.kind, d.issued_at, d.total_minor, i.delivery, i.is_autonomous, i.attempts, i.result_code, "
            "i.result_text from issued_document i join document d on d.organisation_id = :organisation_id "
            "and d.register_id = i.register_id and d.number = i.number "
            "where i.organisation_id = :organisation_id and i.register_id = :register_id "
            "and i.delivery in ('waiting', 'refused') order by i.delivery, i.number limit :limit"
        ),
        {"organisation_id": scope.organisation_id, "register_id": register_id, "limit": limit},
    )
    return [Undelivered(*row) for row in rows]


@dataclass(frozen=True)
class Event:
    """Something that happened to a register."""

    at: datetime
    kind: str
    facts: Mapping[str, Any]


def list_events(session: Session, scope: Scope, register_id: int, *, limit: int) -> list[Event]:
    """What happened to a register within reach, newest first."""
    rows = session.execute(
        text(
            "select at, kind, facts from register_event where organisation_id = :organisation_id "
            "and register_id = :register_id order by id desc limit :limit"
        ),
        {"organisation_id": scope.organisation_id, "register_id": register_id, "limit": limit},
    )
    return [Event(*row) for row in rows]


@dataclass(frozen=True)
class Compared:
    """One of our reports held against the operator's: `differences` are (figure, ours, theirs), none when they agree."""

    register_id: int
    number: int
    kind: int
    shift: int
    at: datetime
    register: str
    point: str
    zone: str
    looked_at: datetime | None
    differences: Sequence[tuple[str, int, int]]

    @property
    def lines(self) -> list[tuple[str, int, int, int]]:
        """(figure, ours, theirs, by how much ours is more)."""
        return [(figure, ours, theirs, ours - theirs) for figure, ours, theirs in self.differences]

    @property
    def is_open(self) -> bool:
        """Whether nobody has looked at its differences yet."""
        return bool(self.differences) and self.looked_at is None


_COMPARED: Final = """
select c.register_id, c.number, d.kind, c.shift, c.at, r.name as register, p.name as point, p.zone, c.looked_at, c.differences
from reconciliation c
join register r on r.organisation_id = :organisation_id and r.id = c.register_id
join point p on p.organisation_id = :organisation_id and p.id = r.point_id
join document d on d.organisation_id = :organisation_id and d.register_id = c.register_id and d.number = c.number
where c.organisation_id = :organisation_id
    and (cast(:points as integer[]) is null or r.point_id = any(cast(:points as integer[])))
    and (cast(:register_id as integer) is null or c.register_id = :register_id)
    and (not :only_open or (c.looked_at is null and c.differences <> '[]'))
    and (cast(:number as bigint) is null or c.number = :number)
    and (cast(:at as timestamptz) is null or (c.at, c.register_id, c.number) < (:at, :before_register, :before_number))
order by c.at desc, c.register_id desc, c.number desc limit :limit
"""


def page_compared(
    session: Session,
    scope: Scope,
    *,
    limit: int,
    register_id: int | None = None,
    only_open: bool = False,
    number: int | None = None,
    before: tuple[datetime, int, int] | None = None,
) -> list[Compared]:
    """Reports that were held against the operator's, newest first, below `before` (at, register, number)."""
    at, before_register, before_number = before or (None, 0, 0)
    rows = session.execute(
        text(_COMPARED),
        {
            **_reach(scope), "register_id": register_id, "only_open": only_open, "at": at,
            "number": number, "before_register": before_register, "before_number": before_number, "limit": limit,
        },
    )  # fmt: skip
    return [_compared(row) for row in rows.mappings()]


def _compared(row: Mapping[Any, Any]) -> Compared:
    found = [(one["figure"], one["ours"], one["theirs"]) for one in row["differences"]]
    return Compared(**{**row, "differences": found})


def get_compared(session: Session, scope: Scope, register_id: int, number: int) -> Compared:
    """One report that was held against the operator's. Refuses NotFound."""
    found = page_compared(session, scope, limit=1, register_id=register_id, number=number)
    if not found:
        raise NotFound(thing="report", id=number)
    return found[0]


def check_reach(session: Session, scope: Scope, register_id: int) -> None:
    """Refuses NotFound for a register that does not issue here or is out of reach."""
    found = session.execute(
        text(
            "select 1 from cloud_till t join register r on r.organisation_id = :organisation_id and r.id = t.register_id "
            "where t.organisation_id = :organisation_id and t.register_id = :register_id "
            "and (cast(:points as integer[]) is null or r.point_id = any(cast(:points as integer[])))"
        ),
        {**_reach(scope), "register_id": register_id},
    ).one_or_none()
    if found is None:
        raise NotFound(thing="register", id=register_id)
