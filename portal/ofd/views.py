"""The link to the operator as an administrator sees it: every cloud register, what waits, what was refused, what differs."""

from datetime import datetime

from flask import Blueprint, Response, flash, url_for
from flask_babel import gettext
from htmx_flask import request

from portal.auth.guards import current, may
from portal.db import transaction
from portal.ofd import connecting, queries, reconciliation
from portal.ofd.connecting import Checked
from portal.ofd.forms import read_token
from portal.ofd.queries import Link
from portal.primitives import clock
from portal.primitives.refusals import BadInput, NotFound, Refusal
from portal.web import live, words, words_operator
from portal.web.pages import go, page
from portal.web.paging import cut, pack, unpack
from portal.web.security import request_id
from portal.web.words_fiscal import operator_result

blueprint = Blueprint("ofd", __name__, url_prefix="/operator")

PAGE_SIZE = 50
DOCUMENTS_SHOWN_MAX = 100
EVENTS_SHOWN_MAX = 50
TABS = ("registers", "differences")
NUMBER_MAX = 2**31 - 1


@blueprint.get("/")
@live.unless_unchanged
@may("ofd.read")
def index() -> Response:
    """Every cloud register with its operator, or the reports that were held against the operator's."""
    reader, now = current(), clock.now()
    tab = request.args.get("tab", TABS[0])
    if tab not in TABS:
        raise BadInput(field="tab", value=tab[:40])
    after, only_open = request.args.get("after", ""), request.args.get("show") == "open"
    version = live.stamp(reader.organisation.id)
    with transaction(reader.organisation.id, reader.person.id) as session:
        links = queries.list_links(session, reader.scope)
        compared = (
            queries.page_compared(
                session, reader.scope, limit=PAGE_SIZE + 1, only_open=only_open, before=_before(after)
            )
            if tab == "differences"
            else []
        )
    rows = cut(compared, PAGE_SIZE, lambda row: pack(row.at.isoformat(), row.register_id, row.number))
    return page(
        "ofd/index.html",
        block="link" if request.htmx and request.htmx.target == "link" else "more",
        tab=tab, links=links, rows=rows, only_open=only_open, is_deep=bool(after), version=version, now=now,
        is_kazakh=reader.organisation.country == "kz", totals=_totals(links),
    )  # fmt: skip


def _totals(links: list[Link]) -> dict[str, int]:
    return {
        "connected": sum(link.host is not None for link in links),
        "well": sum(link.state in ("well", "waiting", "refused") for link in links),
        "waiting": sum(link.waiting for link in links),
        "refused": sum(link.refused for link in links),
        "differing": sum(link.differing for link in links),
    }


def _before(after: str) -> tuple[datetime, int, int] | None:
    if not after:
        return None
    moment, register_id, number = unpack(after, str, int, int)
    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError as error:
        raise BadInput(field="after", value=after[:40]) from error
    if at.tzinfo is None:
        raise BadInput(field="after", value=after[:40])
    return at, min(int(register_id), NUMBER_MAX), min(int(number), 2**63 - 1)


@blueprint.get("/<int:register_id>")
@live.unless_unchanged
@may("ofd.read")
def register(register_id: int) -> Response:
    """One register: how it stands with its operator, what it has not sent, what happened to it."""
    return _register_page(register_id)


def _register_page(register_id: int, *, refusal: Refusal | None = None) -> Response:
    reader, now = current(), clock.now()
    version = live.stamp(reader.organisation.id)
    with transaction(reader.organisation.id, reader.person.id) as session:
        link = queries.get_link(session, reader.scope, _known(register_id))
        documents = queries.list_undelivered(
            session, reader.scope, link.register_id, limit=DOCUMENTS_SHOWN_MAX
        )
        events = queries.list_events(session, reader.scope, link.register_id, limit=EVENTS_SHOWN_MAX)
        compared = queries.page_compared(session, reader.scope, limit=5, register_id=link.register_id)
    return page(
        "ofd/register.html",
        block="state",
        status=200 if refusal is None else refusal.status,
        link=link, documents=documents, events=events, compared=compared, version=version, now=now,
        is_kazakh=reader.organisation.country == "kz",
        refused=None if refusal is None else words.sentence(refusal.code, refusal.facts),
        next_step=None if refusal is None else words.next_step(refusal.code, refusal.facts),
    )  # fmt: skip


@blueprint.get("/<int:register_id>/<int:number>")
@may("ofd.read")
def compared(register_id: int, number: int) -> Response:
    """One report, field by field, beside the operator's."""
    reader = current()
    with transaction(reader.organisation.id, reader.person.id) as session:
        row = queries.get_compared(session, reader.scope, _known(register_id), min(number, 2**63 - 1))
    return page("ofd/compared.html", row=row, now=clock.now())


@blueprint.post("/<int:register_id>/<int:number>/looked")
@may("ofd.push")
def looked(register_id: int, number: int) -> Response:
    """Somebody has found out why a report differs."""
    reader = current()
    with transaction(reader.organisation.id, reader.person.id) as session:
        row = queries.get_compared(session, reader.scope, _known(register_id), min(number, 2**63 - 1))
        reconciliation.look(
            session, reader.organisation.id, row.register_id, row.number,
            at=clock.now(), by=reader.person.id, request_id=request_id(),
        )  # fmt: skip
    flash(gettext("Расхождение отмечено разобранным."))
    return go(url_for("ofd.index", tab="differences"))


@blueprint.post("/<int:register_id>/check")
@may("ofd.push")
def check(register_id: int) -> Response:
    """Ask the operator whether it knows the register."""
    reader = _reaching(register_id)
    try:
        checked = connecting.check_connection(reader, register_id)
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        return _register_page(register_id, refusal=refusal)
    flash(_said(checked))
    return go(url_for("ofd.register", register_id=register_id))


@blueprint.post("/<int:register_id>/token")
@may("ofd.push")
def change_token(register_id: int) -> Response:
    """Use the token that was typed in."""
    organisation_id, reader = _reaching(register_id), current()
    try:
        checked = connecting.change_token(
            organisation_id,
            register_id,
            read_token(request.form),
            by=reader.person.id,
            request_id=request_id(),
        )
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        return _register_page(register_id, refusal=refusal)
    flash(
        gettext("Токен сохранён, но оператор не ответил: проверим при первой связи.")
        if checked.result_code is None
        else _said(checked)
    )
    return go(url_for("ofd.register", register_id=register_id))


@blueprint.post("/<int:register_id>/deliver")
@may("ofd.push")
def deliver(register_id: int) -> Response:
    """Do not wait for the next try: send what waits now."""
    connecting.try_now(_reaching(register_id), register_id)
    flash(gettext("Отправка начата."))
    return go(url_for("ofd.register", register_id=register_id))


@blueprint.post("/<int:register_id>/<int:number>/send")
@may("ofd.push")
def send(register_id: int, number: int) -> Response:
    """Send a document once more that the operator refused."""
    organisation_id, reader = _reaching(register_id), current()
    try:
        connecting.send_again(
            organisation_id,
            register_id,
            min(number, 2**63 - 1),
            by=reader.person.id,
            request_id=request_id(),
        )
    except Refusal as refusal:
        return _register_page(register_id, refusal=refusal)
    flash(gettext("Документ снова ждёт отправки."))
    return go(url_for("ofd.register", register_id=register_id))


def _reaching(register_id: int) -> int:
    """The reader's organisation, for a register within reach; NotFound for any other."""
    reader = current()
    with transaction(reader.organisation.id, reader.person.id) as session:
        queries.check_reach(session, reader.scope, _known(register_id))
    return reader.organisation.id


def _known(register_id: int) -> int:
    return min(register_id, NUMBER_MAX)


def _said(checked: Checked) -> str:
    if checked.is_well:
        return str(gettext("Успешно. Соединение успешно"))
    if checked.result_code is None:
        return str(gettext("Оператор не ответил: %(why)s.", why=words_operator.silence(checked.reason)))
    if checked.result_code == 2:
        return str(gettext("Ошибка. Недействительный токен"))
    return str(
        gettext("Оператор ответил: %(what)s.", what=operator_result(checked.result_code, checked.text))
    )
