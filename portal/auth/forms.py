"""What may be asked at the door of the cabinet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

LOGIN_LENGTH_MAX = 254
PASSWORD_LENGTH_MAX = 200

_DIGITS_ONLY = re.compile(r"[\s\-‐-―]")


def normalise_login(login: str) -> str:
    """One spelling for one name: an e-mail in small letters, a taxpayer number without spaces and dashes."""
    name = login.strip()
    if "@" not in name:
        name = _DIGITS_ONLY.sub("", name)
    return name.casefold()


@dataclass(frozen=True)
class SignInForm:
    """A name, a password and a one-time code, as somebody typed them."""

    login: str
    password: str = field(repr=False)
    code: str = field(repr=False)

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Self:
        """Read the form; whatever is missing is empty and will not fit."""
        return cls(
            login=values.get("login", "")[:LOGIN_LENGTH_MAX],
            password=values.get("password", "")[:PASSWORD_LENGTH_MAX],
            code=re.sub(r"\s", "", values.get("code", ""))[:12],
        )

    @property
    def name(self) -> str:
        """The login as the table of logins has it."""
        return normalise_login(self.login)
