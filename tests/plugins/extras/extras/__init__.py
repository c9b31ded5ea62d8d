"""A head and a regulariser in a package of their own."""
