"""docker-compose.yml and the Dockerfile speak of settings, commands and files that exist."""

import re
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from portal.cli import load
from portal.config import ROOT, read_settings
from tests.architecture.test_rules import SETTINGS
from workers.__main__ import workers

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "workers", "scheduler")


def test_describes_the_same_services_as_one_machine_runs() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OURS}


@pytest.mark.parametrize("name", OURS)
def test_sets_only_settings_that_the_portal_reads_and_all_it_needs(name: str) -> None:
    variables: dict[str, str] = SERVICES[name]["environment"]
    assert set(variables) <= set(SETTINGS)
    given = {key: re.sub(r"\$\{[^}]*\}", "x" * 40, value) for key, value in variables.items()}
    settings = read_settings(given)
    assert settings.database_url.startswith("postgresql+psycopg2://kassa_web:")


def test_only_the_migration_knows_the_owners_password() -> None:
    knowing = {name for name in OURS if "KASSA_OWNER_PASSWORD" in str(SERVICES[name]["environment"])}
    assert knowing == {"migrate"}


def test_no_secret_is_written_down() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.findall(r"(?:PASSWORD|SECRET_KEY): (?!\$\{KASSA_\w+:\?)\S+", text) == []


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_every_lasting_service_is_asked_for_its_health(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_everything_waits_for_the_migration() -> None:
    for name in ("web", "workers", "scheduler"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_commands_exist() -> None:
    for name, group in (("migrate", load()), ("workers", workers), ("scheduler", workers)):
        command = SERVICES[name]["command"]
        assert CliRunner().invoke(group, [*command[3:], "--help"]).exit_code == 0


def test_the_image_is_made_of_files_that_exist() -> None:
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
