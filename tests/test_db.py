"""Statements outside of any transaction: durable when they return, on connections that are kept and may die."""

from threading import Barrier, Thread

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal.config import Settings
from portal.db import PORTAL_ROLE, statements, transaction
from tests import factories


def backend() -> int:
    with statements() as cursor:
        cursor.execute("select pg_backend_pid()")
        found: int = cursor.fetchone()[0]
    return found


def test_a_statement_is_committed_when_it_returns(database: Settings) -> None:
    with transaction() as session:
        company = factories.organisation(session)
    with statements() as cursor:
        cursor.execute(
            "select set_config('kassa.organisation', %s, true); update organisation set name = 'X'",
            (str(company.id),),
        )
        with transaction(company.id) as session:
            assert session.execute(sa.text("select name from organisation")).scalar_one() == "X"


def test_statements_are_the_portals_and_see_no_tenant_by_themselves(database: Settings) -> None:
    with transaction() as session:
        factories.organisation(session)
    with statements() as cursor:
        cursor.execute(
            "select current_user, current_setting('timezone'), (select count(*) from organisation)"
        )
        assert cursor.fetchone() == (PORTAL_ROLE, "GMT", 0)


def test_a_connection_is_kept_and_never_shared_by_two_at_once(database: Settings) -> None:
    assert backend() == backend()
    found, both = [], Barrier(2)

    def ask() -> None:
        with statements() as cursor:
            cursor.execute("select pg_backend_pid()")
            found.append(cursor.fetchone()[0])
            both.wait(30)

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2


def test_a_connection_that_died_is_given_up_with_all_that_idle(
    database: Settings, owner_session: Session
) -> None:
    with statements() as one, statements() as two:
        for cursor in (one, two):
            cursor.execute("select pg_backend_pid()")
        old = {one.fetchone()[0], two.fetchone()[0]}
    owner_session.execute(
        sa.text("select pg_terminate_backend(pid) from unnest(:pids) as pid"), {"pids": list(old)}
    )
    with pytest.raises(OperationalError):
        backend()
    assert backend() not in old
    with statements() as one, statements() as two:
        for cursor in (one, two):
            cursor.execute("select pg_backend_pid()")
        assert not {one.fetchone()[0], two.fetchone()[0]} & old


def test_a_statement_that_fails_leaves_its_connection_usable(database: Settings) -> None:
    before = backend()
    with pytest.raises(psycopg2.ProgrammingError), statements() as cursor:
        cursor.execute("select from nowhere")
    assert backend() == before


def test_inside_a_test_of_one_transaction_statements_take_part(session: Session) -> None:
    company = factories.organisation(session)
    with statements() as cursor:
        cursor.execute("select count(*) from organisation where id = %s", (company.id,))
        assert cursor.fetchone() == (1,)
