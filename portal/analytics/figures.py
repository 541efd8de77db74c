"""The figures of an organisation over a period as plain values: what pages show, for machines and for proof."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from portal.analytics import metrics, queries
from portal.analytics.metrics import TaxFigure
from portal.analytics.queries import Grain
from portal.journal.places import list_places
from portal.orgs.access import OWNER, Scope
from portal.orgs.models import Organisation

Figures = dict[str, Any]


def reckon(
    session: Session,
    organisation: Organisation,
    *,
    first: date | None = None,
    last: date | None = None,
    by: Grain | None = None,
) -> Figures:
    """Every metric over the period, and again for each day, point or register. Sums are minor units."""
    report: Figures = {
        "organisation": organisation.tax_id,
        "currency": organisation.currency,
        "from": first and first.isoformat(),
        "to": last and last.isoformat(),
        "total": _all(session, organisation.id, None, first, last)[None],
    }
    if by is None:
        return report
    names = _names(session, organisation.id, by)
    rows = _all(session, organisation.id, by, first, last)
    return report | {"by": by, "rows": [{**names(key), **rows[key]} for key in sorted(rows)]}


def _all(
    session: Session, organisation_id: int, by: Grain | None, first: date | None, last: date | None
) -> dict[Any, Figures]:
    sums = queries.sum_by(session, organisation_id, by, first, last)
    taxes = queries.sum_taxes(session, organisation_id, by, first, last)
    return {
        key: {**metrics.figures(measures), "taxes": [_tax(tax) for tax in taxes.get(key, ())]}
        for key, measures in sums.items()
    }


def _tax(tax: TaxFigure) -> Figures:
    return {
        "rate": tax.rate,
        "turnover": tax.turnover_minor,
        "tax": tax.tax_minor,
        "net_turnover": tax.net_turnover_minor,
        "net_tax": tax.net_tax_minor,
    }


def _names(session: Session, organisation_id: int, by: Grain) -> Any:
    """What a row is called, by its key."""
    if by == "day":
        return lambda day: {"day": day.isoformat()}
    places = list_places(session, Scope(organisation_id, 0, OWNER))
    if by == "point":
        return lambda point_id: {"point": point_id, "name": places.points[point_id].name}
    return lambda register_id: {
        "register": places.names[register_id].factory_number,
        "name": places.names[register_id].name,
    }
