"""A small network of bytes. This file is read by `python -m components check` and imports nothing slow."""

from components.choices import Facts

FACTS = Facts(sees="bytes", blocks=2, norms="layer")
