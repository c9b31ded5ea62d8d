"""The demo's solar cells with the probability of a defect as a number, not cut into two classes."""
