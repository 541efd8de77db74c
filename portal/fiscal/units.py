"""Units of measurement by their code in the countries' common classifier, with the short names tapes print."""

from types import MappingProxyType
from typing import Final, NamedTuple


class Unit(NamedTuple):
    """A unit's short name in each language."""

    ru: str
    kk: str
    be: str
    en: str


DEFAULT: Final = 796

UNITS: Final = MappingProxyType(
    {
        2: Unit("мкм", "мкм", "мкм", "µm"),
        4: Unit("см", "см", "см", "cm"),
        5: Unit("дм", "дм", "дм", "dm"),
        6: Unit("м", "м", "м", "m"),
        8: Unit("км", "км", "км", "km"),
        18: Unit("м.пог.", "қ.м", "м.паг.", "run.m"),
        51: Unit("см2", "см2", "см2", "cm2"),
        53: Unit("дм2", "дм2", "дм2", "dm2"),
        55: Unit("м2", "м2", "м2", "m2"),
        59: Unit("га", "га", "га", "ha"),
        110: Unit("мм3", "мм3", "мм3", "mm3"),
        111: Unit("мл", "мл", "мл", "ml"),
        112: Unit("литр", "литр", "літр", "litre"),
        113: Unit("м3", "м3", "м3", "m3"),
        122: Unit("гл", "гл", "гл", "hl"),
        123: Unit("м3 усл.", "шартты м3", "м3 ум.", "nominal m3"),
        163: Unit("г", "г", "г", "g"),
        166: Unit("кг", "кг", "кг", "kg"),
        168: Unit("т", "т", "т", "t"),
        206: Unit("ц", "ц", "ц", "dt"),
        245: Unit("кВт·ч", "кВт·сағ", "кВт·г", "kWh"),
        356: Unit("час", "сағат", "гадз", "hour"),
        359: Unit("сут", "тәулік", "сут", "day"),
        362: Unit("мес", "ай", "мес", "month"),
        383: Unit("руб.", "руб.", "руб.", "rouble"),
        469: Unit("тенге", "теңге", "тэнге", "tenge"),
        625: Unit("лист", "парақ", "ліст", "sheet"),
        643: Unit("тыс.ед.", "мың бірл.", "тыс.адз.", "thousand"),
        704: Unit("набор", "жинақ", "набор", "set"),
        715: Unit("пара", "жұп", "пара", "pair"),
        736: Unit("рулон", "орам", "рулон", "roll"),
        778: Unit("упак", "орама", "упак", "pack"),
        792: Unit("чел", "адам", "чал", "person"),
        796: Unit("шт", "дана", "шт", "pc"),
        797: Unit("100 шт", "100 дана", "100 шт", "100 pcs"),
        812: Unit("ящик", "жәшік", "скрыня", "crate"),
        839: Unit("компл", "жиынтық", "камплект", "kit"),
        841: Unit("кг H2O2", "кг H2O2", "кг H2O2", "kg H2O2"),
        868: Unit("бут", "бөтелке", "бут", "bottle"),
        870: Unit("ампула", "ампула", "ампула", "ampoule"),
        872: Unit("флакон", "шиша", "флакон", "phial"),
        876: Unit("ед.усл.", "шартты бірл.", "адз.ум.", "nominal unit"),
        879: Unit("шт.усл.", "шартты дана", "шт.ум.", "nominal pc"),
        881: Unit("банка усл.", "шартты банка", "слоік ум.", "nominal can"),
        5110: Unit("исслед.", "зерттеу", "даслед.", "test"),
        5111: Unit("пачка", "бума", "пачак", "packet"),
        5113: Unit("процед.", "емшара", "працэд.", "procedure"),
        5114: Unit("услуга", "қызмет", "паслуга", "service"),
        8751: Unit("коробка", "қорап", "каробка", "box"),
    }
)

# What is printed for a code that no classifier of ours knows: a till may be newer than this table.
UNKNOWN: Final = Unit("ед.", "бірл.", "адз.", "unit")


def unit_of(code: int) -> Unit:
    """The names of a unit; `UNKNOWN` for a code that is not in the table."""
    return UNITS.get(code, UNKNOWN)
