"""Series of bytes of any length. This file is read by `python -m components check` and imports nothing slow."""

from marks.series.params import SeriesParams

Params = SeriesParams

KIND = "series"
# How many statistics monitoring has of a sample (statistics.py).
MEASURED = 1
