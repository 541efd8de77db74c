"""How fast things are, as ratios to a limit measured in the same run."""
