"""A storm: many registers and clients at work while everything around them breaks, and the reckoning afterwards.

`run` brings servers, an operator, workers and clients of its own; mischief and kills follow a seed. When it is over nothing that
was acknowledged may be lost or doubled, and three ledgers must agree: the journal, the engine, and the operator's own.
"""
