"""The expected ways in which the portal says no: a code and facts, no words.

Words are chosen at the edge, in the reader's language (`portal.web.words`).
"""

from typing import ClassVar


class Refusal(Exception):
    """An expected no. `code` is stable and machine-readable, `facts` fill the sentence."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code, facts)
        self.facts = facts


class NotFound(Refusal):
    """The thing asked for does not exist, or is not this reader's to see."""

    code = "not_found"
    status = 404


class NotAllowed(Refusal):
    """The reader is known but lacks the right."""

    code = "not_allowed"
    status = 403


class BadInput(Refusal):
    """A value in a form or an address cannot be used. Facts: `field`, `value`."""

    code = "bad_input"
    status = 422
