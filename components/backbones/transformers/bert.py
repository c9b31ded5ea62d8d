"""BERT and networks of its architecture: sentence encoders, encoders of other languages and fields.

Devlin et al., NAACL 2019. Features are the mean over the tokens: poolers are seldom trained.
"""

from transformers import BertModel

from components.backbones.bert import chain
from components.backbones.from_transformers import texts

FAMILY = texts(BertModel, chain, add_pooling_layer=False)
