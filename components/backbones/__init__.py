"""Networks that others trained: definitions, catalogue, and trust in their checkpoints."""

from components.backbones.table import BACKBONES

TRACKED = False  # stages depend on the file of the chosen backbone

NAMES = tuple(BACKBONES)  # each is its file's name, with its folder's before it
