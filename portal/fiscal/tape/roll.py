"""The paper: text, centred text, rules, pairs of a label and a sum, tables, at one width in one language.

Captions in two languages are broken where one language ends and the other begins, before they are broken elsewhere.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from portal.fiscal.captions import TapeLanguage, caption
from portal.fiscal.paper import cells, wrap
from portal.fiscal.tape.lines import A4, Style, TapeLine, check_width
from portal.fiscal.units import unit_of
from portal.primitives import money, quantity
from portal.primitives.period import zone_of

# Stands between the two languages of a caption until it is printed as the stroke in it. Should a document's own text
# have it, the stroke is printed all the same.
_SEAM: Final = "\x1f/\x1f"
# What both languages call the same is said once, but for these: that is how receipts of Kazakhstan say them.
_TWICE: Final = frozenset({"receipt", "cashier"})
# On a page the eye needs a lead from a label to its sum; on a roll there is no room to get lost in.
_LEAD_MIN: Final = 3


class Column(NamedTuple):
    """A column of a table: how wide it is, and whether it holds figures, which end at its right edge."""

    width: int
    is_figure: bool = True


class Roll:
    """A tape of one width in one language, by the wall clock of one zone."""

    def __init__(self, width: int, language: TapeLanguage, zone: str) -> None:
        check_width(width)
        self.width = width
        self.language = language
        self.zone = zone

    @property
    def is_page(self) -> bool:
        """Whether there is room for tables."""
        return self.width >= A4

    # Words and figures.

    def say(self, name: str) -> str:
        """A caption; in two languages with a seam between, which only this paper may print."""
        if self.language == "kk-ru":
            first, second = caption(name, "kk"), caption(name, "ru")
            return first if first == second and name not in _TWICE else f"{first}{_SEAM}{second}"
        return caption(name, self.language)

    def sum(self, minor: int) -> str:
        """A sum with spaces between thousands: 15 000,00."""
        whole, rest = divmod(abs(minor), money.MINOR_IN_MAJOR)
        sign = "-" if minor < 0 else ""
        return f"{sign}{whole:,}".replace(",", " ") + f"{self._point}{rest:02d}"

    def percent(self, rate: int) -> str:
        """A rate of hundredths of a per cent: 16%."""
        whole, rest = divmod(rate, 100)
        return (f"{whole}{self._point}{rest:02d}".rstrip("0") if rest else str(whole)) + "%"

    def amount(self, quantity_milli: int) -> str:
        """A quantity without idle zeros."""
        return quantity.plain(quantity_milli).replace(".", self._point)

    def unit(self, code: int) -> str:
        """The short name of a unit; what two languages call the same is said once."""
        unit = unit_of(code)
        if self.language != "kk-ru":
            return str(getattr(unit, self.language))
        return unit.ru if unit.ru == unit.kk else f"{unit.kk}/{unit.ru}"

    def moment(self, at: datetime) -> str:
        """A moment by the wall clock of the point."""
        return f"{wall_clock(at, self.zone):%d.%m.%Y %H:%M:%S}"

    @property
    def _point(self) -> str:
        return "." if self.language == "en" else ","

    # Paper.

    def rule(self) -> TapeLine:
        """A line across the paper."""
        return TapeLine("-" * self.width, "rule")

    def text(self, text: str, style: Style = "normal", indent: int = 0) -> Iterator[TapeLine]:
        """A text from the left edge, on as many lines as it takes."""
        for part in self._wrap(text, self.width - indent):
            yield TapeLine(" " * indent + part, style)

    def entry(self, mark: str, text: str, indent: int) -> Iterator[TapeLine]:
        """A text after a mark of its own; what does not fit goes on under the text, not under the mark."""
        inside = indent + cells(mark)
        for place, part in enumerate(self._wrap(text, self.width - inside) or [""]):
            lead = " " * indent + mark if place == 0 else " " * inside
            yield TapeLine((lead + part).rstrip(), "normal")

    def centred(self, text: str, style: Style = "centre") -> Iterator[TapeLine]:
        """A text in the middle; the spaces before it are its own."""
        for part in self._wrap(text, self.width):
            yield TapeLine(" " * ((self.width - cells(part)) // 2) + part, style)

    def fact(self, label: str, value: str) -> Iterator[TapeLine]:
        """A label, a colon and what it labels, one after the other."""
        yield from self.text(f"{label}: {value}")

    def pair(self, label: str, value: str, style: Style = "normal", indent: int = 0) -> Iterator[TapeLine]:
        """A label at the left and its value at the right edge; what does not fit goes onto lines of its own."""
        value = value.replace(_SEAM, "/")
        *above, last = self._beside(label, self.width - indent, cells(value)) or [""]
        for part in above:
            yield TapeLine(" " * indent + part, style)
        left = " " * indent + last
        room = self.width - cells(left) - cells(value)
        if room > 0:
            yield TapeLine(left + self._lead(room, has_label=bool(last)) + value, style)
            return
        if last:
            yield TapeLine(left, style)
        yield TapeLine(" " * (self.width - cells(value)) + value, style)

    def has_room(self, label: str, value: str, indent: int = 0) -> bool:
        """Whether one line holds a label, a space and a value."""
        return indent + cells(label) + 1 + cells(value) <= self.width

    def product(self, factor: str, price: str, indent: int) -> Iterator[TapeLine]:
        """So many times a price, which is never broken in two."""
        if self.has_room(factor, price, indent):
            yield from self.text(f"{factor} {price}", indent=indent)
        else:
            yield from self.pair(factor, price, indent=indent)

    def row(
        self, columns: Sequence[Column], values: Iterable[str], style: Style = "normal"
    ) -> Iterator[TapeLine]:
        """A row of a table, whose columns and the spaces between them are as wide as the paper.

        Texts wrap inside their columns; figures, which must fit (`fits`), stand on the first line of the row.
        """
        parts = [
            [value] if column.is_figure else self._wrap(value, column.width)
            for column, value in zip(columns, values, strict=True)
        ]
        for line in range(max(map(len, parts))):
            cut: list[str] = []
            for column, said in zip(columns, parts, strict=True):
                text = said[line] if line < len(said) else ""
                space = " " * (column.width - cells(text))
                cut.append(space + text if column.is_figure else text + space)
            text = " ".join(cut).rstrip()
            if text:
                yield TapeLine(text, style)

    def heading(self, columns: Sequence[Column], captions: Iterable[str]) -> Iterator[TapeLine]:
        """The names of the columns, and a rule below."""
        parts = [self._wrap(said, column.width) for column, said in zip(columns, captions, strict=True)]
        for line in range(max(map(len, parts))):
            yield from self.row(columns, [part[line] if line < len(part) else "" for part in parts])
        yield self.rule()

    def fits(self, columns: Sequence[Column], table: Iterable[Sequence[str]]) -> bool:
        """Whether the paper is a page and no figure is wider than its column."""
        return self.is_page and all(
            cells(value) <= column.width
            for row in table
            for column, value in zip(columns, row, strict=True)
            if column.is_figure
        )

    def _lead(self, room: int, *, has_label: bool) -> str:
        if not (self.is_page and has_label and room >= _LEAD_MIN + 2):
            return " " * room
        return " " + "." * (room - 2) + " "

    def _wrap(self, text: str, width: int) -> list[str]:
        """A text as lines, its two languages on lines of their own when one line does not hold both."""
        lines = wrap(text.replace(_SEAM, "/"), width)
        if len(lines) < 2 or text.count(_SEAM) != 1:
            return lines
        first, _, second = text.partition(_SEAM)
        return [*wrap(first + "/", width), *wrap(second, width)]

    def _beside(self, label: str, width: int, value: int) -> list[str]:
        """A label as lines, the last of which leaves room for the value if words allow it."""
        lines = self._wrap(label, width)
        if not lines or cells(lines[-1]) + value < width:
            return lines
        if label.count(_SEAM) == 1:
            first, _, second = label.partition(_SEAM)
            apart = [*wrap(first + "/", width), *wrap(second, width)]
            if cells(apart[-1]) + value < width:
                return apart
        # A word is never cut in two to make room for a sum.
        room = width - value - 1
        if value * 2 <= width and all(cells(word) <= room for word in lines[-1].split()):
            return [*lines[:-1], *wrap(lines[-1], room)]
        return lines


def wall_clock(moment: datetime, zone: str) -> datetime:
    """A moment by the clock on the wall; at the edge of the calendar it is printed as the till said it."""
    try:
        return moment.astimezone(zone_of(zone))
    except OverflowError:
        return moment
