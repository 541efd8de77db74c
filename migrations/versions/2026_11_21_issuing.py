"""Issuing: how a cloud till is read and how a document it issues is written, one statement each.

As functions, because their plans are kept by the connection: planning a receipt takes longer than writing it. Each
says for whom it speaks, for its own transaction, so that row-level security binds it like any other statement.
"""

from alembic import op

revision = "2026_11_21_issuing"
down_revision = "2026_11_21_cloud_tills"
branch_labels = None
depends_on = None

# Everything of one moment, for the function is stable; `known` is the document that has the caller's key.
READ = """
create function read_till(p_organisation integer, p_register integer, p_key text,
    out version bigint, out state text, out settings text, out request_number integer, out in_flight bigint,
    out is_held boolean, out held_until timestamptz, out operator_host text, out operator_port integer,
    out operator_device bigint, out token bigint, out blocked_code integer, out blocked_text text,
    out blocked_at timestamptz, out next_try_at timestamptz, out sequence bigint, out digest bytea,
    out point_id integer, out zone text, out day_starts_hour smallint, out known bigint)
language plpgsql stable as $$
begin
    perform set_config('kassa.organisation', p_organisation::text, true);
    select t.version, t.state, t.settings, t.request_number, t.in_flight, t.held_until > clock_timestamp(),
        t.held_until, t.operator_host, t.operator_port, t.operator_device, t.token, t.blocked_code, t.blocked_text,
        t.blocked_at, t.next_try_at, h.sequence, h.digest, r.point_id, p.zone, p.day_starts_hour
    into version, state, settings, request_number, in_flight, is_held, held_until, operator_host, operator_port,
        operator_device, token, blocked_code, blocked_text, blocked_at, next_try_at, sequence, digest, point_id, zone,
        day_starts_hour
    from cloud_till t
        join register r on r.organisation_id = p_organisation and r.id = p_register
        join point p on p.organisation_id = p_organisation and p.id = r.point_id
        join register_head h on h.organisation_id = p_organisation and h.register_id = p_register
    where t.organisation_id = p_organisation and t.register_id = p_register;
    if p_key is not null then
        select i.number into known from issued_document i
        where i.organisation_id = p_organisation and i.register_id = p_register and i.key = p_key;
    end if;
end $$;
"""

# Null when the till has moved since it was read, or another document is in flight: nothing is written then. Else the
# number that the document has at its operator's, nought when it is sent to none. A chain that does not end where the
# caller believes is no accident: nothing is written, loudly.
WRITE = """
create function issue_document(p_organisation integer, p_register integer, p_version bigint, p_state text,
    p_autonomous_since timestamptz, p_hold_s double precision, p_number bigint, p_sequence bigint, p_kind integer,
    p_shift integer, p_ordinal integer, p_issued_at timestamptz, p_day date, p_hour integer, p_point integer,
    p_cashier bigint, p_total bigint, p_cash bigint, p_card bigint, p_mobile bigint, p_other bigint, p_change bigint,
    p_payment integer, p_autonomous boolean, p_sign text, p_previous bytea, p_digest bytea, p_till_digest bytea,
    p_body text, p_key text, p_basis bigint, p_delivery text, p_at timestamptz)
returns integer language plpgsql as $$
declare
    given integer;
begin
    perform set_config('kassa.organisation', p_organisation::text, true);
    update cloud_till set version = p_version + 1, state = p_state, autonomous_since = p_autonomous_since,
        request_number = case when p_delivery = 'waiting' then request_number % 65535 + 1 else request_number end,
        in_flight = case when p_hold_s is null then in_flight else p_number end,
        held_until = case when p_hold_s is null then held_until else clock_timestamp() + make_interval(secs => p_hold_s) end
    where organisation_id = p_organisation and register_id = p_register and version = p_version
        and (p_hold_s is null or in_flight is null)
    returning case when p_delivery = 'waiting' then request_number end into given;
    if not found then
        return null;
    end if;
    update register_head set sequence = p_sequence, digest = p_digest, first_number = coalesce(first_number, p_number),
        last_number = p_number, last_issued_at = p_issued_at, till_digest = p_till_digest
    where organisation_id = p_organisation and register_id = p_register and digest = p_previous;
    if not found then
        raise integrity_constraint_violation using message = 'the chain ends elsewhere';
    end if;
    insert into document (organisation_id, register_id, number, sequence, kind, shift, ordinal, issued_at, day, hour,
        point_id, cashier_id, total_minor, cash_minor, card_minor, mobile_minor, other_minor, change_minor, payment,
        autonomous, fiscal_sign, batch_id, accepted_at, digest)
    values (p_organisation, p_register, p_number, p_sequence, p_kind, p_shift, p_ordinal, p_issued_at, p_day, p_hour,
        p_point, p_cashier, p_total, p_cash, p_card, p_mobile, p_other, p_change, p_payment, p_autonomous, p_sign, 0,
        p_at, p_digest);
    insert into document_body (organisation_id, register_id, number, body)
    values (p_organisation, p_register, p_number, p_body);
    insert into issued_document (organisation_id, register_id, number, key, basis, request_number, delivery,
        is_autonomous, autonomous_sign)
    values (p_organisation, p_register, p_number, p_key, p_basis, given, p_delivery, p_autonomous,
        case when p_autonomous then p_sign end);
    return coalesce(given, 0);
end $$;
"""

# The same for many tills of one organisation: what the first function says, for each place whose document was written.
# Tills are locked in one order, so that two groups never wait for one another.
WRITE_MANY = """
create function issue_documents(p_organisation integer, p_documents json) returns json language plpgsql as $$
declare
    given json;
    tills integer;
    heads integer;
begin
    perform set_config('kassa.organisation', p_organisation::text, true);
    perform from cloud_till where organisation_id = p_organisation and register_id in (
        select (one->>'register_id')::integer from json_array_elements(p_documents) as one)
    order by register_id for no key update;
    with new as materialized (
        select * from json_to_recordset(p_documents) as n (place integer, register_id integer, version bigint,
            state text, autonomous_since timestamptz, hold_s double precision, number bigint, sequence bigint,
            kind smallint, shift integer, ordinal integer, issued_at timestamptz, day date, hour smallint,
            point_id integer, cashier_id bigint, total_minor bigint, cash_minor bigint, card_minor bigint,
            mobile_minor bigint, other_minor bigint, change_minor bigint, payment smallint, autonomous boolean,
            fiscal_sign text, previous bytea, digest bytea, till_digest bytea, body text, key text, basis bigint,
            delivery text, at timestamptz)
    ), till as (
        update cloud_till t set version = n.version + 1, state = n.state, autonomous_since = n.autonomous_since,
            request_number = case when n.delivery = 'waiting' then t.request_number % 65535 + 1 else t.request_number end,
            in_flight = case when n.hold_s is null then t.in_flight else n.number end,
            held_until = case when n.hold_s is null then t.held_until
                else clock_timestamp() + make_interval(secs => n.hold_s) end
        from new n
        where t.organisation_id = p_organisation and t.register_id = n.register_id and t.version = n.version
            and (n.hold_s is null or t.in_flight is null)
        returning n.*, case when n.delivery = 'waiting' then t.request_number end as given
    ), head as (
        update register_head h set sequence = t.sequence, digest = t.digest,
            first_number = coalesce(h.first_number, t.number), last_number = t.number, last_issued_at = t.issued_at,
            till_digest = t.till_digest
        from till t
        where h.organisation_id = p_organisation and h.register_id = t.register_id and h.digest = t.previous
        returning 1
    ), narrow as (
        insert into document (organisation_id, register_id, number, sequence, kind, shift, ordinal, issued_at, day,
            hour, point_id, cashier_id, total_minor, cash_minor, card_minor, mobile_minor, other_minor, change_minor,
            payment, autonomous, fiscal_sign, batch_id, accepted_at, digest)
        select p_organisation, register_id, number, sequence, kind, shift, ordinal, issued_at, day,
            hour, point_id, cashier_id, total_minor, cash_minor, card_minor, mobile_minor, other_minor, change_minor,
            payment, autonomous, fiscal_sign, 0, at, digest
        from till
    ), body as (
        insert into document_body (organisation_id, register_id, number, body)
        select p_organisation, register_id, number, body from till
    ), beside as (
        insert into issued_document (organisation_id, register_id, number, key, basis, request_number, delivery,
            is_autonomous, autonomous_sign)
        select p_organisation, register_id, number, key, basis, till.given, delivery, autonomous,
            case when autonomous then fiscal_sign end
        from till
    )
    select (select json_object_agg(place, coalesce(till.given, 0)) from till), (select count(*) from till),
        (select count(*) from head)
    into given, tills, heads;
    if heads <> tills then
        raise integrity_constraint_violation using message = 'a chain ends elsewhere';
    end if;
    return coalesce(given, '{}');
end $$;
"""

# A register that moves to another point, or a point whose day begins at another hour, changes what its tills write:
# whoever read them before must read them again.
MOVE = """
create function move_tills() returns trigger language plpgsql as $$
begin
    update cloud_till t set version = t.version + 1
    from register r
    where t.organisation_id = new.organisation_id and r.organisation_id = new.organisation_id
        and r.id = t.register_id and case tg_table_name when 'point' then r.point_id = new.id else r.id = new.id end;
    return null;
end $$;
create trigger move_tills after update of zone, day_starts_hour on point for each row execute function move_tills();
create trigger move_tills after update of point_id on register for each row execute function move_tills();
"""


def upgrade() -> None:
    op.execute(READ)
    op.execute(WRITE)
    op.execute(WRITE_MANY)
    op.execute(MOVE)


def downgrade() -> None:
    op.execute("drop function move_tills cascade")
    op.execute("drop function issue_documents")
    op.execute("drop function issue_document")
    op.execute("drop function read_till")
