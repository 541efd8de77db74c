"""An operator of its own for one test.

    with running_operator(tmp_path) as operator:
        operator.register(203605, 90127062, rnm="032600010282", znm="SWK00033717")
        Line(host=operator.host, port=operator.port, device=203605, token=90127062, registration=…)
        operator.mischief.switch_on("lost", times=1)          # or share=0.1, for_s=5, seconds=3 (slow, skew), device=203605
        operator.figures(203605)                               # by the names of portal.ofd.wire.figures.figures
        operator.counters(203605), operator.documents(203605), operator.z_figures(203605), operator.account(203605)
        operator.restart()                                     # the same book on the same ports, nothing kept in memory

Belarus: `operator.register("factory number", country="by")`, `operator.belarus_port`, `operator.counters(…, country="by")`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from portal.ofd.simulator.mischief import Kind, Mischief
from portal.ofd.simulator.server import OperatorServer


class TestOperator(OperatorServer):
    """An operator that can be stopped and started again on its ports in the middle of a test."""

    # pytest collects what is called Test…; this is none.
    __test__ = False

    def restart(self) -> None:
        """Come back from the book alone."""
        self.stop()
        self.start()


@contextmanager
def running_operator(
    directory: Path, mischief: Mapping[str | Kind, float] | Mischief | None = None, *, seed: int = 1
) -> Iterator[TestOperator]:
    """An operator in a thread of this process, its book in `directory`; `mischief` by kind with the share of requests."""
    chosen = mischief if isinstance(mischief, Mischief) else Mischief(seed)
    if mischief is not None and not isinstance(mischief, Mischief):
        for kind, share in mischief.items():
            chosen.switch_on(kind, share)
    operator = TestOperator(directory / "operator.sqlite", mischief=chosen)
    operator.start()
    try:
        yield operator
    finally:
        operator.stop()
