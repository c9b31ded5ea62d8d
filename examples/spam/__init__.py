"""Spam or ham: 6,018 mails of SpamAssassin's public corpus, read by MiniLM."""
