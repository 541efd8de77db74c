"""The wall between organisations: a query that forgot its filter sees nothing of another's."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal import audit
from portal.analytics.names import forget_names
from portal.db import speak_for
from portal.models import Base
from portal.orgs.models import Organisation
from portal.primitives import clock
from tests import factories
from tests.ingest import stream

TENANT = [
    table for table in Base.metadata.sorted_tables if "organisation_id" in table.c and table.name != "sign_in"
]
SHARED = {"organisation", "person", "login", "sign_in"}
APPEND_ONLY = ("audit", "document", "document_body", "remark", "register_event")
# Changed by what happens to a cloud till, and never forgotten.
NEVER_DELETED = ("cloud_till", "issued_document", "reconciliation")


@pytest.fixture
def tills(session: Session) -> tuple[stream.Till, stream.Till]:
    """Two companies that both sold, stumbled and were written about."""
    pair = (stream.open_till(session), stream.open_till(session))
    for till in pair:
        speak_for(session, till.organisation_id)
        # A test before this one may have rolled an organisation of this number back.
        forget_names(till.organisation_id)
        till.take(till.sale(1), till.sale(3, cashier=None), {"register": till.factory_number})
        speak_for(session, till.organisation_id)
        audit.record(session, till.organisation_id, "tests.write", "nothing:1", at=clock.now())
        factories.person(session, session.get_one(Organisation, till.organisation_id))
        session.flush()
    return pair


def organisations_seen(session: Session, table: sa.Table) -> set[int]:
    column = table.c.id if table.name == "organisation" else table.c.organisation_id
    return set(session.scalars(sa.select(column).distinct()))


def walled() -> Iterator[sa.Table]:
    yield from TENANT
    yield Base.metadata.tables["organisation"]


@pytest.mark.parametrize("table", list(walled()), ids=lambda table: table.name)
def test_a_query_without_a_filter_sees_ones_own_rows_only(
    session: Session, tills: tuple[stream.Till, stream.Till], table: sa.Table
) -> None:
    session.expunge_all()
    for till in tills:
        speak_for(session, till.organisation_id)
        assert organisations_seen(session, table) <= {till.organisation_id}
    speak_for(session, None)
    assert organisations_seen(session, table) == set()


def test_the_test_above_looks_at_rows_that_are_there(
    session: Session, tills: tuple[stream.Till, stream.Till]
) -> None:
    speak_for(session, tills[0].organisation_id)
    seen = {table.name for table in TENANT if organisations_seen(session, table)}
    assert seen >= {
        "audit", "cashier", "document", "document_body", "gap", "ingest_batch", "ingest_portion", "membership",
        "point", "quarantine", "register", "register_head", "remark", "rollup_day", "rollup_hour",
    }  # fmt: skip


@pytest.mark.parametrize("table", TENANT, ids=lambda table: table.name)
def test_nothing_can_be_written_or_moved_into_another_organisation(
    session: Session, tills: tuple[stream.Till, stream.Till], table: sa.Table
) -> None:
    own, foreign = tills
    speak_for(session, own.organisation_id)
    row = session.execute(sa.select(table).limit(1)).mappings().one_or_none()
    values = {**(row or {}), "organisation_id": foreign.organisation_id}
    smuggle = sa.insert(table).from_select(
        list(values), sa.select(*(sa.literal(value, table.c[name].type) for name, value in values.items()))
    )
    with pytest.raises(ProgrammingError, match="row-level security"), session.begin_nested():
        session.execute(smuggle)


@pytest.mark.parametrize("table", TENANT, ids=lambda table: table.name)
def test_nothing_of_another_organisation_can_be_changed_or_deleted(
    session: Session, tills: tuple[stream.Till, stream.Till], table: sa.Table
) -> None:
    if table.name in APPEND_ONLY:
        return
    own, foreign = tills
    speak_for(session, own.organisation_id)
    with session.begin_nested() as nested:
        theirs = table.c.organisation_id == foreign.organisation_id
        if table.name in NEVER_DELETED:
            with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
                session.execute(sa.delete(table).where(theirs))
        else:
            assert session.execute(sa.delete(table).where(theirs)).rowcount == 0  # type: ignore[attr-defined]
        column = next(column for column in table.c if column.name != "organisation_id")
        changed = session.execute(sa.update(table).where(theirs).values({column.name: column}))
        assert changed.rowcount == 0  # type: ignore[attr-defined]
        nested.rollback()


@pytest.mark.parametrize("name", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement", ["update {} set organisation_id = organisation_id", "delete from {}", "truncate {}"]
)
def test_the_journal_and_the_audit_can_be_added_to_and_never_changed(
    session: Session, tills: tuple[stream.Till, stream.Till], name: str, statement: str
) -> None:
    speak_for(session, tills[0].organisation_id)
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(sa.text(statement.format(name)))


def test_every_table_stands_behind_the_wall_or_is_known_to_be_shared(session: Session) -> None:
    rows = session.execute(
        sa.text(
            "select relname, relrowsecurity and relforcerowsecurity from pg_class "
            "where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition"
        )
    )
    walls = {name: walled for name, walled in rows if name != "alembic_version"}
    assert {name for name, walled in walls.items() if not walled} == SHARED - {"organisation"}
    assert set(walls) == {table.name for table in Base.metadata.sorted_tables}


@pytest.mark.parametrize("table", TENANT, ids=lambda table: table.name)
def test_every_key_of_a_tenants_table_begins_with_the_organisation(table: sa.Table) -> None:
    assert next(iter(table.primary_key.columns)).name == "organisation_id"


def test_the_portal_owns_no_table_and_is_no_superuser(session: Session) -> None:
    owned = session.scalar(
        sa.text("select count(*) from pg_tables where tableowner = 'kassa_portal' and schemaname = 'public'")
    )
    mighty = session.scalar(
        sa.text("select bool_or(rolsuper or rolbypassrls) from pg_roles where rolname = current_user")
    )
    assert (owned, mighty) == (0, False)


def test_partitions_cannot_be_read_around_the_wall(session: Session) -> None:
    for name in ("document_0", "document_body_0"):
        with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
            session.execute(sa.text(f"select 1 from {name}"))
