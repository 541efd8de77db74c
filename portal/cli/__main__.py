"""`python -m portal.cli`: what `./kassa` hands over to."""

from portal.cli import load

load()(prog_name="kassa")
