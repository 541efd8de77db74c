"""Every model, gathered for migrations and for the tests that walk the tables."""

from portal import audit
from portal.analytics import models as analytics
from portal.auth import models as auth
from portal.db import Base
from portal.ingest import models as ingest
from portal.journal import models as journal
from portal.orgs import models as orgs
from portal.registers import models as registers

__all__ = ["Base", "analytics", "audit", "auth", "ingest", "journal", "orgs", "registers"]
