"""A demo of a few registers, and a portal that really listens."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import text
from werkzeug.serving import make_server

from portal.analytics import names
from portal.config import Settings
from portal.db import transaction
from portal.demo.people import Place, ensure_demo
from portal.ingest import drain

hypothesis_settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("calm")

# A Friday afternoon in Minsk, when everything but the bar is open.
FRIDAY = datetime(2026, 5, 15, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """A worker remembers which names it wrote; every test begins like a new worker."""
    names._names.clear()
    names._written.clear()


@pytest.fixture
def places(database: Settings) -> list[Place]:
    """The demo's registers, founded on that Friday."""
    return [replace(place, founded_at=FRIDAY) for place in ensure_demo(database, at=FRIDAY)]


@pytest.fixture
def url(app: Flask, database: Settings) -> Iterator[str]:
    """Where a portal of this test listens."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def drain_everything() -> None:
    """Do what workers do, here and now."""
    with transaction() as session:
        lanes = session.execute(text("select organisation_id, register_id from waiting_lanes(1000)")).all()
    for organisation_id, register_id in lanes:
        drain.drain_register(organisation_id, register_id)
