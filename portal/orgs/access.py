"""Who may do what: roles, their permissions, and the points a right reaches.

Pure. A permission is `package.verb`; a view names the one it needs (`portal.auth.guards.may`), and queries
whose rows belong to points take a `Scope` and show only the points it reaches.
"""

from dataclasses import dataclass

OWNER = "owner"
ACCOUNTANT = "accountant"
ADMINISTRATOR = "administrator"
CASHIER = "cashier"

PERMISSIONS = frozenset({"home.read", "journal.read", "ingest.read", "ingest.retry", "ofd.read", "ofd.push"})

# A cashier looks up a receipt at the counter; what the shop earned is not theirs to see.
ROLES: dict[str, frozenset[str]] = {
    OWNER: PERMISSIONS,
    ACCOUNTANT: frozenset({"home.read", "journal.read", "ofd.read"}),
    ADMINISTRATOR: PERMISSIONS,
    CASHIER: frozenset({"journal.read"}),
}


def allowed(role: str, permission: str) -> bool:
    """Whether the role carries the permission; a permission nobody defined is a mistake, not a no."""
    if permission not in PERMISSIONS:
        raise LookupError(f"no such permission: {permission}")
    return permission in ROLES.get(role, frozenset())


@dataclass(frozen=True)
class Scope:
    """For whom one request speaks, and which points it reaches; `point_ids` None means every point."""

    organisation_id: int
    person_id: int
    role: str
    point_ids: tuple[int, ...] | None = None

    def may(self, permission: str) -> bool:
        """Whether this reader's role carries the permission."""
        return allowed(self.role, permission)

    def reaches(self, point_id: int) -> bool:
        """Whether the reader's rights extend to the point."""
        return self.point_ids is None or point_id in self.point_ids
