"""Positive or negative: 23,703 sentences of four domains, whose mean valence 20 people gave, read by MiniLM."""
