"""What an operator said about a document, and what its till does then: each is one statement.

Those that change what the till issues next move its version, so that whoever read the till before reads it again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from psycopg2.extras import Json

from portal.db import statements, transaction
from portal.fiscal import register as engine
from portal.fiscal.autonomy import autonomous_sign
from portal.fiscal.commands import Annul, ComeBack, GoAutonomous
from portal.fiscal.documents import KIND_BY_NAME, RECEIPTS, Document
from portal.fiscal.register import encode
from portal.journal.issued import Issued, read_issued
from portal.journal.standing import Moved, Standing, read_standing
from portal.journal.writing import OVERTAKEN_MAX, draft, statement

_SPEAK: Final = "select set_config('kassa.organisation', %(o)s::text, true); "
_TILL: Final = "organisation_id = %(o)s and register_id = %(r)s"

# The lease ends when it was this document's.
_LAND: Final = (
    "in_flight = case when in_flight is distinct from %(n)s then in_flight end, "
    "held_until = case when in_flight is distinct from %(n)s then held_until end"
)
_TRIED: Final = "attempts = attempts + 1, first_tried_at = coalesce(first_tried_at, %(at)s)"

_ANSWERED: Final = f"""{_SPEAK}
with landed as (
    update issued_document set delivery = 'sent', fiscal_sign = coalesce(%(sign)s, fiscal_sign), qr = coalesce(%(qr)s, qr),
        sent_at = %(at)s, result_code = 0, result_text = null, {_TRIED}
    where {_TILL} and number = %(n)s
), unblocked as (
    insert into register_event (organisation_id, register_id, at, after_number, kind, facts)
    select %(o)s, %(r)s, %(at)s, %(n)s, 'unblocked', jsonb_build_object('code', blocked_code)
    from cloud_till where {_TILL} and blocked_code is not null
)
update cloud_till set {_LAND}, token = coalesce(%(token)s, token), blocked_code = null, blocked_text = null,
    blocked_at = null, next_try_at = null, version = version
        + case when blocked_code is not null or %(token)s is not null and autonomous_since is null then 1 else 0 end
where {_TILL}
"""

_UNANSWERED: Final = f"""{_SPEAK}
with landed as (
    update issued_document set result_code = %(code)s, result_text = %(text)s, {_TRIED}
    where {_TILL} and number = %(n)s
)
update cloud_till set {_LAND}, token = coalesce(%(token)s, token), next_try_at = %(next)s where {_TILL}
"""

_REFUSED: Final = f"""{_SPEAK}
with landed as (
    update issued_document set result_code = %(code)s, result_text = %(text)s, refusals = refusals + 1, {_TRIED},
        delivery = case when %(final)s then 'refused' else delivery end
    where {_TILL} and number = %(n)s
), remarked as (
    insert into remark (organisation_id, register_id, number, code, facts, remarked_at)
    select %(o)s, %(r)s, %(n)s, 'operator_refused', jsonb_build_object('code', %(code)s, 'text', %(text)s::text), %(at)s
    where %(final)s on conflict do nothing
), noted as (
    insert into register_event (organisation_id, register_id, at, after_number, kind, facts)
    select %(o)s, %(r)s, %(at)s, %(n)s, kind, jsonb_build_object('code', %(code)s, 'text', %(text)s::text)
    from cloud_till, (values ('operator_refused', %(final)s), ('blocked', %(blocks)s)) as noted (kind, is_so)
    where {_TILL} and is_so and (kind <> 'blocked' or blocked_code is null)
)
update cloud_till set {_LAND}, token = coalesce(%(token)s, token), next_try_at = %(next)s,
    version = version + case when %(blocks)s then 1 else 0 end,
    blocked_code = case when %(blocks)s then %(code)s else blocked_code end,
    blocked_text = case when %(blocks)s then %(text)s else blocked_text end,
    blocked_at = case when %(blocks)s then coalesce(blocked_at, %(at)s) else blocked_at end
where {_TILL}
"""

_VOIDED: Final = f"""{_SPEAK}
with voided as (update issued_document set delivery = 'void' where {_TILL} and number = %(n)s)
update cloud_till set {_LAND} where {_TILL}
"""

_RELEASED: Final = f"{_SPEAK} update cloud_till set {_LAND} where {_TILL} and in_flight = %(n)s"

_HELD: Final = f"""{_SPEAK}
update cloud_till set in_flight = %(n)s,
    held_until = clock_timestamp() + make_interval(secs => %(hold)s)
where {_TILL} and (in_flight is null or held_until <= clock_timestamp())
    and (%(n)s = 0 or exists (select from issued_document where {_TILL} and number = %(n)s and delivery = 'waiting'))
returning 1
"""

_STATE: Final = f"""{_SPEAK}
with till as (
    update cloud_till set version = version + 1, state = %(state)s, autonomous_since = %(since)s, next_try_at = %(next)s,
        in_flight = case when in_flight = any(%(late)s::bigint[]) then null else in_flight end,
        held_until = case when in_flight = any(%(late)s::bigint[]) then null else held_until end
    where {_TILL} and version = %(version)s and in_flight is not distinct from %(flight)s
        and (%(since)s is not null or not exists (
            select from issued_document where {_TILL} and delivery = 'waiting'))
    returning 1
), late as (
    update issued_document i set is_autonomous = true, autonomous_sign = l.sign
    from unnest(%(late)s::bigint[], %(signs)s::text[]) as l (number, sign), till
    where i.organisation_id = %(o)s and i.register_id = %(r)s and i.number = l.number and i.delivery = 'waiting'
)
insert into register_event (organisation_id, register_id, at, after_number, kind, facts)
select %(o)s, %(r)s, %(at)s, %(after)s, %(kind)s, %(facts)s from till returning id
"""


def record_answer(
    organisation_id: int,
    register_id: int,
    number: int,
    *,
    at: datetime,
    token: int | None = None,
    fiscal_sign: str | None = None,
    qr: str | None = None,
) -> None:
    """The operator took the document: it is sent, the till's lease ends, and a block is over."""
    _do(_ANSWERED, organisation_id, register_id, number, at=at, token=token, sign=fiscal_sign, qr=qr)


def record_no_answer(
    organisation_id: int,
    register_id: int,
    number: int,
    *,
    at: datetime,
    code: int | None = None,
    text: str | None = None,
    token: int | None = None,
    next_try_at: datetime | None = None,
) -> None:
    """One more try was in vain: the document goes on waiting and the lease ends.

    `code` and `text` are those of an answer that says no more than silence.
    """
    _do(
        _UNANSWERED, organisation_id, register_id, number, at=at, code=code, text=text, token=token, next=next_try_at
    )  # fmt: skip


def record_refusal(
    organisation_id: int,
    register_id: int,
    number: int,
    *,
    at: datetime,
    code: int,
    text: str,
    token: int | None = None,
    is_final: bool = False,
    blocks: bool = False,
    next_try_at: datetime | None = None,
) -> None:
    """The operator refused the document, and the lease ends.

    It goes on waiting, unless this was final: then it is refused, and remarked upon. `blocks`: the register may issue nothing
    until the operator takes something again.
    """
    _do(
        _REFUSED, organisation_id, register_id, number,
        at=at, code=code, text=text, token=token, final=is_final, blocks=blocks, next=next_try_at,
    )  # fmt: skip


def void(organisation_id: int, register_id: int, number: int) -> None:
    """The document is never sent; the lease ends when it was this document's."""
    _do(_VOIDED, organisation_id, register_id, number)


def hold(organisation_id: int, register_id: int, number: int, hold_s: float) -> bool:
    """Take the till's lease for a document that waits; False while anything is in flight, or when it waits no more.

    Nought stands for a question that carries no document.
    """
    return _do(_HELD, organisation_id, register_id, number, hold=hold_s) == 1


def release(organisation_id: int, register_id: int, number: int) -> None:
    """End the lease without a word about the document."""
    _do(_RELEASED, organisation_id, register_id, number)


def change_state(
    standing: Standing,
    command: GoAutonomous | ComeBack,
    *,
    at: datetime,
    facts: Mapping[str, object] | None = None,
    next_try_at: datetime | None = None,
) -> Standing:
    """Go autonomous or come back, with the event; returns how the till stands then.

    Late documents become autonomous, with their signs where they are receipts, and the lease of one of them ends. A
    till comes back only when nothing waits. Raises `Moved` when the till is not as it was read, or something waits; refuses what
    the engine refuses.
    """
    last = standing.register.last_issued_at
    if last is not None and at < last <= at + OVERTAKEN_MAX:
        at = last
    register, _ = engine.issue(standing.register, standing.settings, command, at, standing.dialect)
    late: tuple[Document, ...] = command.late if isinstance(command, GoAutonomous) else ()
    said: dict[str, object] = {}
    if isinstance(command, GoAutonomous):
        said = {"reason": command.reason, "late": [document.number for document in late]}
    changed = _do(
        _STATE, standing.organisation_id, standing.register_id, None,
        state=encode(register).decode(), since=register.autonomous_since, next=next_try_at,
        late=[document.number for document in late],
        signs=[autonomous_sign(document) if is_signed(document) else None for document in late],
        version=standing.version, flight=standing.in_flight, at=at, after=register.number,
        kind="went_autonomous" if isinstance(command, GoAutonomous) else "came_back",
        facts=Json({**said, **(facts or {})}),
    )  # fmt: skip
    if not changed:
        raise Moved
    return read_standing(standing.organisation_id, standing.register_id)


def is_signed(document: Document) -> bool:
    """Whether a document that its operator has not seen carries an autonomous sign."""
    return KIND_BY_NAME[document.kind] in RECEIPTS


def give_up(standing: Standing, *, at: datetime, reason: str = "no_answer") -> None:
    """Nobody holds the document in flight any more: it counts as unanswered.

    Raises `Moved` when the till is not as it was read.
    """
    number = standing.in_flight
    if number is None:
        return
    if number == 0:
        release(standing.organisation_id, standing.register_id, number)
        return
    left = read_issued(standing.organisation_id, standing.register_id, number)
    if (
        left.delivery != "waiting"
        or left.is_autonomous
        or standing.is_autonomous
        or standing.dialect.signs_itself
    ):
        release(standing.organisation_id, standing.register_id, number)
        return
    change_state(
        standing, GoAutonomous(late=(left.document,), reason=reason), at=at, facts={"is_abandoned": True}
    )


def take_back(
    organisation_id: int,
    register_id: int,
    command: Annul,
    *,
    at: datetime,
    code: int,
    text: str,
    token: int | None = None,
    blocks: bool = False,
) -> Issued:
    """Take back what the operator refused: the document and the one that takes it back are void, never sent.

    The lease of the refused document ends with it. Raises `Moved`; refuses what the engine refuses.
    """
    standing = read_standing(organisation_id, register_id)
    new = draft(standing, command, at=at, delivery="void")
    with transaction(organisation_id) as session:
        connection: Any = session.connection().connection
        with connection.cursor() as cursor:
            cursor.execute(*statement(new))
            if cursor.fetchone()[0] is None:
                raise Moved
            values = {
                "o": organisation_id, "r": register_id, "n": command.number, "at": at, "code": code, "text": text,
                "token": token, "final": False, "blocks": blocks, "next": None,
            }  # fmt: skip
            cursor.execute(_REFUSED, values)
            cursor.execute(_VOIDED, values)
    return new.issued(None)


def _do(statement: str, organisation_id: int, register_id: int, number: int | None, **values: object) -> int:
    """Run one statement; returns how many rows it wrote last."""
    with statements() as cursor:
        cursor.execute(statement, {"o": organisation_id, "r": register_id, "n": number, **values})
        count: int = cursor.rowcount
    return count
