"""What a tape says about its organisation, its register and its operator, which the document itself does not carry."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from portal.fiscal.dialects import DIALECTS


@dataclass(frozen=True, slots=True)
class Operator:
    """Who passes a Kazakh receipt on to the tax office, and where a buyer checks it.

    `register_id` is the number that the operator knows the register by (КСН/ИНК).
    """

    name: str
    name_kk: str
    site: str
    check_address: str
    register_id: str | None = None


KAZAKHTELECOM: Final = Operator(
    name='АО "Казахтелеком"',
    name_kk='"Қазақтелеком" АҚ',
    site="consumer.oofd.kz",
    check_address="https://consumer.oofd.kz/",
)
TRANSTELECOM: Final = Operator(
    name='АО "Транстелеком"',
    name_kk='"Транстелеком" АҚ',
    site="ofd1.kz",
    check_address="http://ofd1.kz/t/",
)
JUSAN_MOBILE: Final = Operator(
    name='АО "Jusan Mobile"',
    name_kk='"Jusan Mobile" АҚ',
    site="consumer.kofd.kz",
    check_address="http://consumer.kofd.kz",
)
SMARTCONTRACT: Final = Operator(
    name='ТОО "Smartcontract"',
    name_kk='"Smartcontract" ЖШС',
    site="consumer.wofd.kz",
    check_address="https://consumer.wofd.kz",
)

# By the code that tills know them by (Webkassa, Ofd.Code).
OPERATORS: Final = MappingProxyType(
    {1: KAZAKHTELECOM, 2: TRANSTELECOM, 3: JUSAN_MOBILE, 4: SMARTCONTRACT},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeHeader:
    """What a tape says about its organisation, point and register."""

    country: str
    organisation: str
    tax_id: str
    point: str
    address: str
    zone: str
    register: str
    factory_number: str
    registration_number: str | None = None
    address_kk: str | None = None
    vat_certificate: str | None = None
    operator: Operator = KAZAKHTELECOM

    def __post_init__(self) -> None:
        if self.country not in DIALECTS:
            raise ValueError(f"no tape is known for the country {self.country!r}")
