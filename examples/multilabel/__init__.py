"""The demo's solar cells with two labels each: defective, and polycrystalline. Neither excludes the other."""
