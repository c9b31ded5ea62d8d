"""Nothing: what a question is answered with where no method is chosen."""
