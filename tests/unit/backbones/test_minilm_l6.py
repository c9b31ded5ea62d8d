"""The definition is BERT's: equal to the library's whole model with the same weights."""

import pytest
import torch
from transformers import BertConfig, BertModel

from components.backbones.catalogue import build, entry


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    """Two texts, of 7 and of 4 tokens."""
    return torch.tensor([[101, 2023, 2003, 1037, 3231, 1012, 102, 0], [101, 7592, 2088, 102, 0, 0, 0, 0]])


def test_it_is_the_librarys_model_and_a_mean_over_tokens(tokens: torch.Tensor) -> None:
    ours, row = build("minilm_l6", seed=1).eval(), entry("minilm_l6")
    config = BertConfig(
        vocab_size=30_522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
    )
    theirs = BertModel(config, add_pooling_layer=False).eval()
    state = {row.raw_name(name): tensor for name, tensor in ours.state_dict().items()}
    assert not theirs.load_state_dict(state, strict=False).unexpected_keys
    mask = (tokens != 0).long()
    with torch.no_grad():
        hidden = theirs(input_ids=tokens, attention_mask=mask).last_hidden_state
        expected = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        found = ours(tokens)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("cut", [1, 4, 6, 7])
def test_any_cut_gives_the_same_features(tokens: torch.Tensor, cut: int) -> None:
    network = build("minilm_l6", seed=1).eval()
    with torch.no_grad():
        found = network.above(cut)(network.below(cut)({"samples": tokens}))["pooled"]
        torch.testing.assert_close(found, network(tokens))


def test_padding_changes_nothing(tokens: torch.Tensor) -> None:
    network = build("minilm_l6", seed=1).eval()
    longer = torch.nn.functional.pad(tokens, (0, 24))
    with torch.no_grad():
        torch.testing.assert_close(network(longer), network(tokens), atol=1e-5, rtol=0)
        nothing = network(torch.zeros(1, 16, dtype=torch.long))
    assert torch.equal(nothing, torch.zeros(1, 384))
