"""A family's chain is the library's own network, cut anywhere; what does not fit is refused by name."""

import json
import re
from pathlib import Path

import pytest
import torch
from published import MODELS, TOKENS, publish
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel

from components.backbones.base import Backbone
from components.backbones.catalogue import build, described, family
from components.backbones.library import CONFIG, WEIGHTS
from components.errors import CheckpointError
from components.params.backbone import ImageSpec, TextSpec
from components.params.names import BACKBONES as FACTS
from components.params.names import FAMILIES

IMAGES = [name for name in MODELS if FACTS[name].sees == "images"]
TEXTS = [name for name in MODELS if FACTS[name].sees == "texts"]


def samples(name: str, size: int = 32) -> Tensor:
    if name in IMAGES:
        return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    return torch.tensor([[2, 5, 9, 7, 8, 3], [2, 6, 3, 0, 0, 0]])


def theirs(model: PreTrainedModel, shown: Tensor) -> Tensor:
    """Pooled features by the library; of a transformer without a pooler the class's token, of texts the mean."""
    if not shown.is_floating_point():
        mask = (shown != 0).long()
        hidden = model(input_ids=shown, attention_mask=mask).last_hidden_state
        mean: Tensor = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return mean
    made = model(shown)
    return made.last_hidden_state[:, 0] if made.pooler_output is None else made.pooler_output.flatten(1)


def read(folder: Path, name: str) -> Backbone:
    return family(name).pretrained(folder).eval()


def changed(folder: Path, file: str, **values: object) -> None:
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_every_family_of_the_library_is_published_here() -> None:
    assert set(MODELS) == {name for name in FAMILIES if name.startswith("transformers/")}


@pytest.mark.parametrize("name", MODELS)
@torch.inference_mode()
def test_features_are_the_librarys_at_every_cut(name: str, tmp_path: Path) -> None:
    model, shown = publish(name, tmp_path), samples(name)
    ours, expected = read(tmp_path, name), theirs(model, shown)
    assert expected.shape == (2, ours.width)
    assert ours.blocks == 3
    assert float(expected.std(0).mean()) > 1e-3
    for cut in range(ours.blocks + 2):
        features = ours.above(cut)(ours.below(cut)({"samples": shown}))["pooled"]
        torch.testing.assert_close(features, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", MODELS)
def test_the_untrained_network_has_the_same_tensors_and_a_rule_for_each(name: str, tmp_path: Path) -> None:
    publish(name, tmp_path)
    before = torch.get_rng_state()
    fresh, again = (build(name, 3, tmp_path) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert fresh.training
    pretrained = read(tmp_path, name).state_dict()
    for key, tensor in fresh.state_dict().items():
        assert tensor.shape == pretrained[key].shape
        assert torch.equal(tensor, again.state_dict()[key])
    with torch.no_grad():
        features = fresh.eval()(samples(name))
    assert float(features.std(0).mean()) > 1e-3


def test_what_a_network_sees_stands_beside_its_weights(tmp_path: Path) -> None:
    publish("transformers/vit", tmp_path)
    # 0.5 · 255 and 0.25 · 255.
    assert described("transformers/vit", tmp_path).input == ImageSpec(32, (127.5,) * 3, (63.75,) * 3)
    changed(tmp_path, "preprocessor_config.json", size={"shortest_edge": 64}, rescale_factor=1 / 128)
    assert described("transformers/vit", tmp_path).input == ImageSpec(64, (64.0,) * 3, (32.0,) * 3)
    changed(tmp_path, "preprocessor_config.json", do_normalize=False, do_rescale=False, crop_size=24)
    assert described("transformers/vit", tmp_path).input == ImageSpec(64, (0.0,) * 3, (1.0,) * 3)
    changed(tmp_path, "preprocessor_config.json", do_center_crop=True)
    assert described("transformers/vit", tmp_path).input.size == 24
    publish("transformers/bert", tmp_path)
    assert described("transformers/bert", tmp_path).input == TextSpec(TOKENS, 10, TOKENS)


@torch.inference_mode()
def test_a_vit_takes_images_of_another_size_as_the_library_does(tmp_path: Path) -> None:
    model, shown = publish("transformers/vit", tmp_path), samples("transformers/vit", 48)
    expected = model(shown, interpolate_pos_encoding=True).last_hidden_state[:, 0]
    torch.testing.assert_close(read(tmp_path, "transformers/vit")(shown), expected, atol=1e-5, rtol=0)


def test_names_of_older_files_are_known_to_the_library(tmp_path: Path) -> None:
    publish("transformers/bert", tmp_path)
    state = load_file(tmp_path / WEIGHTS)
    old = {n.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor for n, tensor in state.items()}
    save_file(old, tmp_path / WEIGHTS, {"format": "pt"})
    found = read(tmp_path, "transformers/bert").state_dict()["units.0.norm.weight"]
    assert torch.equal(found, state["bert.embeddings.LayerNorm.weight"])


def test_half_precision_becomes_whole(tmp_path: Path) -> None:
    publish("transformers/resnet", tmp_path)
    state = {n: t.half() if t.is_floating_point() else t for n, t in load_file(tmp_path / WEIGHTS).items()}
    save_file(state, tmp_path / WEIGHTS, {"format": "pt"})
    changed(tmp_path, CONFIG, dtype="float16")
    assert {t.dtype for t in read(tmp_path, "transformers/resnet").parameters()} == {torch.float32}


@pytest.mark.parametrize("name", MODELS)
def test_tensors_that_do_not_fit_are_named(name: str, tmp_path: Path) -> None:
    publish(name, tmp_path)
    state = load_file(tmp_path / WEIGHTS)
    first, inside, other = sorted(n for n in state if re.search(r"layers?\.0\..*weight", n))[:3]
    del state[first]
    state[inside] = torch.zeros(7, 7)
    state[re.sub(r"(layers?)\.0", r"\1.77", other)] = torch.zeros(1)
    save_file(state, tmp_path / WEIGHTS, {"format": "pt"})
    with pytest.raises(CheckpointError, match="not of the network in config") as caught:
        read(tmp_path, name)
    for part in ("is missing", "is [7, 7], not [", ".77.", "is not part of it"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("file", "values", "words"),
    [
        (CONFIG, {"model_type": "swin"}, r"describes a 'swin'; allowed here: 'vit'"),
        (CONFIG, {"num_channels": 1}, "num_channels is 1; allowed: 3"),
        (CONFIG, {"hidden_size": "wide"}, "cannot be read"),
        (CONFIG, {"quantization_config": {}}, "quantised"),
        ("preprocessor_config.json", {"image_mean": [0.5]}, "mean and deviation"),
        ("preprocessor_config.json", {"size": None}, "how large images are"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    file: str, values: dict[str, object], words: str, tmp_path: Path
) -> None:
    publish("transformers/vit", tmp_path)
    changed(tmp_path, file, **values)
    with pytest.raises(CheckpointError, match=words):
        described("transformers/vit", tmp_path)


def test_files_that_are_no_json_or_no_tensors_are_refused(tmp_path: Path) -> None:
    publish("transformers/vit", tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"noise" * 100)
    with pytest.raises(CheckpointError, match="weights cannot be read"):
        read(tmp_path, "transformers/vit")
    (tmp_path / CONFIG).write_text("[1]")
    with pytest.raises(CheckpointError, match=r"config\.json holds no object"):
        read(tmp_path, "transformers/vit")
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        read(tmp_path, "transformers/vit")


def test_padding_must_be_number_zero(tmp_path: Path) -> None:
    publish("transformers/bert", tmp_path)
    changed(tmp_path, CONFIG, pad_token_id=1)
    with pytest.raises(CheckpointError, match="pad_token_id is 1; allowed: 0"):
        described("transformers/bert", tmp_path)


def test_a_file_that_asks_for_other_code_does_not_get_it(tmp_path: Path) -> None:
    publish("transformers/vit", tmp_path)
    asked = {"auto_map": {"AutoModel": "evil.Model"}, "attn_implementation": "somebody/kernel"}
    changed(tmp_path, CONFIG, **asked, _attn_implementation="somebody/kernel")
    model = read(tmp_path, "transformers/vit").units[1]
    assert model.attention.config._attn_implementation == "sdpa"
