"""How the operator misbehaves when it is told to, and for which requests.

Every kind is on for a share of the requests, for the next few of them, for a period, or until told otherwise; the choice
is drawn from one seeded source, so that the same requests in the same order meet the same fate.

What a register can count on: **when mischief ends, it comes right by itself.** Nothing that was done on purpose leaves a
register stuck. Requests that were refused without being processed can come again as they were; requests that were processed
and whose answer was lost, halved or odd get the stored answer when they come again; a token that was given wrongly
(`ODD_TOKEN`) is refused with result 2 when it is first used and taken for the right one from the second time on.
"""

import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

# A silent operator lets go of the line at last, so that tests and storms do not pile connections up.
SILENCE_S: Final = 30.0
SLOWNESS_S: Final = 5.0


class Kind(StrEnum):
    """A way to misbehave. Those marked * have processed the request; the others have not touched it.

    silent     The request is read and nothing is ever answered.
    slow *     The answer comes after `seconds` (5 unless told otherwise).
    half *     Half of the answer, then the end of the connection.
    bad_token  Result 2, although the token is right.
    odd_token* The answer's header carries a token that is not the one expected next.
    code_N     Result 11, 14, 15, 254 or 255.
    lost *     The connection ends without an answer.
    twice *    The answer comes twice on one connection.
    reset      The connection is reset as soon as the request is read.
    skew       The operator's clock is `seconds` ahead (negative: behind); changes its own dates alone.
    """

    SILENT = "silent"
    SLOW = "slow"
    HALF = "half"
    BAD_TOKEN = "bad_token"  # noqa: S105 — the name of a mischief
    ODD_TOKEN = "odd_token"  # noqa: S105 — the name of a mischief
    CODE_11 = "code_11"
    CODE_14 = "code_14"
    CODE_15 = "code_15"
    CODE_254 = "code_254"
    CODE_255 = "code_255"
    LOST = "lost"
    TWICE = "twice"
    RESET = "reset"
    SKEW = "skew"


# What the operator answers instead of processing.
CODES: Final = {
    Kind.BAD_TOKEN: 2,
    Kind.CODE_11: 11,
    Kind.CODE_14: 14,
    Kind.CODE_15: 15,
    Kind.CODE_254: 254,
    Kind.CODE_255: 255,
}
# A draw is made for those that befall one request.
DRAWN: Final = tuple(kind for kind in Kind if kind is not Kind.SKEW)


@dataclass(frozen=True)
class Rule:
    """One kind that is on: for `share` of the requests, at most `times` more of them, and not after `until_s` (monotonic).

    `device` is the one register that it befalls, by its number or its key; None for all.
    """

    kind: Kind
    share: float = 1.0
    times: int | None = None
    until_s: float | None = None
    seconds: float | None = None
    device: str | None = None


@dataclass(frozen=True)
class Trick:
    """What befalls one request."""

    kind: Kind
    seconds: float


@dataclass
class Mischief:
    """What is switched on now. Safe to be told from any thread."""

    seed: int = 1
    _rules: dict[Kind, Rule] = field(default_factory=dict)
    _done: dict[Kind, int] = field(default_factory=dict)
    _asked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def switch_on(
        self,
        kind: Kind | str,
        share: float = 1.0,
        *,
        times: int | None = None,
        for_s: float | None = None,
        seconds: float | None = None,
        device: int | str | None = None,
    ) -> None:
        """Misbehave in this way from now on; raise ValueError for what cannot be.

        `share` of the requests from 0 to 1, `times` at most so many, `for_s` for so long, `device` with one register only.
        """
        kind = Kind(kind)
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"a share of requests is from 0 to 1, not {share}")
        if for_s is not None and for_s < 0:
            raise ValueError("a period is not negative")
        until_s = None if for_s is None else time.monotonic() + for_s
        rule = Rule(kind, share, times, until_s, seconds, None if device is None else str(device))
        with self._lock:
            self._rules[kind] = rule

    def switch_off(self, kind: Kind | str | None = None) -> None:
        """Stop misbehaving in this way, or in every way."""
        with self._lock:
            if kind is None:
                self._rules.clear()
            else:
                self._rules.pop(Kind(kind), None)

    def draw(self, key: str) -> Trick | None:
        """What befalls the next request of a register, by its key in the book. Every kind that is on is drawn for in the order of `Kind`."""
        with self._lock:
            self._asked += 1
            for kind in DRAWN:
                rule = self._standing(kind)
                if rule is None or not _befalls(rule, key):
                    continue
                if rule.share < 1.0 and self._random.random() >= rule.share:
                    continue
                self._spend(rule)
                return Trick(kind, SLOWNESS_S if rule.seconds is None else rule.seconds)
        return None

    @property
    def skew_s(self) -> float:
        """How far the operator's clock is ahead."""
        with self._lock:
            rule = self._standing(Kind.SKEW)
            return 0.0 if rule is None else (rule.seconds or 0.0)

    @property
    def number(self) -> Random:
        """The source of chance, for the odd tokens."""
        return self._random

    def rules(self) -> tuple[Rule, ...]:
        """What is on now, in the order of `Kind`."""
        with self._lock:
            return tuple(rule for kind in Kind if (rule := self._standing(kind)) is not None)

    def counts(self) -> dict[str, int]:
        """How many requests were asked, and how many met each kind, since the start."""
        with self._lock:
            return {"requests": self._asked, **{kind.value: self._done.get(kind, 0) for kind in DRAWN}}

    def _standing(self, kind: Kind) -> Rule | None:
        rule = self._rules.get(kind)
        if rule is None:
            return None
        if rule.until_s is not None and time.monotonic() >= rule.until_s:
            del self._rules[kind]
            return None
        return rule

    def _spend(self, rule: Rule) -> None:
        self._done[rule.kind] = self._done.get(rule.kind, 0) + 1
        if rule.times is None:
            return
        if rule.times <= 1:
            del self._rules[rule.kind]
        else:
            self._rules[rule.kind] = Rule(
                rule.kind, rule.share, rule.times - 1, rule.until_s, rule.seconds, rule.device
            )


def _befalls(rule: Rule, key: str) -> bool:
    return rule.device is None or rule.device in {key, key.partition("/")[2]}


def parse(text: str) -> tuple[Kind, float, float | None]:
    """KIND, KIND=SHARE or KIND=SHARE:SECONDS, as the command line takes it; raise ValueError with what is wrong."""
    name, _, rest = text.partition("=")
    share, _, seconds = rest.partition(":")
    try:
        kind = Kind(name.replace("-", "_"))
    except ValueError:
        raise ValueError(f"{name!r} is none of {', '.join(Kind)}") from None
    return kind, float(share) if share else 1.0, float(seconds) if seconds else None
