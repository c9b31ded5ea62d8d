"""Which provider each node of a model was given to: onnxruntime quietly leaves to the CPU what a GPU provider lacks."""

from collections.abc import Sequence

import onnxruntime as ort

from components.runtime.sessions import PROVIDERS

RECORD = "session.record_ep_graph_assignment_info"


def on_the_cpu(model: bytes, providers: Sequence[str]) -> list[str]:
    """`type name` of every node that runs on the CPU when `providers` (as in `open_session`) are asked for.

    It loads the model a second time, only to ask: a session that records this is not the one that computes.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry(RECORD, "1")
    session = ort.InferenceSession(model, options, providers=[PROVIDERS[name] for name in providers])
    return [
        f"{node.op_type} {node.name}"
        for group in session.get_provider_graph_assignment_info()
        if group.ep_name == PROVIDERS["cpu"]
        for node in group.get_nodes()
    ]
