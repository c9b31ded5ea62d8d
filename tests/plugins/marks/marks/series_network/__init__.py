"""A small network of windows. This file is read by `python -m components check` and imports nothing slow."""

from components.choices import Facts

FACTS = Facts(sees="series", blocks=2, norms="layer")
