"""Images. This file is read by `python -m components check` and imports nothing slow."""

from components.modalities.image.params import ImageParams

Params = ImageParams

KIND = "images"
# How many statistics monitoring has of a sample (components/modalities/image/statistics.py).
MEASURED = 5
# How the report says task.input_size.
SIZE = "{0} × {0} pixels"
