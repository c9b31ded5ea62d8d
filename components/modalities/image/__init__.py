"""Images. This file is read by `python -m components check` and imports nothing slow."""

from components.modalities.image.params import ImageParams

Params = ImageParams

KIND = "images"
# How many statistics monitoring has of a sample (components/modalities/image/statistics.py).
MEASURED = 5
# Keys of section `augment` that move what a sample shows, with the value that does not.
MOVES = {"flips": False, "quarter_turns": False, "shift": 0}
# How the report says task.input_size.
SIZE = "{0} × {0} pixels"
