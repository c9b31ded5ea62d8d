"""train_source: the network trained on the source domain alone: what adaptation may start from, and must beat.

Without `domains` there is nothing to do, and source.json says so.
"""

from collections.abc import Mapping
from pathlib import Path

from components.methods import load_method
from components.params import Params
from components.progress import log
from components.stages.best_epoch import by_labels
from components.stages.domains import of_source
from components.stages.fitting import Activations, Training, demand, described, fit, recipe, write
from components.stages.network import NetworkLine
from components.stages.released import released
from components.stages.table import Context
from components.stages.unfinished import unfinished
from components.storage.publish import write_bytes, write_json
from components.training.network import Network
from components.training.plan import Data, Watch


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params, context: Context) -> None:
    """Write source.json, and where domains are declared source.safetensors, source.onnx and curves.csv."""
    folder = outputs["source"]
    if not params.domains.declared:
        write_json(folder / "source.json", {"trained": False})
        return
    line, method = NetworkLine(inputs, params, context), load_method(params.tune)
    dataset, samples = line.dataset, Activations.at(line, method.cut)
    network = Network(samples.frozen.backbone, samples.fresh_head(), samples.frozen.cut)
    demand(method, network)
    train, validation = (of_source(dataset, side, params.domains) for side in ("train", "validation"))
    clean = samples.clean(validation)
    data = Data(samples.augmented(train), clean, criterion=by_labels(clean, line))
    checkpoints = unfinished("train_source", inputs, params, context)
    watch = Watch("Source domain", context.tracker, checkpoints, "source.")
    used = recipe(params, context)
    fitted = fit(Training(network, line.problem, method), data, used, watch)
    facts = described(fitted, samples.clean(train), data.validation, used.batch)
    write(folder, "source", data, fitted, {**facts, "trained": True, "domains": list(params.domains.source)})
    write_bytes(folder / "source.onnx", released(network, line.augmented, line.decision))
    checkpoints.clear()
    log(f"Source domain ({', '.join(params.domains.source)}): {fitted.outcome.best.words}")
