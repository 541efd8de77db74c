"""Jobs of the link to the fiscal operator: each is a look at what waits, so doing it twice is doing it once."""

from portal.ofd import delivering
from workers.runtime import settings


def deliver_register(organisation_id: int, register_id: int) -> None:
    """Deliver what waits at one register, in its order."""
    delivering.deliver_register(organisation_id, register_id, probe_s=settings().operator_probe_s)
