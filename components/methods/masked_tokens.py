"""Masked tokens: hidden words are guessed from those around them.

Devlin, Chang, Lee, Toutanova: BERT, NAACL 2019, section 3.1, task 1: of the words (marks and padding are none), each
is asked for with probability `pretrain.masked`. Of those, 80 % are shown as [MASK], 10 % as a random word, 10 % as they
are. With t the state of a position that is asked for, the loss is cross-entropy of the word that was there under

    softmax(E · norm(gelu(W t + b)) + c)          E: the input embedding, (vocabulary, width)

The checkpoints here hold no such head. So W, b and c start afresh, and E is the network's own input embedding ("tied":
Press & Wolf, EACL 2017), which learns only where all blocks do. Each text is asked for one word at least, and is masked
again in each epoch; a text without words is left out. Masking is at the input, so nothing comes from the sample store:
all layers run, the last `pretrain.blocks` learn.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.errors import DataError
from components.methods.pretraining import Given, Posed, Pretraining, Words, seeded
from components.methods.samples import Asked, Indices, Samples, alone

HIDDEN, RANDOM = 0.8, 0.1
READ = 256  # texts that are looked at together


class MaskedTokens(Pretraining):
    """Answers 'what is learned beforehand?': which words go together here."""

    tokens = True

    def pose(self, given: Given) -> Posed:
        words = given.words
        assert words is not None, "needs are checked before any work"
        train, validation = (
            Masked(samples, words, self._params.masked, given.seed)
            for samples in (given.train, given.validation)
        )
        return Posed(train, validation, seeded(given.seed, lambda: Guess(words.embedding)))


class Masked(Asked):
    """Texts (B, L) become (B, 2, L) int64: what is shown, and 1 where a word is asked for."""

    def __init__(self, samples: Samples, words: Words, share: float, seed: int) -> None:
        super().__init__(samples)
        self._words, self._share, self._seed = words, share, seed
        self._marks = np.array(words.marks)
        self._worded = self._with_words()

    def take(self, indices: Indices, epoch: int) -> Tensor:
        rows = [self._masked(*each, epoch) for each in self._each(indices)]
        return torch.from_numpy(np.stack([np.stack(row) for row in rows]))

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        """The words that were hidden, text after text, (M,)."""
        hidden = [text[self._masked(text, index, epoch)[1] == 1] for text, index in self._each(indices)]
        return torch.from_numpy(np.concatenate(hidden))

    def shuffled(self, seed: int, epoch: int, size: int) -> Sequence[Indices]:
        return self._asked(super().shuffled(seed, epoch, size))

    def in_turn(self, size: int) -> Sequence[Indices]:
        return self._asked(super().in_turn(size))

    def _asked(self, batches: Sequence[Indices]) -> list[Indices]:
        """Less the texts of which nothing can be asked."""
        left = (batch[self._worded[batch]] for batch in batches)
        return [batch for batch in left if len(batch)]

    def _with_words(self) -> npt.NDArray[np.bool_]:
        """(N,), whether a text has a word."""
        found = np.zeros(len(self._samples.targets), dtype=bool)
        for batch in self._samples.in_turn(READ):
            found[batch] = ~np.isin(alone(self._samples.take(batch, 0)).numpy(), self._marks).all(axis=1)
        if not found.any():
            raise DataError(
                f"pretrain.method 'masked_tokens': none of {len(found)} texts of a split holds a word.",
                "Check the texts, or set pretrain.method: none.",
            )
        return found

    def _each(self, indices: Indices) -> list[tuple[Indices, int]]:
        texts = alone(self._samples.take(indices, 0)).numpy().astype(np.int64)
        return list(zip(texts, indices.tolist(), strict=True))

    def _masked(self, text: Indices, index: int, epoch: int) -> tuple[Indices, Indices]:
        """What is shown of one text (L,), and where it is asked for."""
        source = np.random.default_rng([self._seed, 4, epoch, index])
        draws, ways = source.random(len(text)), source.random(len(text))
        words = source.integers(self._words.size, size=len(text))
        draws[np.isin(text, self._marks)] = 2
        asked: npt.NDArray[np.bool_] = draws < self._share
        asked[draws.argmin()] = True
        shown = np.where(asked & (ways < HIDDEN), self._words.mask, text)
        shown = np.where(asked & (ways >= HIDDEN) & (ways < HIDDEN + RANDOM), words, shown)
        return shown, asked.astype(np.int64)


class Guess(nn.Module):
    """States (M, width) → logits (M, vocabulary)."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        width = embedding.embedding_dim
        self.transform = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))
        # In a tuple, it is the backbone's parameter alone, and learns or rests with it.
        self._tied = (embedding,)

    def forward(self, states: Tensor) -> Tensor:
        guessed: Tensor = self.transform(states)
        return guessed @ self._tied[0].weight.T + self.bias
