"""The filter bar in words: what is chosen, what may be chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext

from portal.fiscal.documents import KIND_BY_NAME
from portal.journal.delivery import ASKED
from portal.journal.forms import PAYMENTS, PERIOD_DEFAULT, PERIODS, DocumentFilter
from portal.journal.places import Places
from portal.journal.wanted import Wanted
from portal.journal.wording import STATUSES
from portal.web import formats
from portal.web.words import kind_name, payment_name


@dataclass(frozen=True)
class Chip:
    """One filter as the bar shows it: its word, its value in words, and what may be chosen."""

    name: str
    word: str
    value: str
    options: Sequence[tuple[int | str, str, str]]
    chosen: Sequence[int | str]


def describe_filter(asked: DocumentFilter, wanted: Wanted, places: Places) -> dict[str, object]:
    """The filter bar in words: a chip for each filter, the period, and ready periods as links."""
    registers = [
        (till.id, till.name, places.points[till.point_id].name) for till in places.registers.values()
    ]
    points = [(place.id, place.name, "") for place in places.points.values()]
    kinds = [(name, kind_name(name), "") for name in KIND_BY_NAME]
    payments = [(name, payment_name(name), "") for name in PAYMENTS]
    chips = [
        _chip("register", gettext("Касса"), registers, asked.registers),
        _chip("kind", gettext("Вид"), kinds, tuple(kind.name.lower() for kind in asked.kinds)),
        _chip("point", gettext("Точка"), points, asked.points),
        _chip("payment", gettext("Оплата"), payments, asked.payments),
        _chip(
            "status",
            gettext("Состояние"),
            [(status.value, str(STATUSES[status]), "") for status in ASKED],
            tuple(status.value for status in asked.statuses),
        ),
    ]
    narrowed = [f"{chip.word}: {chip.value}" for chip in chips if chip.value]
    if asked.search:
        narrowed.append(gettext("Номер: %(search)s", search=asked.search))
    return {
        "chips": chips,
        "narrowed": narrowed,
        "period": name_period(wanted.first, wanted.last),
        "presets": [
            (
                name_preset(name),
                f"/documents/{asked.without('period').query(period=name)}",
                _is_preset(asked, name),
            )
            for name in PERIODS
        ],
        "first": asked.first.isoformat() if asked.first else "",
        "last": asked.last.isoformat() if asked.last else "",
    }


def _chip(
    name: str, word: str, options: Sequence[tuple[int | str, str, str]], chosen: Sequence[int | str]
) -> Chip:
    words = [option[1] for option in options if option[0] in chosen]
    value = words[0] if len(words) == 1 else formats.count(len(words)) if words else ""
    return Chip(name, word, value, options, chosen)


def _is_preset(asked: DocumentFilter, name: str) -> bool:
    if asked.first or asked.last:
        return False
    return name == (asked.period or ("all" if asked.search else PERIOD_DEFAULT))


def name_preset(name: str) -> str:
    """A ready period in words."""
    words = {
        "today": gettext("Сегодня"),
        "yesterday": gettext("Вчера"),
        "7d": gettext("7 дней"),
        "30d": gettext("30 дней"),
        "month": gettext("Этот месяц"),
        "quarter": gettext("Этот квартал"),
        "year": gettext("Этот год"),
        "all": gettext("Всё время"),
    }
    return str(words[name])


def name_period(first: date | None, last: date | None) -> str:
    """Days as the chip says them: «14.11.2026 – 20.11.2026», «с 14.11.2026», «всё время»."""
    if first and last:
        return formats.day(first) if first == last else f"{formats.day(first)} – {formats.day(last)}"
    if first:
        return str(gettext("с %(day)s", day=formats.day(first)))
    if last:
        return str(gettext("по %(day)s", day=formats.day(last)))
    return str(gettext("всё время"))
