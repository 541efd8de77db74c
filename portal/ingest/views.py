"""The stream as an administrator sees it: batches, quarantine with the raw documents, gaps, remarks."""

import json
from datetime import datetime, timedelta
from typing import Any

import orjson
from flask import Blueprint, Response, flash, url_for
from flask_babel import gettext, ngettext
from htmx_flask import request
from sqlalchemy.orm import Session

from portal import queue
from portal.auth.guards import current, may
from portal.db import transaction
from portal.ingest import queries
from portal.ingest.actions import retry_quarantined
from portal.ingest.models import UNATTRIBUTED
from portal.orgs.access import Scope
from portal.primitives import clock
from portal.primitives.refusals import BadInput
from portal.web import live
from portal.web.pages import go, page
from portal.web.paging import Slice, cut, pack, unpack
from portal.web.security import request_id

blueprint = Blueprint("ingest", __name__, url_prefix="/stream")

PAGE_SIZE = 50
GAPS_MAX = 200
TABS = ("batches", "quarantine", "gaps", "remarks")
REMARKS_COUNTED_FOR = timedelta(days=7)

# A document is at most a batch, but nobody reads more of it than this on a page.
RAW_SHOWN_MAX = 100_000


@blueprint.get("/")
@live.unless_unchanged
@may("ingest.read")
def index() -> Response:
    """How the stream stands, and one of its four lists."""
    reader, now = current(), clock.now()
    tab = request.args.get("tab", TABS[0])
    if tab not in TABS:
        raise BadInput(field="tab", value=tab[:40])
    after = request.args.get("after", "")
    version = live.stamp(reader.organisation.id)
    with transaction(reader.organisation.id, reader.person.id) as session:
        counts = queries.count_stream(session, reader.scope, remarked_since=now - REMARKS_COUNTED_FOR)
        rows = _LISTS[tab](session, reader.scope, after)
    return page(
        "ingest/index.html",
        block="stream" if request.htmx and request.htmx.target == "stream" else "more",
        tab=tab, counts=counts, rows=rows, version=version, is_deep=bool(after), now=now,
    )  # fmt: skip


def _batches(session: Session, scope: Scope, after: str) -> Slice[Any]:
    before = _number(after)
    rows = queries.page_batches(session, scope, before=before, limit=PAGE_SIZE + 1)
    return cut(rows, PAGE_SIZE, lambda row: pack(row.id))


def _quarantine(session: Session, scope: Scope, after: str) -> Slice[Any]:
    before = _number(after)
    rows = queries.page_quarantine(session, scope, before=before, limit=PAGE_SIZE + 1)
    return cut(rows, PAGE_SIZE, lambda row: pack(row[0].id))


def _gaps(session: Session, scope: Scope, _after: str) -> Slice[Any]:
    rows = queries.list_gaps(session, scope, limit=GAPS_MAX)
    return cut(rows, GAPS_MAX, lambda _row: "")


def _remarks(session: Session, scope: Scope, after: str) -> Slice[Any]:
    before = None
    if after:
        moment, register_id, number, code = unpack(after, str, int, int, str)
        before = (_moment(str(moment)), int(register_id), int(number), str(code))
    rows = queries.page_remarks(session, scope, before=before, limit=PAGE_SIZE + 1)
    return cut(
        rows,
        PAGE_SIZE,
        lambda row: pack(row[0].remarked_at.isoformat(), row[0].register_id, row[0].number, row[0].code),
    )


_LISTS = {"batches": _batches, "quarantine": _quarantine, "gaps": _gaps, "remarks": _remarks}


def _number(after: str) -> int | None:
    if not after:
        return None
    (value,) = unpack(after, int)
    return min(int(value), 2**63 - 1)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(field="after", value=text[:40]) from error
    if moment.tzinfo is None:
        raise BadInput(field="after", value=text[:40])
    return moment


@blueprint.get("/quarantine/<int:quarantine_id>")
@may("ingest.read")
def quarantined(quarantine_id: int) -> Response:
    """One document in quarantine: why it is there, and what it says, word for word."""
    reader = current()
    with transaction(reader.organisation.id, reader.person.id) as session:
        row, register = queries.get_quarantined(session, reader.scope, min(quarantine_id, 2**63 - 1))
    return page(
        "ingest/quarantined.html", row=row, register=register, raw=_readable(row.body[:RAW_SHOWN_MAX]),
        is_cut=len(row.body) > RAW_SHOWN_MAX,
    )  # fmt: skip


def _readable(body: bytes) -> str:
    """Indented when it is JSON, else as it came; bytes that are no text are shown as such."""
    try:
        return json.dumps(orjson.loads(body), ensure_ascii=False, indent=2)
    except (orjson.JSONDecodeError, RecursionError):
        return body.decode("utf-8", "backslashreplace")


@blueprint.post("/quarantine/<int:quarantine_id>/retry")
@may("ingest.retry")
def retry(quarantine_id: int) -> Response:
    """Send one quarantined document through the door once more."""
    reader = current()
    with transaction(reader.organisation.id, reader.person.id) as session:
        row, _register = queries.get_quarantined(session, reader.scope, min(quarantine_id, 2**63 - 1))
        accepted = retry_quarantined(
            session, reader.organisation.id, row.id, at=clock.now(),
            person_id=reader.person.id, request_id=request_id(),
        )  # fmt: skip
    queue.ring(reader.organisation.id, accepted.register_ids)
    flash(gettext("Документ отправлен на повторный разбор."))
    return go(url_for("ingest.index", tab="quarantine"))


@blueprint.post("/quarantine/retry")
@may("ingest.retry")
def retry_all() -> Response:
    """Send every quarantined document of the list's first page through the door once more."""
    reader, now = current(), clock.now()
    rung = {UNATTRIBUTED}
    with transaction(reader.organisation.id, reader.person.id) as session:
        rows = queries.page_quarantine(session, reader.scope, limit=PAGE_SIZE)
        for row, _register in rows:
            accepted = retry_quarantined(
                session,
                reader.organisation.id,
                row.id,
                at=now,
                person_id=reader.person.id,
                request_id=request_id(),
            )
            rung.update(accepted.register_ids)
    queue.ring(reader.organisation.id, rung)
    flash(
        ngettext(
            "%(num)d документ отправлен на повторный разбор.",
            "%(num)d документов отправлено на повторный разбор.",
            len(rows),
        )
    )
    return go(url_for("ingest.index", tab="quarantine"))
