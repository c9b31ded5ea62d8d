"""File names that real folders hold: spaces of every kind, joiners, marks of direction, colons, quotes, backslashes."""

ODD_NAMES = (
    ["Screenshot 3.14.07\u202fPM.png"],  # macOS
    ["\u00a0 leading.png", " a", "\u2028", "a\u200db\u200c.png"],
    ["a:b\\c.png", "C:", "\\", '"', '"x"', '"x'],
    ["Icon\r", "a\r"],
    ["a  b", "x ", "\ufeffx", "\u202ex"],
)
