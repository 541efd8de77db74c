"""The walls in the database itself: what the portal's own role may not do, and whose rows it may not see."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal import audit, db
from portal.ingest import drain
from portal.ingest.models import UNATTRIBUTED
from portal.journal.models import CloudTill, IssuedDocument, Reconciliation, RegisterEvent
from portal.models import Base
from portal.orgs.models import Organisation
from portal.primitives import clock
from portal.registers.actions import issue_token
from tests import factories
from tests.ingest import stream
from tests.ingest.stream import Till

APPEND_ONLY = ("document", "document_body", "remark", "audit", "register_event")
# Changed by what happens to a cloud till, and never forgotten.
NEVER_DELETED = ("cloud_till", "issued_document", "reconciliation")
PARTITIONS = [f"{table}_{number}" for table in ("document", "document_body") for number in range(8)]
TENANT = sorted(
    table.name
    for table in Base.metadata.sorted_tables
    if "organisation_id" in table.c and table.name != "sign_in"
)


@pytest.fixture
def full(session: Session, till: Till) -> Till:
    """An organisation with a row in every one of its tables."""
    till.take(till.sale(1, cashier=None), till.sale(2), till.sale(4), till.sale(1, 7), b"?")
    stream.gateway(till).send(till.sale(1, register="nobody's"))
    drain.drain_register(till.organisation_id, UNATTRIBUTED)
    with db.transaction(till.organisation_id) as inside:
        issue_token(inside, till.organisation_id, name="Касса", register_id=till.register_id, at=clock.now())
        factories.person(inside, inside.get_one(Organisation, till.organisation_id))
        audit.record(inside, till.organisation_id, "ingest.retry", "quarantine:1", at=clock.now())
        _add_cloud_till(inside, till)
    return till


def _add_cloud_till(session: Session, till: Till) -> None:
    """What stands beside documents that are issued here."""
    facts = {"organisation_id": till.organisation_id, "register_id": till.register_id}
    now = clock.now()
    session.add_all(
        [
            CloudTill(**facts, state="{}", settings="{}"),
            IssuedDocument(**facts, number=1, delivery="waiting"),
            RegisterEvent(**facts, at=now, after_number=1, kind="connected", facts={}),
            Reconciliation(**facts, number=1, shift=1, at=now, differences=[]),
        ]
    )


def test_every_tenant_table_has_a_row_to_look_at(full: Till) -> None:
    assert len(TENANT) >= 24
    for table in TENANT:
        assert full.rows(f"select count(*) > 0 from {table}") == [(True,)], table


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement",
    [
        "update {} set organisation_id = organisation_id",
        "delete from {}",
        "truncate {}",
        "truncate {} cascade",
    ],
)
def test_what_was_written_is_never_changed(full: Till, table: str, statement: str) -> None:
    with (
        db.transaction(full.organisation_id) as session,
        pytest.raises(ProgrammingError, match="permission denied"),
        session.begin_nested(),
    ):
        session.execute(sa.text(statement.format(table)))
    assert full.rows(f"select count(*) > 0 from {table}") == [(True,)]


@pytest.mark.parametrize("table", NEVER_DELETED)
@pytest.mark.parametrize("statement", ["delete from {}", "truncate {}"])
def test_what_stands_beside_the_journal_is_never_forgotten(full: Till, table: str, statement: str) -> None:
    with (
        db.transaction(full.organisation_id) as session,
        pytest.raises(ProgrammingError, match="permission denied"),
        session.begin_nested(),
    ):
        session.execute(sa.text(statement.format(table)))
    assert full.rows(f"select count(*) > 0 from {table}") == [(True,)]


@pytest.mark.parametrize("table", PARTITIONS)
@pytest.mark.parametrize(
    "statement",
    [
        "select from {}",
        "update {} set number = 1",
        "delete from {}",
        "truncate {}",
        "insert into {} default values",
    ],
)
def test_the_journals_partitions_have_no_door_of_their_own(full: Till, table: str, statement: str) -> None:
    with (
        db.transaction(full.organisation_id) as session,
        pytest.raises(ProgrammingError, match="permission denied"),
        session.begin_nested(),
    ):
        session.execute(sa.text(statement.format(table)))


@pytest.mark.parametrize(
    "statement",
    [
        "alter table document disable row level security",
        "alter table document no force row level security",
        "drop policy tenant on document",
        "drop table remark",
        "create table mine (a int)",
        "alter role kassa_portal bypassrls",
        "set session_replication_role = replica",
        "select * from alembic_version",
        "set role kassa",
    ],
)
def test_the_portals_role_cannot_open_the_wall(full: Till, statement: str) -> None:
    with (
        db.transaction(full.organisation_id) as session,
        pytest.raises(ProgrammingError),
        session.begin_nested(),
    ):
        session.execute(sa.text(statement))


def test_the_portal_works_as_a_role_that_owns_nothing(session: Session) -> None:
    assert session.execute(sa.text("select current_user")).scalar() == db.PORTAL_ROLE
    owned = session.execute(
        sa.text(
            "select count(*) from pg_class join pg_roles on pg_roles.oid = relowner "
            "where rolname = current_user and relpersistence <> 't'"
        )
    )
    assert owned.scalar() == 0
    bypass = session.execute(
        sa.text("select rolsuper or rolbypassrls from pg_roles where rolname = current_user")
    )
    assert bypass.scalar() is False


def test_the_portal_cannot_give_itself_more_rights(full: Till) -> None:
    with db.transaction(full.organisation_id) as session:
        session.execute(sa.text("grant update, delete, truncate on document, audit to kassa_portal"))
    for table in APPEND_ONLY:
        for right in ("update", "delete", "truncate"):
            assert full.rows("select has_table_privilege(:table, :right)", table=table, right=right) == [
                (False,)
            ]


def test_row_level_security_is_forced_on_every_tenant_table(session: Session) -> None:
    rows = session.execute(
        sa.text(
            "select relname, relrowsecurity and relforcerowsecurity from pg_class where relname = any(:names)"
        ),
        {"names": [*TENANT, "organisation"]},
    )
    assert dict(rows.all()) == dict.fromkeys([*TENANT, "organisation"], True)


def test_every_key_of_a_tenant_table_begins_with_the_organisation(session: Session) -> None:
    rows = session.execute(
        sa.text(
            "select c.relname, i.relname, a.attname from pg_index x join pg_class c on c.oid = x.indrelid "
            "join pg_class i on i.oid = x.indexrelid join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[0] "
            "where x.indisunique and c.relname = any(:names) and a.attname <> 'organisation_id'"
        ),
        {"names": TENANT},
    )
    assert rows.all() == []


@pytest.mark.parametrize("table", TENANT)
def test_rows_of_another_organisation_cannot_be_seen_changed_or_written(
    session: Session, full: Till, table: str
) -> None:
    """The statements carry no filter at all, and one that asks for the other by name."""
    before = full.rows(f"select * from {table} order by 1, 2")
    [(row,), *_] = full.rows(f"select to_jsonb(one) from {table} as one")
    last = list(Base.metadata.tables[table].c)[-1].name
    stranger = stream.open_till(session)
    with db.transaction(stranger.organisation_id) as inside:
        foreign = sa.text(f"select count(*) from {table} where organisation_id <> :own")
        named = sa.text(f"select count(*) from {table} where organisation_id = :other")
        assert inside.execute(foreign, {"own": stranger.organisation_id}).scalar() == 0
        assert inside.execute(named, {"other": full.organisation_id}).scalar() == 0
        if table not in APPEND_ONLY:
            statements = [f"update {table} set {last} = {last} where organisation_id = :other"]
            if table not in NEVER_DELETED:
                statements.append(f"delete from {table} where organisation_id = :other")
            for statement in statements:
                assert inside.execute(sa.text(statement), {"other": full.organisation_id}).rowcount == 0  # type: ignore[attr-defined]
        copied = sa.text(f"insert into {table} select (jsonb_populate_record(null::public.{table}, :row)).*")
        with pytest.raises(ProgrammingError, match="row-level security"), inside.begin_nested():
            inside.execute(copied.bindparams(sa.bindparam("row", type_=JSONB)), {"row": row})
    assert full.rows(f"select * from {table} order by 1, 2") == before


def test_a_transaction_that_speaks_for_nobody_sees_nothing(session: Session, full: Till) -> None:
    with db.transaction() as inside:
        for table in TENANT:
            assert inside.execute(sa.text(f"select count(*) from {table}")).scalar() == 0, table
        assert inside.execute(sa.text("select count(*) from organisation")).scalar() == 0


def test_whom_a_transaction_spoke_for_ends_with_it(database: object) -> None:
    with db.transaction() as session:
        till = stream.open_till(session)
    with db.transaction(till.organisation_id) as session:
        assert session.execute(sa.text("select count(*) from register")).scalar() == 1
    with db.transaction() as session:
        assert session.execute(sa.text("select count(*) from register")).scalar() == 0


def test_the_sweep_learns_lanes_of_every_organisation_and_nothing_else(session: Session, till: Till) -> None:
    other = stream.open_till(session)
    till.send(till.sale(1))
    other.send(other.sale(1))
    with db.transaction() as inside:
        lanes = inside.execute(sa.text("select * from waiting_lanes(10000)"))
        assert {tuple(lane) for lane in lanes} >= {
            (till.organisation_id, till.register_id),
            (other.organisation_id, other.register_id),
        }
        assert list(inside.execute(sa.text("select * from waiting_lanes(0)"))) == []
        ids = set(inside.execute(sa.text("select * from every_organisation()")).scalars())
        assert {till.organisation_id, other.organisation_id} <= ids
