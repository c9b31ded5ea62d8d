"""Digits 0 to 9 from two sources: 1,797 of 8×8 pixels (scikit-learn) and 5,000 of 28×28 (MNIST)."""
