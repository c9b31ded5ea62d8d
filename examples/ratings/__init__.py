"""Valence: 4,200 tweets with the mean of 20 people's ratings, a number from -4 to 4, read by MiniLM."""
