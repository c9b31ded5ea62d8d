"""Whole lines go first: they take minutes, and beside them the short tests fill the other core."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
