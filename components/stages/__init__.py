TRACKED = False  # a room without code of its own
