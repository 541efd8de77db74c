"""Where documents come from: the points and registers that a reader's rights reach."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.orgs.access import Scope
from portal.orgs.models import Point
from portal.primitives.period import BusinessDays
from portal.primitives.refusals import BadInput
from portal.registers.models import Register


@dataclass(frozen=True)
class Place:
    """A trading point with its own calendar. `order` is its stable place among all points of the company."""

    id: int
    name: str
    address: str
    zone: str
    day_starts_hour: int
    order: int

    def locate(self, moment: datetime) -> tuple[date, int]:
        """The point's business day and wall-clock hour at a moment."""
        return calendar(self.zone, self.day_starts_hour).locate(moment)

    def hours_passed(self, hour: int) -> int:
        """How many whole hours of a business day are over when the wall clock shows this hour."""
        return (hour - self.day_starts_hour) % 24


@dataclass(frozen=True)
class Till:
    """A register, by the names a person knows it by."""

    id: int
    point_id: int
    name: str
    factory_number: str
    registration_number: str | None
    state: str


@dataclass(frozen=True)
class Places:
    """What a reader may see: `points`, and the `registers` that stand there now.

    `names` knows every register of the organisation: an old document may come from one that has moved away.
    """

    points: dict[int, Place]
    registers: dict[int, Till]
    names: dict[int, Till]
    limited: bool

    def point_ids(self, chosen: Iterable[int] = ()) -> tuple[int, ...] | None:
        """The points to look at: the chosen ones, else all that are visible; None when that is no limit at all."""
        ids = tuple(chosen)
        for point_id in ids:
            if point_id not in self.points:
                raise BadInput(field="point", value=point_id)
        if ids:
            return ids
        return tuple(self.points) if self.limited else None

    def register_ids(self, chosen: Iterable[int] = ()) -> tuple[int, ...] | None:
        """The chosen registers, None when none are chosen."""
        ids = tuple(chosen)
        for register_id in ids:
            if register_id not in self.registers:
                raise BadInput(field="register", value=register_id)
        return ids or None

    def days(self, now: datetime, point_ids: Iterable[int] | None = None) -> tuple[date, date]:
        """The earliest and the latest business day that it is now at these points."""
        chosen = (
            self.points.values() if point_ids is None else [self.points[point_id] for point_id in point_ids]
        )
        days = {place.locate(now)[0] for place in chosen} or {now.date()}
        return min(days), max(days)


@lru_cache(maxsize=1024)
def calendar(zone: str, day_starts_hour: int) -> BusinessDays:
    """The calendar of every point in a zone whose day starts at this hour."""
    return BusinessDays(zone, day_starts_hour)


def list_places(session: Session, scope: Scope) -> Places:
    """The points and registers of the organisation, as far as the reader's rights reach."""
    rows = session.execute(
        select(
            Point.id,
            Point.name,
            Point.address,
            Point.zone,
            Point.day_starts_hour,
            Register.id,
            Register.name,
            Register.factory_number,
            Register.registration_number,
            Register.state,
        )
        .outerjoin(
            Register, (Register.organisation_id == Point.organisation_id) & (Register.point_id == Point.id)
        )
        .where(Point.organisation_id == scope.organisation_id)
        .order_by(Point.id, Register.id)
    ).all()
    points: dict[int, Place] = {}
    names: dict[int, Till] = {}
    for point_id, name, address, zone, starts, register_id, *register in rows:
        if point_id not in points:
            points[point_id] = Place(point_id, name, address, zone, starts, len(points))
        if register_id is not None:
            names[register_id] = Till(register_id, point_id, *register)
    seen = {point_id: place for point_id, place in points.items() if scope.reaches(point_id)}
    registers = {register_id: till for register_id, till in names.items() if till.point_id in seen}
    return Places(seen, registers, names, limited=scope.point_ids is not None)
