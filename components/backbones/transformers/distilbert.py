"""DistilBERT: half of BERT's layers, distilled, without kinds of tokens (Sanh et al., arXiv:1910.01108).

Features are the mean over the tokens.
"""

from transformers import DistilBertModel

from components.backbones.base import Backbone
from components.backbones.bert import Embeddings, encoder
from components.backbones.from_transformers import texts


def chain(model: DistilBertModel) -> Backbone:
    """Embeddings, `n_layers` blocks, mean."""
    held = model.embeddings
    embeddings = Embeddings(held.word_embeddings, held.position_embeddings, held.LayerNorm)
    return encoder(embeddings, model.transformer.layer, model.config.dim)


FAMILY = texts(DistilBertModel, chain)
