"""Series of bytes that are cut into windows, and targets that are lists of positions."""
