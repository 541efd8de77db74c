"""The tables keep their promises: tenancy, an append-only journal, and one history of migrations."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.orm import Session

from portal.config import ROOT
from portal.models import Base

# Tables that stand above the organisations. Everything else belongs to one.
GLOBAL = {"organisation", "person", "login", "sign_in"}
APPEND_ONLY = {"audit", "document", "document_body", "register_event", "remark"}
TENANT = sorted({table.name for table in Base.metadata.sorted_tables} - GLOBAL)


def test_there_is_one_newest_migration() -> None:
    assert len(ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_heads()) == 1


def test_models_say_what_migrations_made(owner_session: Session) -> None:
    """Columns, types and nullability; keys and indexes are the migrations' own and tested below."""
    connection = owner_session.connection()
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_object": _is_said_by_models}
    )
    assert compare_metadata(context, Base.metadata) == []


def _is_said_by_models(_thing: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    if kind == "table":
        return (
            name is not None
            and not name.startswith(("alembic_version", "document_0", "document_body_0"))
            and name in Base.metadata.tables
        )
    return kind == "column"


def test_every_table_of_the_database_has_a_model(owner_session: Session) -> None:
    tables = set(
        owner_session.scalars(
            sa.text(
                "select relname from pg_class where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace"
            )
        )
    )
    assert tables - {"alembic_version"} == set(Base.metadata.tables)


@pytest.mark.parametrize("table", TENANT)
def test_every_key_and_index_of_a_tenants_table_begins_with_the_organisation(
    table: str, owner_session: Session
) -> None:
    """So a query that names its tenant finds it fast, and the tables can be spread by tenant over many servers."""
    indexes = owner_session.execute(
        sa.text(
            "select i.indexrelid::regclass::text, a.attname from pg_index i "
            "join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] "
            "where i.indrelid = cast(:table as regclass)"
        ),
        {"table": table},
    ).all()
    # Where a person belongs is asked before they have chosen an organisation.
    leading = {name: column for name, column in indexes if name != "membership_person"}
    assert leading
    assert set(leading.values()) == {"organisation_id"}, leading


@pytest.mark.parametrize("table", [*TENANT, "organisation"])
def test_row_level_security_binds_even_the_owner_of_a_tenants_table(
    table: str, owner_session: Session
) -> None:
    secured = owner_session.execute(
        sa.text(
            "select relrowsecurity, relforcerowsecurity from pg_class where oid = cast(:table as regclass)"
        ),
        {"table": table},
    ).one()
    assert tuple(secured) == (True, True)
    policies = owner_session.scalars(
        sa.text("select polname from pg_policy where polrelid = cast(:table as regclass)"), {"table": table}
    ).all()
    assert "tenant" in policies


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
def test_the_portal_may_not_change_what_is_only_added_to(
    table: str, right: str, owner_session: Session
) -> None:
    parts = owner_session.scalars(
        sa.text(
            "select relid::regclass::text from pg_partition_tree(cast(:table as regclass)) union select :table"
        ),
        {"table": table},
    ).all()
    for part in parts:
        assert not owner_session.scalar(
            sa.text("select has_table_privilege('kassa_portal', cast(:part as regclass), :right)"),
            {"part": part, "right": right},
        )
        assert not owner_session.scalar(
            sa.text("select has_any_column_privilege('kassa_portal', cast(:part as regclass), 'UPDATE')"),
            {"part": part},
        )


def test_the_portal_reads_and_adds_to_the_journal(owner_session: Session) -> None:
    for table in APPEND_ONLY:
        for right in ("SELECT", "INSERT"):
            assert owner_session.scalar(
                sa.text("select has_table_privilege('kassa_portal', cast(:table as regclass), :right)"),
                {"table": table, "right": right},
            )


def test_the_portals_role_owns_nothing_and_passes_no_wall(owner_session: Session) -> None:
    role = owner_session.execute(
        sa.text(
            "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin from pg_roles where rolname = 'kassa_portal'"
        )
    ).one()
    assert not any(role)
    owned = owner_session.scalar(
        sa.text(
            "select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname in ('kassa_portal', 'kassa_web') and relpersistence <> 't'"
        )
    )
    assert owned == 0
