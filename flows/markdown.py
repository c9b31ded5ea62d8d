"""Rows of tables for Prefect's artifacts, whatever the cells hold."""


def row(*cells: object) -> str:
    return f"| {' | '.join(map(cell, cells))} |\n"


def cell(value: object) -> str:
    """As it stands in one cell: a bar or a line break would end it."""
    return " ".join(str(value).splitlines()).replace("|", "\\|")
