"""Progress of a long step, on one line."""

import sys

import click


class Progress:
    """Says where a step stands: over the line before on a terminal, seldom and on lines of their own elsewhere."""

    def __init__(self, every: int = 10) -> None:
        self.every = every
        self._count = 0
        self._last = ""
        self._shown = True

    def __call__(self, line: str) -> None:
        """Show the step as it stands now."""
        self._count += 1
        self._last = line
        self._shown = sys.stdout.isatty() or self._count % self.every == 1
        if sys.stdout.isatty():
            click.echo(f"\r\033[K… {line}", nl=False)
        elif self._shown:
            click.echo(line)

    def end(self) -> None:
        """Leave the last line standing."""
        if self._count and sys.stdout.isatty():
            click.echo()
        elif not self._shown:
            click.echo(self._last)
        self._count, self._shown = 0, True
