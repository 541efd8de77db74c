"""The home page and the bell: figures of the day, what needs attention."""

from typing import Any

from flask import Blueprint, Response
from htmx_flask import request

from portal.analytics.attention import find_troubles, list_attention
from portal.analytics.forms import HomeFilter
from portal.analytics.home import look_at, show_now, show_period
from portal.auth.guards import current, may
from portal.db import transaction
from portal.journal.places import list_places
from portal.journal.queries import find_span
from portal.primitives import clock
from portal.web import live
from portal.web.pages import go, page, wants_block

blueprint = Blueprint("analytics", __name__)

TEMPLATE = "analytics/home.html"

# What refreshes itself, each a block of the same template.
BLOCKS = ("home", "now", "period")


@blueprint.get("/")
@live.unless_unchanged
@may("journal.read")
def home() -> Response:
    """The day in ten seconds; somebody who may not see takings is led to the documents instead."""
    reader, now = current(), clock.now()
    if not reader.may("home.read"):
        return go("/documents/")
    asked = HomeFilter.parse(request.args)
    version = live.stamp(reader.organisation.id)
    target = request.htmx.target if wants_block() else None
    target = target if target in BLOCKS else None
    context: dict[str, Any] = {"asked": asked, "version": version}
    with transaction(reader.organisation.id, reader.person.id) as session:
        places = list_places(session, reader.scope)
        view = look_at(reader.scope, places, asked, reader.organisation.currency, now)
        span = find_span(session, reader.organisation.id)
        context["is_started"] = span is not None
        if span is not None and view.days:
            # A company whose tills were last heard some days ago is shown the way to that day.
            context["last_day"] = span[1] if view.is_today and span[1] < view.first else None
            if target != "period":
                context["today"] = show_now(session, view)
            if target != "now":
                context["period"] = show_period(session, view)
    context["points"] = [(place.id, place.name) for place in places.points.values()]
    context["chosen"] = [places.points[point_id].name for point_id in asked.points]
    context["latest_day"] = places.days(now)[1]
    return page(TEMPLATE, block=target, **context)


@blueprint.get("/attention")
@live.unless_unchanged
@may("journal.read")
def attention() -> Response:
    """What the bell shows: the list, or with `part=count` the number alone. A cashier's bell is silent."""
    reader, now = current(), clock.now()
    items = []
    if reader.may("home.read"):
        with transaction(reader.organisation.id, reader.person.id) as session:
            places = list_places(session, reader.scope)
            items = list_attention(
                find_troubles(session, reader.scope, places, now), reader.scope, places, now
            )
    block = "count" if request.args.get("part") == "count" else "list"
    return page("analytics/attention.html", block=block, items=items)
