"""Jobs that sum the journal up and prove it."""

import logging

from portal.analytics import following, replaying
from portal.analytics.verify import verify

log = logging.getLogger("kassa.analytics")


def follow_register(organisation_id: int, register_id: int) -> None:
    """Fold what a cloud till issued since the last look."""
    following.follow_register(organisation_id, register_id)


def verify_organisation(organisation_id: int) -> None:
    """Prove an organisation's journal and rollups; every difference is logged."""
    report = verify(organisation_id)
    for difference in report.differences:
        log.error("event=verify_difference organisation=%d %s", organisation_id, difference)
    log.info(
        "event=verified organisation=%d documents=%d differences=%d",
        organisation_id,
        report.documents,
        len(report.differences),
    )


def replay_organisation(organisation_id: int) -> None:
    """Issue again what an organisation's cloud tills issued; every difference is logged."""
    replayed = replaying.replay_organisation(organisation_id)
    for difference in replayed.differences:
        log.error("event=replay_difference organisation=%d %s", organisation_id, difference)
    log.info(
        "event=replayed organisation=%d registers=%d documents=%d differences=%d",
        organisation_id,
        replayed.registers,
        replayed.documents,
        len(replayed.differences),
    )
