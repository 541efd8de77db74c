"""`./kassa figures`: prints what the pages show, from the same definitions."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from portal.analytics.metrics import METRICS
from portal.cli import load
from portal.config import Settings
from portal.db import transaction
from tests.journal.shop import at, open_shop

Ask = Callable[..., Result]


@pytest.fixture
def ask(database: Settings, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    for name in [name for name in environment if name.startswith("KASSA_")]:
        monkeypatch.setenv(name, environment[name])
    with transaction() as session:
        shop = open_shop(session)
        shop.company.tax_id = "100000007"
        first, second = shop.till("1"), shop.till("2")
        shop.issue(first, total=1_000, at=at("2026-11-18 12:00"))
        shop.issue(first, total=2_000, at=at("2026-11-19 12:00"))
        shop.issue(second, "sale_refund", total=500, at=at("2026-11-19 12:00"))

    def run(*words: str) -> Result:
        return CliRunner().invoke(load(), ["figures", *words], catch_exceptions=False)

    return run


def test_prints_every_metric_as_json(ask: Ask) -> None:
    answer = ask("--organisation", "100000007", "--json")
    assert answer.exit_code == 0
    report = json.loads(answer.stdout)
    assert set(METRICS) <= set(report["total"])
    assert report["currency"] == "BYN"
    assert (report["total"]["turnover"], report["total"]["net"]) == (3_000, 2_500)
    assert "rows" not in report


def test_limits_the_period_and_gives_a_row_for_each_day(ask: Ask) -> None:
    report = json.loads(
        ask("--organisation", "100000007", "--from", "2026-11-19", "--by", "day", "--json").stdout
    )
    assert [(row["day"], row["turnover"], row["refunds"]) for row in report["rows"]] == [
        ("2026-11-19", 2_000, 500)
    ]
    assert report["total"]["turnover"] == 2_000


def test_names_points_and_registers(ask: Ask) -> None:
    points = json.loads(ask("--organisation", "100000007", "--by", "point", "--json").stdout)["rows"]
    assert [row["name"] for row in points] == ["Немига, 5", "Немига, 5"]
    registers = json.loads(ask("--organisation", "100000007", "--by", "register", "--json").stdout)["rows"]
    assert [(row["name"], row["turnover"]) for row in registers] == [("1", 3_000), ("2", 0)]


def test_prints_for_people_too(ask: Ask) -> None:
    words = ask("--organisation", "100000007", "--by", "day").stdout
    assert "2026-11-18" in words
    assert "turnover" in words
    assert "30,00" in words


def test_refuses_an_organisation_that_is_not_there_and_a_period_that_ends_before_it_begins(ask: Ask) -> None:
    assert ask("--organisation", "999999999", "--json").exit_code == 2
    backwards = ask("--organisation", "100000007", "--from", "2026-11-19", "--to", "2026-11-18")
    assert backwards.exit_code == 2
    assert ask("--organisation", "100000007", "--from", "yesterday").exit_code == 2
