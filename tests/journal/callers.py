"""A process that issues receipts until it is told to stop or killed: `python -m tests.journal.callers …`.

It prints a line for every answer it got, so that whoever killed it knows what had been acknowledged.
"""

import os
import sys
import time
from itertools import count

from sqlalchemy.exc import OperationalError

from portal import db
from portal.config import read_settings
from portal.journal import issuing
from portal.primitives import clock
from tests.journal.tills import sale


def main(mode: str, organisation_id: int, register_id: int, most: int, seed: int) -> None:
    """Issue `most` receipts at one till, with keys that are the same (`keys`) or different (`free`) in every process."""
    db.connect(read_settings(os.environ))
    for place in count(1) if most == 0 else range(1, most + 1):
        key = f"key-{place}" if mode == "keys" else f"{seed}-{place}" if mode == "own" else None
        if mode == "keys":
            # Whoever started both says when.
            sys.stdin.readline()
        issued = _insist(organisation_id, register_id, key, 100 * (1_000 * seed + place))
        said = place, issued.document.number, issued.document.digest, issued.is_repeated
        sys.stdout.write(" ".join(map(str, said)) + "\n")
        sys.stdout.flush()


def _insist(organisation_id: int, register_id: int, key: str | None, price_minor: int) -> issuing.Issued:
    while True:
        try:
            return issuing.issue(
                organisation_id, register_id, sale(price_minor, count=1), at=clock.now(), key=key
            )
        except OperationalError:
            # The database was away for longer than issuing itself waits: a caller with a key asks again.
            if key is None:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:6]))
