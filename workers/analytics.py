"""Jobs over the journal as a whole."""

import logging

from portal.analytics.verify import verify

log = logging.getLogger("kassa.analytics")


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
