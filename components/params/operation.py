"""Sections `runtime` and `tracking`: where things run and are written down. They shape no locked byte."""

import os
from typing import Literal

from pydantic import ConfigDict, Field, field_validator

from components.params.base import Section
from components.params.paths import on_this_machine


class RuntimeParams(Section):
    """`providers` in order of preference; `threads` 0 means all cores this process may use; `store_gb` is how much of
    the sample store the tensors at one cut may take; what does not fit is computed again each time.
    """

    providers: tuple[Literal["tensorrt", "cuda", "cpu"], ...] = Field(default=("cpu",), min_length=1)
    threads: int = Field(default=0, ge=0)
    store_gb: float = Field(default=100, ge=0)

    @property
    def cores(self) -> int:
        return self.threads or len(os.sched_getaffinity(0))

    @property
    def store_bytes(self) -> int:
        return int(self.store_gb * 10**9)


class TrackingParams(Section):
    """`uri`: the address of an MLflow server; `sqlite:///PATH` for an embedded store; or `sqlite`: the server that
    MLFLOW_TRACKING_URI names, else the one of `make up` where this workspace had one, else an embedded store.
    """

    uri: str = Field(default="sqlite", pattern=r"^(sqlite|sqlite:///.+|https?://.+|postgresql.*://.+)$")
    experiment: str = "graftline"
    model: str = Field(default="model", pattern=r"^[A-Za-z0-9._-]+$")

    @field_validator("uri")
    @classmethod
    def _at_home(cls, uri: str) -> str:
        kind, sign, path = uri.partition(":///")
        return f"{kind}{sign}{on_this_machine(path)}" if kind == "sqlite" and sign else uri


class OperationParams(Section):
    """All that scoring a release needs of params.yaml: none of the plug-ins that it was trained with."""

    model_config = ConfigDict(extra="ignore")

    runtime: RuntimeParams = RuntimeParams()
    tracking: TrackingParams = TrackingParams()
