"""Roles and what they carry."""

import pytest

from portal.orgs.access import PERMISSIONS, ROLES, Scope, allowed


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("owner", PERMISSIONS),
        ("accountant", {"home.read", "journal.read", "ofd.read"}),
        ("administrator", PERMISSIONS),
        ("cashier", {"journal.read"}),
    ],
)
def test_each_role_carries_its_permissions_and_no_other(role: str, permissions: frozenset[str]) -> None:
    assert {permission for permission in PERMISSIONS if allowed(role, permission)} == permissions


def test_there_are_four_roles() -> None:
    assert set(ROLES) == {"owner", "accountant", "administrator", "cashier"}


def test_an_unknown_role_may_nothing() -> None:
    assert not any(allowed("stranger", permission) for permission in PERMISSIONS)


def test_a_permission_nobody_defined_is_a_mistake() -> None:
    with pytest.raises(LookupError):
        allowed("owner", "journal.raed")


def test_a_scope_reaches_its_points_alone() -> None:
    limited = Scope(1, 1, "cashier", (3, 5))
    assert [point for point in range(7) if limited.reaches(point)] == [3, 5]
    assert Scope(1, 1, "owner").reaches(3)
    assert not Scope(1, 1, "cashier", ()).reaches(3)
    assert Scope(1, 1, "owner").may("ingest.retry")
    assert not limited.may("home.read")
