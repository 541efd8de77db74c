"""The receipts come out of the portal as they went in, however they are sent."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from portal.analytics.verify import verify
from portal.cli import load
from portal.config import Settings
from portal.db import transaction
from portal.demo import replay as replaying
from portal.demo.door import Door, Refused
from portal.demo.replay import ForeignCurrency, Stage, ensure_stage, is_same, stream, sums_of
from portal.demo.retail import Retail, read_retail
from portal.demo.tokens import provide_tokens
from portal.ingest.models import Quarantined
from portal.journal.models import Document
from portal.orgs.actions import create_organisation
from portal.primitives import clock
from portal.primitives.identifiers import parse_unp
from tests.demo.conftest import FRIDAY, drain_everything
from tests.demo.test_retail import FIRST_DAY, HEAD, SECOND_DAY


@pytest.fixture
def retail(tmp_path: Path) -> Retail:
    """Two days of receipts of two countries."""
    folder = tmp_path / "retail"
    folder.mkdir()
    (folder / "2010-12-01.csv").write_text(HEAD + FIRST_DAY, encoding="utf-8")
    (folder / "2010-12-02.csv").write_text(HEAD + SECOND_DAY, encoding="utf-8")
    return read_retail(folder)


@pytest.fixture
def send(retail: Retail, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stage]:
    """Send everything to the portal of this test."""

    def run(*, shuffle: int | None = None, dies_after: int | None = None) -> Stage:
        stage = ensure_stage(retail, replaying.NAME, at=FRIDAY)
        tokens = provide_tokens(tmp_path / "tokens.json", stage.holders, at=FRIDAY)
        sent = 0

        class Mortal(Door):
            def send(self, token: str, key: str, body: bytes) -> None:
                nonlocal sent
                super().send(token, key, body)
                sent += 1
                if sent == dies_after:
                    raise KeyboardInterrupt

        stream(retail, tokens, lambda: Mortal(url), say=lambda _: None, shuffle=shuffle)
        return stage

    return run


def count_documents(stage: Stage) -> int:
    """How many documents the journal has."""
    with transaction(stage.organisation_id) as session:
        assert session.scalars(sa.select(Quarantined)).all() == []
        return session.execute(sa.select(sa.func.count()).select_from(Document)).scalar_one()


def test_the_portal_shows_exactly_the_sums_of_the_files(send: Callable[..., Stage], retail: Retail) -> None:
    stage = send()
    drain_everything()
    assert len(stage.registers) == 6
    assert is_same(retail.tally, sums_of(stage))
    assert not is_same(replace(retail.tally, gross_minor=retail.tally.gross_minor + 1), sums_of(stage))
    assert verify(stage.organisation_id).differences == []


def test_sending_again_and_shuffled_changes_nothing(send: Callable[..., Stage], retail: Retail) -> None:
    stage = send()
    drain_everything()
    count = count_documents(stage)
    for shuffle in (None, 1, 2):
        assert send(shuffle=shuffle) == stage
        drain_everything()
    assert count_documents(stage) == count
    assert is_same(retail.tally, sums_of(stage))


def test_killed_midway_and_begun_again_in_another_order_it_comes_out_the_same(
    send: Callable[..., Stage], retail: Retail
) -> None:
    with pytest.raises(KeyboardInterrupt):
        send(shuffle=3, dies_after=2)
    drain_everything()
    stage = send(shuffle=4)
    drain_everything()
    assert is_same(retail.tally, sums_of(stage))
    assert verify(stage.organisation_id).differences == []
    assert verify(stage.organisation_id).notices == []


def test_a_token_that_was_taken_back_ends_the_replay(
    send: Callable[..., Stage], retail: Retail, url: str
) -> None:
    stage = send()
    stale = dict.fromkeys(stage.holders, "kt_1_1_" + "x" * 40)
    with pytest.raises(Refused, match="401"):
        stream(retail, stale, lambda: Door(url), say=lambda _: None)


def test_an_organisation_is_found_by_name_or_number_or_founded(database: Settings, retail: Retail) -> None:
    by_name = ensure_stage(retail, "ООО «Подарки»", at=FRIDAY)
    assert ensure_stage(retail, "ООО «Подарки»", at=FRIDAY) == by_name
    assert parse_unp(replaying.TAX_ID) == replaying.TAX_ID
    by_number = ensure_stage(retail, replaying.TAX_ID, at=FRIDAY)
    assert by_number.name == "Online Retail"
    assert ensure_stage(retail, "Online Retail", at=FRIDAY) == by_number


def test_receipts_in_byn_are_not_given_to_a_kazakh_organisation(database: Settings, retail: Retail) -> None:
    with transaction() as session:
        create_organisation(session, name="ТОО «Дала»", country="kz", tax_id="190440012341", at=clock.now())
    with pytest.raises(ForeignCurrency):
        ensure_stage(retail, "ТОО «Дала»", at=FRIDAY)


def run_command(environment: dict[str, str], *arguments: str) -> Result:
    """Run `./kassa replay` in this process."""
    return CliRunner().invoke(load(), ["replay", *arguments], env=environment)


def test_the_command_says_plainly_when_no_portal_runs(
    database: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    answer = run_command(environment, str(tmp_path), "--url", "http://127.0.0.1:9", "--data", str(tmp_path))
    assert answer.exit_code == 1
    assert "no portal answers at http://127.0.0.1:9; start one with `./kassa run`" in answer.output


def test_the_command_waits_and_prints_both_sums(
    retail: Retail, environment: dict[str, str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = replaying.wait_until_drained

    def drain_and_wait(stage: Stage, **rest: Callable[[str], None]) -> None:
        drain_everything()
        wait(stage, **rest)

    monkeypatch.setattr(replaying, "wait_until_drained", drain_and_wait)
    answer = run_command(
        environment, str(tmp_path / "retail"), "--url", url, "--data", str(tmp_path), "--wait"
    )
    assert answer.exit_code == 0, answer.output
    assert "in the portal  4 sales, gross 58.10; 2 refunds, 1 027.50; net -969.40 BYN" in answer.output
    assert "EQUAL: the portal shows exactly the sums of the files" in answer.output


def test_the_command_ends_with_1_when_the_portal_shows_other_sums(
    retail: Retail, environment: dict[str, str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody drains, and the command is made to believe that somebody did.
    monkeypatch.setattr(replaying, "wait_until_drained", lambda _stage, **_rest: None)
    answer = run_command(
        environment, str(tmp_path / "retail"), "--url", url, "--data", str(tmp_path), "--wait"
    )
    assert answer.exit_code == 1
    assert "NOT EQUAL" in answer.output


def test_waiting_ends_when_nobody_takes_documents_in(
    send: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "STALLED_AFTER_S", 0.0)
    monkeypatch.setattr(replaying, "LOOK_EVERY_S", 0.01)
    stage = send()
    with pytest.raises(replaying.Stalled, match="do the workers run"):
        replaying.wait_until_drained(stage, say=lambda _: None)
