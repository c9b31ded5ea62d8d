"""Networks of `transformers` as their authors publish them, with random weights and small enough for a test."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from texts import WORDS, write_tokenizer
from transformers import (
    BertConfig,
    BertForMaskedLM,
    ConvNextConfig,
    ConvNextForImageClassification,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

SIZE, TOKENS = 32, 48
# 0.5 and 0.25 of 0…1, as a library says it.
PIXELS = {"size": {"height": SIZE, "width": SIZE}, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}


def _resnet() -> PreTrainedModel:
    config = ResNetConfig(embedding_size=8, hidden_sizes=[16, 24], depths=[1, 2], layer_type="basic")
    return ResNetForImageClassification(config)


def _convnext() -> PreTrainedModel:
    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 2], num_stages=2, drop_path_rate=0.1)
    return ConvNextForImageClassification(config)


def _vit() -> PreTrainedModel:
    sizes = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    return ViTForImageClassification(ViTConfig(**sizes, image_size=SIZE, patch_size=8))


def _bert() -> PreTrainedModel:
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    return BertForMaskedLM(BertConfig(**sizes, vocab_size=len(WORDS), max_position_embeddings=TOKENS))


def _distilbert() -> PreTrainedModel:
    sizes = {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32}
    return DistilBertModel(DistilBertConfig(**sizes, vocab_size=len(WORDS), max_position_embeddings=TOKENS))


MODELS: Mapping[str, Callable[[], PreTrainedModel]] = {
    "transformers/bert": _bert,
    "transformers/convnext": _convnext,
    "transformers/distilbert": _distilbert,
    "transformers/resnet": _resnet,
    "transformers/vit": _vit,
}


def publish(name: str, folder: Path) -> PreTrainedModel:
    """Write the family's network into `folder`; its bare model, without a head, for comparison."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = MODELS[name]().eval()
    # Weights that a trained network might have: norms that change something, blocks that add something.
    for number, tensor in enumerate(made.state_dict().values()):
        if tensor.ndim == 1:
            tensor.copy_(torch.linspace(0.5, 1.5, len(tensor)) + number % 3 / 10)
        elif tensor.ndim > 1:
            tensor *= 4
    made.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PIXELS))
    write_tokenizer(folder)
    (folder / "README.md").write_text("What else lies there.")
    bare: PreTrainedModel = getattr(made, made.base_model_prefix, made)
    return bare
