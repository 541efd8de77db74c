"""Rules of the house that a machine can check from the sources."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import click
import pytest
from flask import Flask

from portal import queue
from portal.auth.guards import ANYONE, MARK, SIGNED_IN
from portal.cli import load
from portal.config import ROOT
from portal.orgs.access import PERMISSIONS

SETTINGS = sorted(
    set(re.findall(r"KASSA_[A-Z_]+[A-Z]", (ROOT / "portal" / "config.py").read_text(encoding="utf-8")))
)
# Folders of templates that belong to no package: what is shown when something is refused.
TEMPLATES_WITHOUT_PACKAGE = {"errors"}


def test_imports_go_down() -> None:
    lint = "from importlinter.cli import lint_imports_command as lint; lint(['--no-logo'])"
    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_view_names_who_may_open_it(app: Flask) -> None:
    named = {name: getattr(view, MARK, None) for name, view in app.view_functions.items()}
    assert named
    assert {name for name, permission in named.items() if permission is None} == set()
    assert set(named.values()) <= {*PERMISSIONS, SIGNED_IN, ANYONE}


def test_every_name_of_a_job_is_a_function_of_the_workers() -> None:
    names = [value for name, value in vars(queue.Job).items() if name.isupper()]
    assert names
    for name in names:
        module, function = name.rsplit(".", 1)
        assert callable(getattr(import_module(module), function))


def test_templates_mirror_packages() -> None:
    folders = {
        path.parent.relative_to(ROOT / "templates").parts[0]
        for path in (ROOT / "templates").glob("*/**/*.html")
    }
    packages = {path.parent.name for path in (ROOT / "portal").glob("*/__init__.py")}
    assert folders - TEMPLATES_WITHOUT_PACKAGE <= packages


def _commands(group: click.Group, path: str = "kassa") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


def test_every_command_and_every_option_says_what_it_is_for() -> None:
    commands = dict(_commands(load()))
    assert {"kassa run", "kassa stop", "kassa test", "kassa migrate"} <= set(commands)
    for name, command in commands.items():
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_stands_in_the_readme(setting: str) -> None:
    assert f"`{setting}`" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "lock",
    [
        "requirements.lock",
        "requirements-dev.lock",
        "requirements-node.lock",
        "requirements-protoc.lock",
        "package-lock.json",
    ],
)
def test_lock_files_name_no_address_but_pin_every_digest(lock: str) -> None:
    """Packages come from whatever index the machine is set up with; the digests say what may come."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    if lock == "package-lock.json":
        packages = {name: package for name, package in json.loads(text)["packages"].items() if name}
        assert all("integrity" in package for package in packages.values())
    else:
        pinned = re.findall(r"^[a-z0-9].*==.*$", text, re.MULTILINE)
        assert pinned
        assert all(line.endswith("\\") for line in pinned)


def test_packages_of_the_browser_are_pinned_exactly() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    versions = [*wanted["dependencies"].values(), *wanted["devDependencies"].values()]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)
