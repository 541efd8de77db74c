"""What needs somebody's attention: holes in the numbers, refused documents, long shifts, silent registers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext, ngettext
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.analytics.operators import OperatorTroubles, find_operator_troubles, list_operator_attention
from portal.journal.delivery import Status, standing
from portal.journal.places import Places
from portal.orgs.access import Scope
from portal.web import formats

SHIFT_LENGTH_MAX = timedelta(hours=24)
SHIFT_LENGTH_WARNING = timedelta(hours=22)
SILENT_AFTER = timedelta(hours=72)
# An autonomous register may go on for 72 hours; older documents are no longer news.
AUTONOMOUS_WITHIN_DAYS = 3
REMARKED_WITHIN = timedelta(hours=24)
NAMED_MAX = 3
ROWS_MAX = 200


@dataclass(frozen=True)
class Item:
    """One thing to look at. `tone` is "bad" (past a limit), "warn" (near one) or "info"."""

    code: str
    tone: str
    words: str
    note: str
    address: str


@dataclass(frozen=True)
class OpenShift:
    """The shift that a register has open."""

    register_id: int
    shift: int
    opened_at: datetime


@dataclass(frozen=True)
class Troubles:
    """Counts as the database knows them, within the reader's reach."""

    gap_count: int
    missing_count: int
    quarantine_count: int
    autonomous_count: int
    remarked_count: int
    shifts: tuple[OpenShift, ...]
    silent: tuple[tuple[int, datetime], ...]
    unheard: tuple[int, ...]
    operators: OperatorTroubles


def find_troubles(session: Session, scope: Scope, places: Places, now: datetime) -> Troubles:
    """Count everything at once, and list the registers that stand out."""
    registers = list(places.registers)
    facts = {
        "organisation_id": scope.organisation_id,
        "registers": registers,
        "everywhere": not places.limited,
        "points": list(places.points),
        "since_day": places.days(now)[0] - timedelta(days=AUTONOMOUS_WITHIN_DAYS - 1),
        "remarked_since": now - REMARKED_WITHIN,
        "opened_before": now - SHIFT_LENGTH_WARNING,
        "rows_max": ROWS_MAX,
    }
    counts = session.execute(text(_COUNTS), facts).one()
    shifts = session.execute(text(_LONG_SHIFTS), facts).all()
    heads: dict[int, datetime] = {
        row.register_id: row.last_issued_at for row in session.execute(text(_HEADS), facts)
    }
    ready = [till.id for till in places.registers.values() if till.state == "ready"]
    return Troubles(
        gap_count=counts.gaps,
        missing_count=int(counts.missing),
        quarantine_count=counts.quarantined if scope.may("ingest.read") else 0,
        autonomous_count=counts.autonomous,
        remarked_count=counts.remarked,
        shifts=tuple(OpenShift(*row) for row in shifts),
        silent=tuple(
            (register_id, heads[register_id])
            for register_id in ready
            if register_id in heads and heads[register_id] < now - SILENT_AFTER
        ),
        unheard=tuple(register_id for register_id in ready if register_id not in heads) if heads else (),
        operators=find_operator_troubles(session, scope, places, now),
    )


_HEADS = """
select register_id, last_issued_at from register_head
where organisation_id = :organisation_id and last_issued_at is not null
  and register_id = any(cast(:registers as integer[]))
"""

# A shift that another one followed was closed by a document we do not have: that is a gap, counted as such.
_LONG_SHIFTS = """
select s.register_id, s.shift, s.opened_at from shift s
where s.organisation_id = :organisation_id and s.closed_at is null and s.opened_at < :opened_before
  and s.register_id = any(cast(:registers as integer[]))
  and not exists (select from shift later where later.organisation_id = :organisation_id
                  and later.register_id = s.register_id and later.shift > s.shift)
order by s.opened_at limit :rows_max
"""

_COUNTS = f"""
select
  (select count(*) from gap where organisation_id = :organisation_id and closed_at is null
     and register_id = any(cast(:registers as integer[]))) as gaps,
  (select coalesce(sum(upper(part) - lower(part)), 0) from gap, unnest(missing) as part
     where organisation_id = :organisation_id and closed_at is null
     and register_id = any(cast(:registers as integer[]))) as missing,
  (select count(*) from quarantine where organisation_id = :organisation_id and retried_at is null
     and (register_id = any(cast(:registers as integer[])) or :everywhere)) as quarantined,
  (select count(*) from ({standing((Status.AUTONOMOUS,))}) s where day >= :since_day
     and (:everywhere or point_id = any(cast(:points as integer[])))) as autonomous,
  (select count(distinct (register_id, number)) from remark where organisation_id = :organisation_id
     and remarked_at >= :remarked_since and register_id = any(cast(:registers as integer[]))) as remarked
"""


def list_attention(troubles: Troubles, scope: Scope, places: Places, now: datetime) -> list[Item]:
    """What to look at, the most pressing first, each with the address where it can be looked at."""
    stream = "/stream/" if scope.may("ingest.read") else "/documents/"
    items = [_describe_shift(shift, places, now) for shift in troubles.shifts]
    items += [
        Item(found.code, found.tone, found.words, found.note, f"/operator/{found.query}")
        for found in list_operator_attention(troubles.operators, places, now)
    ]
    if troubles.quarantine_count:
        items.append(
            Item(
                "quarantine",
                "bad",
                ngettext(
                    "%(count)s документ не принят",
                    "%(count)s документов не принято",
                    troubles.quarantine_count,
                    count=formats.count(troubles.quarantine_count),
                ),
                gettext("Лежат в карантине с причиной."),
                stream,
            )
        )
    if troubles.gap_count:
        items.append(
            Item(
                "gaps",
                "bad",
                ngettext(
                    "Не хватает %(count)s документа",
                    "Не хватает документов: %(count)s",
                    troubles.missing_count,
                    count=formats.count(troubles.missing_count),
                ),
                ngettext(
                    "%(count)s пропуск в номерах",
                    "пропусков в номерах: %(count)s",
                    troubles.gap_count,
                    count=formats.count(troubles.gap_count),
                ),
                stream,
            )
        )
    if troubles.silent:
        items.append(_describe_registers("silent", "warn", [one for one, _at in troubles.silent], places))
    if troubles.autonomous_count:
        items.append(
            Item(
                "autonomous",
                "warn",
                ngettext(
                    "%(count)s автономный документ",
                    "автономных документов: %(count)s",
                    troubles.autonomous_count,
                    count=formats.count(troubles.autonomous_count),
                ),
                gettext("Оформлены без связи с оператором за последние три дня."),
                "/documents/?status=autonomous&period=7d",
            )
        )
    if troubles.remarked_count:
        items.append(
            Item(
                "remarks",
                "warn",
                ngettext(
                    "%(count)s документ с замечаниями",
                    "документов с замечаниями: %(count)s",
                    troubles.remarked_count,
                    count=formats.count(troubles.remarked_count),
                ),
                gettext("Приняты за последние сутки."),
                stream,
            )
        )
    if troubles.unheard:
        items.append(_describe_registers("unheard", "info", troubles.unheard, places))
    return items


def _describe_shift(shift: OpenShift, places: Places, now: datetime) -> Item:
    till = places.registers[shift.register_id]
    length = now - shift.opened_at
    is_past = length >= SHIFT_LENGTH_MAX
    words = (
        gettext("Смена %(shift)s открыта дольше суток", shift=shift.shift)
        if is_past
        else gettext("Смене %(shift)s скоро сутки", shift=shift.shift)
    )
    return Item(
        "shift_too_long" if is_past else "shift_long",
        "bad" if is_past else "warn",
        words,
        f"{places.points[till.point_id].name} · {till.name}: {formats.duration(length)}",
        f"/documents/?register={till.id}&period=7d",
    )


def _describe_registers(code: str, tone: str, register_ids: Sequence[int], places: Places) -> Item:
    count = len(register_ids)
    shown = formats.count(count)
    words = (
        ngettext(
            "%(count)s касса молчит больше трёх суток",
            "Кассы молчат больше трёх суток: %(count)s",
            count,
            count=shown,
        )
        if code == "silent"
        else ngettext(
            "%(count)s касса ещё не прислала ни документа",
            "Кассы без единого документа: %(count)s",
            count,
            count=shown,
        )
    )
    names = [
        f"{places.points[places.registers[one].point_id].name} · {places.registers[one].name}"
        for one in register_ids[:NAMED_MAX]
    ]
    if count > NAMED_MAX:
        names.append(gettext("и ещё %(count)s", count=count - NAMED_MAX))
    chosen = "&".join(f"register={one}" for one in register_ids[: NAMED_MAX * 10])
    return Item(code, tone, str(words), ", ".join(names), f"/documents/?{chosen}&period=all")
