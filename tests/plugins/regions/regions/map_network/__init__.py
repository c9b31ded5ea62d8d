"""A small network of images that keeps its maps. This file is read by `python -m components check` and imports nothing
slow."""

from components.choices import Facts

FACTS = Facts(sees="images", blocks=2, norms="none")
