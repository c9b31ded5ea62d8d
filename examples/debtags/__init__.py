"""What a program works with: synopses of Debian's packages with their debtags, several labels each, read by MiniLM."""
