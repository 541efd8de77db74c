"""Write to the database beside the thread that prepares what comes next.

PostgreSQL and Python each need about half of a batch's time; side by side they need little more than one half.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session


class Scribe:
    """One transaction's session, lent to one thread at a time.

    `write` hands it to a thread of its own; `session` waits until that has finished, so whoever looks sees
    everything written before. An exception of the writing is raised where it is waited for.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._hand: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nobody else may roll back or commit while the hand still writes.
        if self._hand is not None:
            self._hand.shutdown(wait=True)
        if error is None:
            self.wait()

    @property
    def session(self) -> Session:
        """The session, with nothing being written."""
        self.wait()
        return self._session

    def write(self, action: Callable[[Session], None], *, is_last: bool) -> None:
        """Do `action` with the session: beside the caller, or here when nothing else is left to prepare."""
        self.wait()
        if is_last:
            action(self._session)
            return
        if self._hand is None:
            self._hand = ThreadPoolExecutor(1, thread_name_prefix="scribe")
        self._writing = self._hand.submit(action, self._session)

    def wait(self) -> None:
        """Wait for what is being written; raises what it raised."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()
