"""Cash documents: the list with its filters, one document as a tape beside it, new documents as they come."""

from datetime import datetime
from typing import Any

import orjson
from flask import Blueprint, Response, make_response
from htmx_flask import request
from sqlalchemy.orm import Session

from portal.auth.guards import current, may
from portal.auth.queries import SignedIn
from portal.db import transaction
from portal.journal.filters import describe_filter
from portal.journal.forms import Cursor, DocumentFilter, parse_chosen
from portal.journal.listing import group_by_day, sum_up
from portal.journal.places import Places, list_places
from portal.journal.queries import find_span, get_document, page_documents
from portal.journal.showing import Shown, show
from portal.journal.sums import is_slow, sum_documents
from portal.journal.wanted import Wanted, want
from portal.primitives import clock
from portal.web import live
from portal.web.pages import page, private, wants_block

blueprint = Blueprint("journal", __name__)

PAGE_SIZE = 50
TEMPLATE = "journal/index.html"

Context = dict[str, Any]


@blueprint.get("/documents/")
@live.unless_unchanged
@may("journal.read")
def index() -> Response:
    """The list of cash documents, or the part of it that HTMX names by the id of what it will replace."""
    reader, now = current(), clock.now()
    asked = DocumentFilter.parse(request.args)
    chosen = parse_chosen(request.args.get("document", ""))
    target = _target()
    before = _cursor("before")
    # Only news are asked for after something.
    after = _cursor("after", required=True) if target == "news" else None
    # Read before the documents are: what is committed in between is told again rather than never.
    version = live.stamp(reader.organisation.id)
    context: Context = {"asked": asked, "query": asked.query(), "version": version}
    with transaction(reader.organisation.id, reader.person.id) as session:
        places = list_places(session, reader.scope)
        if target == "document":
            context["shown"] = _choose(session, reader, places, chosen)
        else:
            span = find_span(session, reader.organisation.id)
            wanted = want(asked, reader.scope, places, now, span)
            context["is_started"] = span is not None
            if after is not None:
                context |= _find_news(session, reader, places, wanted, after, now)
            elif target != "sums":
                context |= _find_page(session, reader, places, wanted, before, now)
            if _sums_are_due(target, wanted, places):
                context["foot"] = sum_up(sum_documents(session, wanted), reader.organisation.currency)
            if target is None:
                context["shown"] = _choose(session, reader, places, chosen)
    if context.get("is_left_behind"):
        return _start_anew(asked)
    if target in (None, "documents"):
        context |= describe_filter(asked, wanted, places)
    return page(TEMPLATE, block=target, **context)


# What HTMX may replace, each a block of the same template.
BLOCKS = ("document", "documents", "more", "news", "sums")


@blueprint.get("/documents/<int:register_id>/<int:number>")
@may("journal.read")
def document(register_id: int, number: int) -> Response:
    """One document on a page of its own, which prints clean."""
    reader = current()
    chosen = parse_chosen(f"{register_id}-{number}")
    with transaction(reader.organisation.id, reader.person.id) as session:
        places = list_places(session, reader.scope)
        shown = _choose(session, reader, places, chosen)
    return page("journal/document.html", shown=shown)


def _target() -> str | None:
    """The block that HTMX will replace; None for a whole page."""
    target: str | None = request.htmx.target if wants_block() else None
    return target if target in BLOCKS else None


def _cursor(field: str, *, required: bool = False) -> Cursor | None:
    value = request.args.get(field, "")
    return Cursor.parse(value, field=field) if value or required else None


def _sums_are_due(target: str | None, wanted: Wanted, places: Places) -> bool:
    """Sums come with the list, unless they would hold it up: then the page asks for them behind it."""
    if target == "more":
        return False
    return target == "sums" or "sums" in request.args or not is_slow(wanted, len(places.registers))


def _find_page(
    session: Session, reader: SignedIn, places: Places, wanted: Wanted, before: Cursor | None, now: datetime
) -> Context:
    """One page of the list, and where the next one begins."""
    found = page_documents(session, wanted, PAGE_SIZE + 1, before=before)
    shown = found[:PAGE_SIZE]
    currency = reader.organisation.currency
    return {
        "days": group_by_day(shown, places, currency, now=now, shown=before.day if before else None),
        "next": shown[-1].cursor if len(found) > PAGE_SIZE else None,
        "newest": found[0].cursor if found and before is None else None,
        "is_paged": before is not None,
        "chosen_key": request.args.get("document", ""),
    }


def _find_news(
    session: Session, reader: SignedIn, places: Places, wanted: Wanted, after: Cursor, now: datetime
) -> Context:
    """What came on top of a list that is shown already."""
    found = page_documents(session, wanted, PAGE_SIZE + 1, after=after)
    return {
        "days": group_by_day(found, places, reader.organisation.currency, now=now),
        "shown_day": after.day,
        "newest": found[0].cursor if found else after,
        "is_news": True,
        "is_left_behind": len(found) > PAGE_SIZE,
        "chosen_key": "",
    }


def _start_anew(asked: DocumentFilter) -> Response:
    """A list left alone for so long that more than a page came on top is shown anew."""
    where = {"path": f"/documents/{asked.query()}", "target": "#documents", "swap": "outerHTML"}
    return private(make_response("", 200, {"HX-Location": orjson.dumps(where).decode()}))


def _choose(
    session: Session, reader: SignedIn, places: Places, chosen: tuple[int, int] | None
) -> Shown | None:
    if chosen is None:
        return None
    return show(get_document(session, reader.scope, *chosen), places, reader.organisation)
