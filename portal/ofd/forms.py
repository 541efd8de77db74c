"""What people type about the link to the operator."""

from collections.abc import Mapping
from typing import Final

from portal.primitives.refusals import BadInput

# Protocol 2.0.3: a token is 32 bits of the header.
TOKEN_MAX: Final = 2**32 - 1


def read_token(form: Mapping[str, str]) -> int:
    """The token as it was pasted. Refuses BadInput unless it is a whole number from 1 to 4294967295."""
    typed = "".join(form.get("token", "").split())
    if not (typed.isascii() and typed.isdigit() and len(typed) <= len(str(TOKEN_MAX))):
        raise BadInput(field="token", value=typed[:40])
    token = int(typed)
    if not 1 <= token <= TOKEN_MAX:
        raise BadInput(field="token", value=typed)
    return token
