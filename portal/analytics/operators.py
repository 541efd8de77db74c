"""What needs attention between registers and their operators: blocks, lost links with their clock, refusals, differences."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext, ngettext
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.journal.places import Places
from portal.orgs.access import Scope
from portal.web import formats

# Protocol 2.0.3: so long a register may work without its operator; a third of it is no short loss any more.
AUTONOMOUS_MAX = timedelta(hours=72)
AUTONOMOUS_WARNING = timedelta(hours=24)
UNSENT_WARNING = timedelta(hours=24)
ROWS_MAX = 1000


@dataclass(frozen=True)
class Loss:
    """A register that works without its operator, or may not work at all."""

    register_id: int
    since: datetime
    is_blocked: bool


@dataclass(frozen=True)
class OperatorTroubles:
    """Counts within the reader's reach; `losses` begin with those that have lasted longest."""

    losses: tuple[Loss, ...] = ()
    refused_count: int = 0
    differing_count: int = 0
    unsent_count: int = 0
    unsent_since: datetime | None = None


@dataclass(frozen=True)
class OperatorItem:
    """One thing to look at, as the list of attention wants it."""

    code: str
    tone: str
    words: str
    note: str
    query: str = ""


# Where the operator is asked first, what waits is told by the lost link; elsewhere it tells for itself, once it is late.
_LOOK = """
select lost.ids, lost.since, lost.are_blocked,
  (select count(*) from issued_document where organisation_id = :organisation_id and delivery = 'refused'
     and register_id = any(cast(:registers as integer[]))) as refused,
  (select count(*) from reconciliation where organisation_id = :organisation_id and looked_at is null
     and differences <> '[]' and register_id = any(cast(:registers as integer[]))) as differing,
  unsent.count as unsent, unsent.since as unsent_since
from (select array_agg(register_id order by since) as ids, array_agg(since order by since) as since,
        array_agg(is_blocked order by since) as are_blocked
      from (select register_id, coalesce(blocked_at, autonomous_since) as since, blocked_at is not null as is_blocked
            from cloud_till
            where organisation_id = :organisation_id and register_id = any(cast(:registers as integer[]))
              and (blocked_at is not null or autonomous_since is not null)
            order by since limit :rows_max) one) lost,
     (select count(*) as count, min(d.issued_at) as since
      from cloud_till t join issued_document i on i.organisation_id = :organisation_id
        and i.register_id = t.register_id and i.delivery = 'waiting'
      join document d on d.organisation_id = :organisation_id and d.register_id = i.register_id and d.number = i.number
      where t.organisation_id = :organisation_id and t.autonomous_since is null
        and t.register_id = any(cast(:registers as integer[])) and d.issued_at < :unsent_before) unsent
"""


def find_operator_troubles(session: Session, scope: Scope, places: Places, now: datetime) -> OperatorTroubles:
    """Look at every register within reach; nothing for readers who do not see the link to the operator."""
    if not scope.may("ofd.read"):
        return OperatorTroubles()
    facts = {
        "organisation_id": scope.organisation_id,
        "registers": list(places.registers),
        "unsent_before": now - UNSENT_WARNING,
        "rows_max": ROWS_MAX,
    }
    row = session.execute(text(_LOOK), facts).one()
    losses = zip(row.ids or (), row.since or (), row.are_blocked or (), strict=True)
    return OperatorTroubles(
        tuple(Loss(*loss) for loss in losses), row.refused, row.differing, row.unsent, row.unsent_since
    )


def list_operator_attention(troubles: OperatorTroubles, places: Places, now: datetime) -> list[OperatorItem]:
    """What to look at, the most pressing first."""
    blocked = [loss for loss in troubles.losses if loss.is_blocked]
    lost = [loss for loss in troubles.losses if not loss.is_blocked]
    items = []
    if blocked:
        items.append(_describe_blocked(blocked, places, now))
    if lost:
        items.append(_describe_lost(lost, places, now))
    if troubles.refused_count:
        count = troubles.refused_count
        words = ngettext(
            "Оператор не принял %(count)s документ",
            "Оператор не принял документы: %(count)s",
            count,
            count=formats.count(count),
        )
        items.append(
            OperatorItem(
                "operator_refused", "bad", str(words), gettext("Причина названа, их можно отправить ещё раз.")
            )
        )
    if troubles.differing_count:
        count = troubles.differing_count
        words = ngettext(
            "%(count)s отчёт расходится с оператором",
            "Отчёты расходятся с оператором: %(count)s",
            count,
            count=formats.count(count),
        )
        note = gettext("Показано по полям, чего не сошлось.")
        items.append(OperatorItem("operator_differs", "bad", str(words), note, "?tab=differences&show=open"))
    if troubles.unsent_count and troubles.unsent_since is not None:
        count = troubles.unsent_count
        words = ngettext(
            "%(count)s документ не отправлен больше суток",
            "Не отправлены больше суток: %(count)s",
            count,
            count=formats.count(count),
        )
        note = gettext("Самый ранний ждёт %(time)s.", time=formats.duration(now - troubles.unsent_since))
        items.append(OperatorItem("unsent", "warn", str(words), note))
    return items


def _describe_blocked(losses: list[Loss], places: Places, now: datetime) -> OperatorItem:
    count = len(losses)
    words = ngettext(
        "Оператор заблокировал %(count)s кассу",
        "Оператор заблокировал кассы: %(count)s",
        count,
        count=formats.count(count),
    )
    return OperatorItem("operator_blocked", "bad", str(words), _longest(losses[0], places, now))


def _describe_lost(losses: list[Loss], places: Places, now: datetime) -> OperatorItem:
    count = len(losses)
    length = now - losses[0].since
    words = ngettext(
        "%(count)s касса работает автономно",
        "Работают автономно, касс: %(count)s",
        count,
        count=formats.count(count),
    )
    left = max(timedelta(), AUTONOMOUS_MAX - length)
    note = f"{_longest(losses[0], places, now)}, " + (
        gettext("до блокировки %(time)s", time=formats.duration(left)) if left else gettext("72 часа истекли")
    )
    return OperatorItem("operator_lost", "bad" if length >= AUTONOMOUS_WARNING else "warn", str(words), note)


def _longest(loss: Loss, places: Places, now: datetime) -> str:
    till = places.registers[loss.register_id]
    return f"{places.points[till.point_id].name} · {till.name}: {formats.duration(now - loss.since)}"
