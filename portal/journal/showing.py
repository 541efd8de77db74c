"""One document as the right side of the page shows it: a fiscal tape, its square code, the facts of its chain."""

from dataclasses import dataclass

import segno
from flask_babel import gettext
from markupsafe import Markup

from portal.fiscal import codec
from portal.fiscal.documents import Kind
from portal.fiscal.tape import TapeHeader, TapeLine, qr_of, tape
from portal.journal.places import Places
from portal.journal.queries import Whole
from portal.journal.wording import has_total
from portal.orgs.queries import Company
from portal.web import formats
from portal.web.words import kind_name, remark


@dataclass(frozen=True)
class Shown:
    """A document as the right side of the page shows it."""

    key: str
    title: str
    lines: list[TapeLine]
    qr: Markup | None
    facts: list[tuple[str, str]]
    remarks: list[str]
    is_autonomous: bool


def show(whole: Whole, places: Places, company: Company) -> Shown:
    """Lay a document out as its tape, with what the portal knows about it."""
    stored = whole.document
    place, till = places.points[stored.point_id], places.names[stored.register_id]
    issued = codec.decode(whole.body.encode())
    header = TapeHeader(
        country=company.country,
        organisation=company.name,
        tax_id=company.tax_id,
        point=place.name,
        address=place.address,
        zone=place.zone,
        register=till.name,
        factory_number=till.factory_number,
        registration_number=till.registration_number,
    )
    code = qr_of(issued, header)
    lines = tape(
        issued,
        header,
        # A Kazakh tape speaks both languages of the country, whatever its reader's is.
        language="kk-ru" if company.country == "kz" else "ru",
        # The original of a Z-report is the one that the till printed.
        duplicate=stored.kind == Kind.Z_REPORT,
    )
    facts = [
        (gettext("Касса"), f"{till.name}, {till.factory_number}"),
        (gettext("Точка"), place.name),
        (gettext("Кассир"), whole.cashier or formats.ABSENT),
        (gettext("Смена"), f"{stored.shift} / {stored.ordinal}"),
        (gettext("Оформлен"), f"{formats.moment(stored.issued_at, place.zone, seconds=True)} ({place.zone})"),
        (gettext("Рабочий день"), formats.day(stored.day)),
        (gettext("Принят порталом"), formats.moment(stored.accepted_at, place.zone, seconds=True)),
        (gettext("Фискальный признак"), stored.fiscal_sign or formats.ABSENT),
        (gettext("Звено цепочки"), formats.count(stored.sequence)),
        (gettext("Отпечаток"), stored.digest.hex()),
        (gettext("Партия"), formats.count(stored.batch_id)),
    ]
    kind = Kind(stored.kind)
    title = f"{kind_name(kind)} №{formats.SPACE}{stored.number}"
    if has_total(kind):
        title += f", {formats.money(stored.total_minor, company.currency)}"
    return Shown(
        key=f"{stored.register_id}-{stored.number}",
        title=title,
        lines=[line for line in lines if line.style != "qr"],
        qr=_draw(code) if code else None,
        facts=facts,
        remarks=[remark(one.code, one.facts) for one in whole.remarks],
        is_autonomous=stored.autonomous,
    )


def _draw(code: str) -> Markup:
    """A square code as an SVG without a style of its own, which our policy would not let through."""
    return Markup(  # noqa: S704 - segno draws paths; the text of the code is not in them
        segno.make(code, micro=False).svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None)
    )
