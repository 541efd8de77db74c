"""One document as the right side of the page shows it: a fiscal tape, its square code, the facts of its chain."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import segno
from flask_babel import gettext
from markupsafe import Markup

from portal.fiscal import codec
from portal.fiscal.captions import tape_language
from portal.fiscal.documents import Kind
from portal.fiscal.tape import TapeHeader, TapeLine, qr_of, tape
from portal.journal.delivery import Status
from portal.journal.models import IssuedDocument
from portal.journal.places import Places
from portal.journal.queries import Whole
from portal.journal.wording import has_total
from portal.orgs.queries import Company
from portal.web import formats, i18n
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
    status: str
    refusal: str


def show(whole: Whole, places: Places, company: Company) -> Shown:
    """Lay a document out as its tape, with what the portal knows about it."""
    stored, beside = whole.document, whole.issued
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
    if beside is not None:
        # The operator signs after the document was issued, or falls silent, and its sign is put in place of another.
        issued = msgspec.structs.replace(
            issued,
            autonomous=issued.autonomous or beside.is_autonomous,
            fiscal_sign=beside.fiscal_sign or beside.autonomous_sign or issued.fiscal_sign,
        )
    code = (beside.qr if beside else None) or qr_of(issued, header)
    lines = tape(
        issued,
        header,
        language=tape_language(company.country, i18n.language()),
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
        (gettext("Фискальный признак"), issued.fiscal_sign or formats.ABSENT),
        *(_describe_delivery(beside, header, place.zone) if beside else ()),
        (gettext("Звено цепочки"), formats.count(stored.sequence)),
        (gettext("Отпечаток"), stored.digest.hex()),
    ]
    if beside is None:
        facts.append((gettext("Партия"), formats.count(stored.batch_id)))
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
        status=whole.status.value,
        refusal=_describe_refusal(whole.status, beside) if beside else "",
    )


def _describe_delivery(beside: IssuedDocument, header: TapeHeader, zone: str) -> Iterator[tuple[str, str]]:
    """To whom a document issued here goes, and what came of it."""
    if beside.autonomous_sign and beside.fiscal_sign and beside.autonomous_sign != beside.fiscal_sign:
        yield gettext("Автономный признак"), beside.autonomous_sign
    yield gettext("Оператор"), header.operator.name if header.country == "kz" else gettext("СККО")
    if beside.sent_at is not None:
        yield gettext("Отправлен"), formats.moment(beside.sent_at, zone, seconds=True)
    elif beside.attempts:
        yield gettext("Попыток отправки"), formats.count(beside.attempts)


def _describe_refusal(status: Status, beside: IssuedDocument) -> str:
    """Why a document was not accepted, or what it took back, in a sentence."""
    if status is Status.VOID and beside.basis is not None:
        number = f"№{formats.SPACE}{beside.basis}"
        return str(
            gettext(
                "Этим документом портал взял назад документ %(number)s, который не принял оператор.",
                number=number,
            )
        )
    words = []
    if status is Status.VOID:
        words.append(gettext("Оператор не принял документ, и портал сразу взял его назад."))
    if status in (Status.VOID, Status.REFUSED) and beside.result_code is not None:
        answer = gettext("Ответ оператора: %(code)s", code=beside.result_code)
        words.append(f"{answer} ({beside.result_text})." if beside.result_text else f"{answer}.")
    return " ".join(words)


def _draw(code: str) -> Markup:
    """A square code as an SVG without a style of its own, which our policy would not let through."""
    return Markup(  # noqa: S704 - segno draws paths; the text of the code is not in them
        segno.make(code, micro=False).svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None)
    )
