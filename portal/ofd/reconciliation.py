"""Hold our X- and Z-reports against the operator's own: it counted what it received, and answers with that."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from psycopg2.extras import Json
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import audit
from portal.db import statements
from portal.fiscal.documents import Document
from portal.ofd.wire.figures import differences, figures_of

_WRITE: Final = """
select set_config('kassa.organisation', %(o)s::text, true);
with remarked as (
    insert into remark (organisation_id, register_id, number, code, facts, remarked_at)
    select %(o)s, %(r)s, %(n)s, 'operator_differs', %(facts)s, %(at)s where %(differs)s on conflict do nothing
)
insert into reconciliation (organisation_id, register_id, number, shift, at, differences)
values (%(o)s, %(r)s, %(n)s, %(shift)s, %(at)s, %(differences)s)
on conflict (organisation_id, register_id, number) do update set at = excluded.at, differences = excluded.differences
"""


def reconcile(
    organisation_id: int, register_id: int, document: Document, theirs: Mapping[str, int], *, at: datetime
) -> int:
    """Keep in what figures a report differs from the operator's; returns in how many. A difference is a remark, too.

    `theirs` are the operator's figures by name (`portal.ofd.wire.figures`).
    """
    found = [
        {"figure": name, "ours": ours, "theirs": other}
        for name, ours, other in differences(figures_of(document), dict(theirs))
    ]
    with statements() as cursor:
        cursor.execute(
            _WRITE,
            {
                "o": organisation_id,
                "r": register_id,
                "n": document.number,
                "shift": document.shift,
                "at": at,
                "differences": Json(found),
                "differs": bool(found),
                "facts": Json({"count": len(found)}),
            },
        )
    return len(found)


def look(
    session: Session,
    organisation_id: int,
    register_id: int,
    number: int,
    *,
    at: datetime,
    by: int | None = None,
    request_id: str | None = None,
) -> None:
    """Somebody has found out why a report differs; the first who did is remembered."""
    looked = session.execute(
        text(
            "update reconciliation set looked_at = :at where organisation_id = :o and register_id = :r "
            "and number = :n and looked_at is null and differences <> '[]' returning 1"
        ),
        {"o": organisation_id, "r": register_id, "n": number, "at": at},
    ).one_or_none()
    if looked is not None:
        audit.record(
            session, organisation_id, "ofd.look", f"document:{register_id}/{number}",
            at=at, person_id=by, request_id=request_id,
        )  # fmt: skip
