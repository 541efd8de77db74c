"""`./kassa demo` and `./kassa simulate`."""

import fcntl
import json
from pathlib import Path

from click.testing import CliRunner

from portal.cli import load
from portal.cli._progress import Progress
from portal.config import Settings
from portal.demo.people import PASSWORD, PEOPLE


def test_demo_makes_a_past_and_introduces_its_people_and_does_so_twice(
    database: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    arguments = ["demo", "--days", "1", "--data", str(tmp_path)]
    first = CliRunner().invoke(load(), arguments, env=environment)
    assert first.exit_code == 0, first.output
    assert "history: 28 of 28 registers" in first.output
    assert PASSWORD in first.output
    assert all(person.email in first.output for person in PEOPLE)
    again = CliRunner().invoke(load(), arguments, env=environment)
    assert again.exit_code == 0, again.output
    assert "history" not in again.output


def test_the_same_tills_are_not_simulated_twice_at_once(
    database: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "demo").mkdir()
    with (tmp_path / "demo" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = CliRunner().invoke(load(), ["simulate", "--data", str(tmp_path)], env=environment)
    assert answer.exit_code == 1
    assert "the demo's tills are being simulated already" in answer.output


def test_progress_is_said_seldom_where_nobody_looks_on_and_its_end_always() -> None:
    runner = CliRunner()
    with runner.isolation() as (output, *_):
        progress = Progress(every=3)
        for number in range(1, 6):
            progress(json.dumps(number))
        progress.end()
        progress.end()
        said = output.getvalue().decode()
    assert said.split() == ["1", "4", "5"]
