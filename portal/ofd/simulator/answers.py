"""Answers kept for questions that are asked again, register by register.

A request number belongs to one question for as long as it is remembered: the last documents, and of the questions that
brought none (pings, counters) the last few. Numbers wrap after 65535, so that what is old must be forgotten. A question that
brought no document is forgotten as well when as many documents have come since as are remembered.
"""

from typing import Final

from portal.ofd.simulator.book import Stored

DOCUMENTS_KEPT: Final = 32
OTHERS_KEPT: Final = 8


class Answers:
    """The answers kept for one register."""

    def __init__(self, kept: list[Stored], served: int) -> None:
        self._by_slot: dict[int, Stored] = {}
        self._others = 0
        for stored in sorted(kept, key=lambda one: (one.served, one.slot)):
            if served - stored.served < DOCUMENTS_KEPT:
                self._by_slot[stored.slot] = stored
        self._by_number = {stored.request_number: stored for stored in self._by_slot.values()}

    def find(self, request_number: int) -> Stored | None:
        """The answer to the question with this number, if it is remembered."""
        return self._by_number.get(request_number)

    def all(self) -> list[Stored]:
        """Everything that is remembered."""
        return list(self._by_slot.values())

    def add(
        self, request_number: int, token: int, command: int, answer: bytes, *, served: int, place: int | None
    ) -> Stored:
        """Remember an answer; `served` counts the documents of the register, this one included."""
        if place is not None:
            slot = served % DOCUMENTS_KEPT
            self._forget_old_others(served)
        else:
            slot = DOCUMENTS_KEPT + self._others % OTHERS_KEPT
            self._others += 1
        self._forget(slot)
        stored = Stored(
            answer=answer,
            command=command,
            place=place,
            request_number=request_number,
            served=served,
            slot=slot,
            tokens=[token],
        )
        self._by_slot[slot] = self._by_number[request_number] = stored
        return stored

    def _forget_old_others(self, served: int) -> None:
        for slot in range(DOCUMENTS_KEPT, DOCUMENTS_KEPT + OTHERS_KEPT):
            other = self._by_slot.get(slot)
            if other is not None and served - other.served >= DOCUMENTS_KEPT:
                self._forget(slot)

    def _forget(self, slot: int) -> None:
        old = self._by_slot.pop(slot, None)
        if old is not None and self._by_number.get(old.request_number) is old:
            del self._by_number[old.request_number]
