"""Jobs of the stream: each is a look at rows that are there anyway, so doing it twice is doing it once."""

from datetime import timedelta

from portal.db import transaction
from portal.ingest import actions, drain
from portal.primitives import clock
from workers.runtime import settings


def drain_register(organisation_id: int, register_id: int) -> None:
    """Drain one register's lane."""
    drain.drain_register(organisation_id, register_id)


def forget_bodies(organisation_id: int) -> None:
    """Let go of the bytes of batches drained longer ago than the portal keeps them."""
    with transaction(organisation_id) as session:
        actions.forget_bodies(
            session, organisation_id, drained_before=clock.now() - timedelta(days=settings().batch_keep_days)
        )
