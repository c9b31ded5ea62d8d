"""Format `manifest`: a table at the source with a row for each sample, its path or its text."""

from components.data.formats.table import OFFERS, Format

__all__ = ["OFFERS", "Format"]
