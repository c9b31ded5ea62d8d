"""Spam or ham: 6,046 mails of SpamAssassin's public corpus, read by MiniLM."""
