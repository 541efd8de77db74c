"""Where the portal of a data directory answers, found out from its own running processes."""

from pathlib import Path

import psutil

from portal.processes import MARK


def running_url(data: Path) -> str | None:
    """The address that the running portal of this directory was given, or None when none runs."""
    for process in psutil.process_iter():
        try:
            variables = process.environ()
        except psutil.Error:
            continue
        if variables.get(MARK) == str(data) and variables.get("KASSA_PUBLIC_URL"):
            return variables["KASSA_PUBLIC_URL"]
    return None
