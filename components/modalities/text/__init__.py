"""Texts. This file is read by `python -m components check` and imports nothing slow."""

from components.modalities.text.params import TextParams

Params = TextParams

KIND = "texts"
# How many statistics monitoring has of a sample (components/modalities/text/statistics.py).
MEASURED = 3
# How the report says task.input_size.
SIZE = "{0} tokens"
