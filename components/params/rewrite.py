"""Other values in a params.yaml that a user wrote: all else, comments and blanks, stays as it is."""

from collections.abc import Mapping

import yaml

from components.errors import ParamsError

WIDE = 10**6  # nothing is folded


def rewritten(text: str, changes: Mapping[str, object]) -> str:
    """`text` with other values below some dotted keys; a key that is missing is added to its section.

    Raises ParamsError where the section of a key does not exist.
    """
    for key, value in changes.items():
        text = _with(text, key, value)
    return text


def _with(text: str, key: str, value: object) -> str:
    *sections, name = key.split(".")
    node = yaml.compose(text, yaml.SafeLoader)
    for section in sections:
        node = _below(node, section)
    if not isinstance(node, yaml.MappingNode):
        raise ParamsError(f"{key} cannot be written: there is no section {'.'.join(sections)}.")
    old = _below(node, name)
    if old is None:
        return _added(text, node, f"{name}: {_written(value)}")
    start, end = old.start_mark.index, _end(old)
    # Where nothing stood; and where a list stood below its key at the key's own column, as PyYAML writes it.
    beneath = isinstance(old, yaml.SequenceNode) and old.start_mark.column == node.start_mark.column
    gap = " " if beneath or text[start - 1] == ":" else ""
    return text[:start] + gap + _written(value) + text[end:]


def _below(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _added(text: str, section: yaml.MappingNode, line: str) -> str:
    if section.flow_style:
        place = section.end_mark.index - 1
        return text[:place].rstrip() + f"{', ' if section.value else ''}{line}" + text[place:]
    key, last = section.value[-1]
    end = text.find("\n", _end(last))
    place = len(text) if end < 0 else end
    return f"{text[:place]}\n{' ' * key.start_mark.column}{line}{text[place:]}"


def _end(node: yaml.Node) -> int:
    """Where a value ends. A block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index


def _written(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=WIDE, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
