"""Texts that are generated letter by letter."""
