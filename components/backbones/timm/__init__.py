"""Families of `timm`, a file each: `backbone.name: timm/<file>`."""
