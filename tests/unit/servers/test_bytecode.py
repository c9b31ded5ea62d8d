from importlib.util import find_spec

from components.forkserver.server import modules
from infra.bytecode import ENGINES, WHOLE, folders


def test_what_set_up_compiles_exists() -> None:
    """A name that nothing has would be passed over in silence, and so slow every stage down."""
    assert [name for name in (*modules(), *ENGINES, *WHOLE) if find_spec(name) is None] == []
    assert len(list(folders())) >= len(WHOLE)
