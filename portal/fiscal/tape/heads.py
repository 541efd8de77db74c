"""What every tape begins and ends with: marks, the organisation, the register, the operator, the sign."""

from collections.abc import Iterator

from portal.fiscal.captions import caption
from portal.fiscal.tape.copies import Copy
from portal.fiscal.tape.header import TapeHeader
from portal.fiscal.tape.lines import TapeLine
from portal.fiscal.tape.roll import Roll


def print_marks(roll: Roll, *, is_duplicate: bool, is_autonomous: bool = False) -> Iterator[TapeLine]:
    """«Дубликат» on every print but the first, «Автономный» on what was issued without the operator."""
    if is_duplicate:
        yield from roll.centred(roll.say("duplicate"), "bold")
    if is_autonomous:
        yield from roll.centred(roll.say("autonomous"), "bold")


def print_organisation(roll: Roll, header: TapeHeader) -> Iterator[TapeLine]:
    """Whose register it is; in Belarus also where it stands and its numbers."""
    yield from roll.centred(header.organisation)
    if header.country == "kz":
        yield from roll.text(f"{roll.say('bin')} {header.tax_id}")
        if header.vat_certificate:
            yield from roll.text(f"{roll.say('vat_certificate')} {header.vat_certificate}")
        return
    yield from roll.centred(f"{roll.say('unp')} {header.tax_id}")
    yield from roll.centred(header.point)
    yield from roll.centred(header.address)
    yield from roll.text(header.register)
    yield from roll.text(f"{roll.say('factory_number_by')} {header.factory_number}")
    if header.registration_number:
        yield from roll.text(f"{roll.say('registration_number_by')} {header.registration_number}")


def print_place(roll: Roll, header: TapeHeader) -> Iterator[TapeLine]:
    """Where a Kazakh register stands, in both languages where both are known."""
    yield from roll.text(header.address_kk or "")
    yield from roll.text(header.address or header.point)


def print_operator(roll: Roll, header: TapeHeader) -> Iterator[TapeLine]:
    """Who passes the receipts of Kazakhstan on."""
    if roll.language in ("kk", "kk-ru"):
        yield from roll.text(f"{caption('ofd', 'kk')}: {header.operator.name_kk}")
    if roll.language != "kk":
        other = "ru" if roll.language == "kk-ru" else roll.language
        yield from roll.text(f"{caption('ofd', other)}: {header.operator.name}")


def print_register(roll: Roll, header: TapeHeader) -> Iterator[TapeLine]:
    """The three numbers of a Kazakh register: with its operator, with the tax office, with its maker."""
    if header.operator.register_id:
        yield from roll.fact(roll.say("ink"), header.operator.register_id)
    if header.registration_number:
        yield from roll.fact(roll.say("rnm"), header.registration_number)
    yield from roll.fact(roll.say("znm"), header.factory_number)


def print_sign(roll: Roll, copy: Copy) -> Iterator[TapeLine]:
    """The УИ of a Belarusian document, and its square code."""
    if copy.sign is not None:
        yield from roll.text(f"{roll.say('ui')} {copy.sign}")
    yield from print_qr(copy)


def print_qr(copy: Copy) -> Iterator[TapeLine]:
    """What the square code says; its text is not printed."""
    if copy.qr is not None:
        yield TapeLine(copy.qr, "qr")
