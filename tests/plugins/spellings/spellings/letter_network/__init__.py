"""A small network of arrays of bytes that gives tokens. This file is read by `python -m components check` and imports
nothing slow."""

from components.choices import Facts

FACTS = Facts(sees="bytes", blocks=2, norms="layer")
