"""The names that a worker has met and written: products and cashiers, per organisation."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from portal.journal.append import remember_names
from portal.journal.naming import derive_id

# A worker forgets names past this many, so that a sender of ever new names cannot fill its memory.
NAMES_MAX = 200_000

NOBODY = 0


@dataclass
class Names:
    """Ids of products and cashiers derived from their names, remembered for one worker."""

    products: dict[tuple[str, str], int] = field(default_factory=dict)
    cashiers: dict[str, int] = field(default_factory=dict)

    def cashier(self, name: str | None) -> int:
        """A cashier's id; NOBODY for a document that names none."""
        if name is None:
            return NOBODY
        found = self.cashiers.get(name)
        if found is None:
            found = self.cashiers[name] = derive_id(name)
        return found

    def product(self, code: str | None, name: str) -> int:
        """The id of a product with this code and name."""
        key = (code or "", name)
        found = self.products.get(key)
        if found is None:
            found = self.products[key] = derive_id("\x1f".join(key))
        return found


_names: dict[int, Names] = {}
_written: dict[int, tuple[set[int], set[int]]] = {}


def names_of(organisation_id: int) -> Names:
    """The names this process has met."""
    return _names.setdefault(organisation_id, Names())


def write_names(session: Session, organisation_id: int) -> None:
    """Write the names that this process has not written yet."""
    names = names_of(organisation_id)
    products, cashiers = _written.setdefault(organisation_id, (set(), set()))
    if len(names.products) > len(products):
        new = [
            (found, _clean(key[0]), _clean(key[1]))
            for key, found in names.products.items()
            if found not in products
        ]
        remember_names(session, organisation_id, "product", new)
        products.update(found for found, _, _ in new)
    if len(names.cashiers) > len(cashiers):
        people = [(found, _clean(name)) for name, found in names.cashiers.items() if found not in cashiers]
        remember_names(session, organisation_id, "cashier", people)
        cashiers.update(found for found, _ in people)
    if len(products) + len(cashiers) > NAMES_MAX:
        forget_names(organisation_id)


def _clean(name: str) -> str:
    # PostgreSQL keeps no NUL in a text; the document itself keeps it, escaped, word for word.
    return name.replace("\x00", "")


def forget_names(organisation_id: int) -> None:
    """Names may not have been written after all: the transaction that wrote them was rolled back."""
    _names.pop(organisation_id, None)
    _written.pop(organisation_id, None)
