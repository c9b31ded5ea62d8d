"""A network that was trained beside the release, in the release's form."""

from components.export.release import ReleaseNetwork, export_release
from components.modalities.base import Modality
from components.problems.base import Decision
from components.training.network import Network


def released(network: Network, modality: Modality, decision: Decision) -> bytes:
    """A trained network as ONNX, from samples to answers; it comes to the CPU."""
    network.to("cpu").eval()
    answers = decision.module()
    whole = ReleaseNetwork(modality.preprocessor(), network.backbone, network.head, answers).eval()
    return export_release(whole, modality.signature, decision.output)
