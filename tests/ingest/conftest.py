"""Tills to test the stream with."""

import pytest
from sqlalchemy.orm import Session

from portal.analytics import names
from portal.ingest import drain
from tests.ingest import stream


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """A worker remembers which names it wrote; every test begins like a new worker."""
    names._names.clear()
    names._written.clear()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a transaction as small as can be, so that a handful of documents makes several."""
    monkeypatch.setattr(drain, "DOCUMENTS_PER_WRITE", 2)


@pytest.fixture
def till(session: Session) -> stream.Till:
    """A till in Minsk, in a transaction that is rolled back."""
    return stream.open_till(session)
