"""Arrays of bytes of one length. This file is read by `python -m components check` and imports nothing slow."""

from counts.bytes.params import BytesParams

Params = BytesParams

KIND = "bytes"
# How many statistics monitoring has of a sample (statistics.py).
MEASURED = 1
