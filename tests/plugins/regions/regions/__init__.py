"""Masks and boxes in images of 32 by 32 pixels."""

SIDE = 32  # of an image, in pixels
