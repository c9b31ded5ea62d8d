"""Families of `transformers`, a file each: `backbone.name: transformers/<file>`."""
