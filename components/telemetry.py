"""Nobody is told what runs here: the telemetry of all tools is off, however something is started.

DVC reads `.dvc/config`, and Prefect's server `pyproject.toml`; the rest reads the environment.
"""

import os

OFF = {
    "DO_NOT_TRACK": "1",  # Prefect's client; `1` is nothing to MLflow, which wants its own word
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # onnxruntime 1.31 keeps events about machine and process below ~/.cache, for its client to send.
    "ORT_DISABLE_TELEMETRY": "1",
}


def switch_off() -> None:
    """For this process and those that it starts; what the user set stays."""
    for key, value in OFF.items():
        os.environ.setdefault(key, value)
