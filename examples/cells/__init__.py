"""The demo's solar cells, with their type as domain: monocrystalline and polycrystalline."""
