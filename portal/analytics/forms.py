"""What may be asked of the home page: trading points and a date, both carried by the address."""

from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from portal.journal.forms import parse_day, parse_ids


@dataclass(frozen=True)
class HomeFilter:
    """The points to look at (none means all) and the business day (None means each point's own today)."""

    points: tuple[int, ...] = ()
    day: date | None = None

    @classmethod
    def parse(cls, args: MultiDict[str, str]) -> "HomeFilter":
        """Read the filter from an address; refuse what cannot be used."""
        return cls(points=parse_ids(args, "point"), day=parse_day(args, "day"))

    def on(self, day: date) -> "HomeFilter":
        """The same points on another day."""
        return replace(self, day=day)

    def query(self, **more: object) -> str:
        """The filter as the query of an address; "" when there is nothing to say."""
        pairs: list[tuple[str, object]] = [("point", point_id) for point_id in self.points]
        if self.day:
            pairs.append(("day", self.day.isoformat()))
        pairs += [(name, value) for name, value in more.items() if value is not None]
        return f"?{urlencode(pairs)}" if pairs else ""
