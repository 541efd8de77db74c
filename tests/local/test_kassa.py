"""The one command makes its environment once, and again when the lock files change."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.config import ROOT

# Stands in for the Python of a virtual environment: it writes down what it was asked.
PYTHON = """#!/bin/bash
case "$1" in -c) exit 0 ;; esac
echo "$PWD $*" >> "$KASSA_ASKED"
"""

Kassa = Callable[..., list[str]]


@pytest.fixture
def kassa(tmp_path: Path) -> Kassa:
    """Run a copy of `kassa` whose Python only writes down what it is asked; give what it wrote."""
    checkout = tmp_path / "checkout"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "kassa", checkout)
    for lock in ("requirements.lock", "requirements-dev.lock"):
        (checkout / lock).write_text("one==1\n")
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)

    def run(*arguments: str, cwd: Path = tmp_path) -> list[str]:
        asked = tmp_path / "asked"
        asked.unlink(missing_ok=True)
        subprocess.run(
            [checkout / "kassa", *arguments],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "KASSA_ASKED": str(asked)},
            check=True,
            capture_output=True,
        )
        return asked.read_text().splitlines()

    return run


def test_installs_once_and_again_when_the_lock_file_has_changed(kassa: Kassa, tmp_path: Path) -> None:
    assert [("pip install" in line) for line in kassa("run")] == [True, False]
    assert [("pip install" in line) for line in kassa("run")] == [False]
    (tmp_path / "checkout" / "requirements.lock").write_text("one==2\n")
    assert [("pip install" in line) for line in kassa("run")] == [True, False]


def test_installs_only_what_is_pinned_by_digest(kassa: Kassa) -> None:
    install = kassa("run")[0]
    assert "--require-hashes -r requirements.lock" in install


def test_installs_what_tests_need_only_for_tests(kassa: Kassa) -> None:
    assert not any("requirements-dev.lock" in line for line in kassa("run"))
    assert any("requirements-dev.lock" in line for line in kassa("test"))


def test_hands_its_arguments_over_in_the_folder_it_was_called_from(kassa: Kassa, tmp_path: Path) -> None:
    assert kassa("replay", "some where", cwd=tmp_path)[-1] == f"{tmp_path} -P -m portal.cli replay some where"


def test_says_in_a_sentence_that_there_is_no_python(tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "readlink"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    shutil.copy(ROOT / "kassa", tmp_path)
    done = subprocess.run(
        ["/bin/bash", tmp_path / "kassa", "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        "not starting: Python 3.11 or newer is needed (Debian, Ubuntu: apt install python3 python3-venv)\n"
    )
