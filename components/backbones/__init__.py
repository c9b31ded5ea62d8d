"""Networks that somebody else trained: definitions, catalogue, and trust in their checkpoints."""

from components.backbones.catalogue import BACKBONES

NAMES = tuple(BACKBONES)  # each is its file's name, with its folder's before it
