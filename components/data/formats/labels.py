"""Format `labels`: a data set's own table of labels, whose columns `data.labels` names. It is read like a manifest."""

from components.data.formats.table import OFFERS, Format

__all__ = ["OFFERS", "Format"]
