"""Pass the tests: style, types, import contracts, and everything pytest knows."""

import os
import shutil
import subprocess
import sys

import click

from portal import assets
from portal.cli import cli
from portal.cli.run import say
from portal.config import ROOT, NotStarting

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHECKS = {
    "format": ("-m", "ruff", "format", "--check", "--quiet"),
    "style": ("-m", "ruff", "check", "--quiet"),
    "types": ("-m", "mypy"),
    "import contracts": (
        "-c",
        "from importlinter.cli import lint_imports_command as lint; lint(['--no-logo'])",
    ),
}


@cli.command(context_settings={"ignore_unknown_options": True})
@click.option("--browser/--no-browser", default=True, help="Whether to run the tests that drive Chromium.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(*, browser: bool, arguments: tuple[str, ...]) -> None:
    """Check style, types and import contracts, then run all tests.

    ARGUMENTS go to pytest, e.g. `./kassa test tests/journal -k gap`. The tests bring servers of their own.
    """
    assets.build(say, development=True)
    if browser:
        _bring_chromium()
    broken = [name for name, command in CHECKS.items() if not _passes(name, command)]
    say(
        "running the tests" + (f"; {', '.join(broken)} not clean, so this run fails anyway" if broken else "")
    )
    status = subprocess.run(
        [sys.executable, "-m", "pytest", *_chosen(arguments, browser=browser)],
        cwd=ROOT,
        env=_environment(),
        check=False,
    ).returncode
    sys.exit(status or int(bool(broken)))


def _chosen(arguments: tuple[str, ...], *, browser: bool) -> list[str]:
    spread = (
        [] if any(argument.startswith("-n") for argument in arguments) else ["-n", "2", "--dist", "loadgroup"]
    )
    return [*spread, *([] if browser else ["-m", "not browser"]), *arguments]


def _environment() -> dict[str, str]:
    """The environment without servers that somebody has named: tests never touch those."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KASSA_")}


def _passes(name: str, command: tuple[str, ...]) -> bool:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False
    )
    say(f"{name}: {'clean' if done.returncode == 0 else 'not clean'}")
    if done.returncode:
        click.echo(done.stdout + done.stderr)
    return done.returncode == 0


def _bring_chromium() -> None:
    """Find a Chromium for the browser tests; root may have it from the distribution."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing Chromium from the distribution")
        quiet = {"DEBIAN_FRONTEND": "noninteractive", **os.environ}
        for command in (
            ("apt-get", "update", "-qq"),
            ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"),
        ):
            subprocess.run(
                command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
            )
        if any(shutil.which(name) for name in BROWSERS):
            return
    raise NotStarting(
        "the tests drive Chromium, which this machine lacks; install it (Debian: apt install chromium) "
        "or leave those tests out with --no-browser"
    )
