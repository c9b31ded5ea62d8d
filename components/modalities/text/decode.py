"""Texts.

What happens to a stored text: it is UTF-8 (a byte-order mark is dropped; anything else is refused), it is not
empty, and the tokenizer of the checkpoint cuts it to the first `task.input_size` tokens, its marks included. Token ids
are padded to the next of SIZES, at most to `task.input_size`, so that texts of like lengths share a batch of a fixed
shape.
"""

import hashlib
import itertools
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from components.errors import CheckpointError, DataError, ParamsError
from components.modalities.base import Inspection, Sample, Signature, Vocabulary, Whole
from components.params.backbone import InputSpec, TextSpec
from components.params.data import Limits
from components.params.task import AugmentParams, TaskParams

VERSION = 1  # to be raised when any token that leaves this file changes
TOKENIZER = "tokenizer.json"
MAX_CHARACTERS = 10_000_000
HALF = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")  # of a surrogate pair
SIZES = (16, 32, 64, 128, 256, 512, 1024)
PADDING, UNKNOWN, MASK = "[PAD]", "[UNK]", "[MASK]"
THUMBNAIL_SIDE, FINGERPRINT_BITS = 64, 64
WORD = re.compile(r"\w+")
SIGNATURE = Signature(
    name="tokens",
    dtype="int64",
    axes=("batch", "tokens"),
    example=(2, 24),
    largest=((32, 512),),
    typical=(128,),
    values=1000,
)

Tokens = npt.NDArray[np.int64]


class Known(nn.Module):
    """Token ids (B, L) → the same, those outside the vocabulary as [UNK]: no id reads foreign memory."""

    def __init__(self, vocabulary: int, unknown: int) -> None:
        super().__init__()
        self.vocabulary, self.unknown = vocabulary, unknown

    def forward(self, tokens: Tensor) -> Tensor:
        known = (tokens >= 0) & (tokens < self.vocabulary)
        return torch.where(known, tokens, torch.full_like(tokens, self.unknown))


class Modality(Whole):
    """See components.modalities.base.Modality for what each member promises."""

    assets: Sequence[str] = (TOKENIZER,)
    varying: Mapping[int, str] = MappingProxyType({1: "tokens"})

    def __init__(
        self,
        params: TaskParams,
        spec: InputSpec | None = None,
        augment: AugmentParams | None = None,
        assets: Path | None = None,
    ) -> None:
        self._augment = augment or AugmentParams(views=1)
        self._spec = spec if isinstance(spec, TextSpec) else None
        self._size = params.input_size or (self._spec.size if self._spec else None)
        # No sample is longer than that, and the network may have no positions for more.
        longest = min(SIGNATURE.typical[0], self._size or SIGNATURE.typical[0])
        self.signature = replace(SIGNATURE, typical=(longest,))
        self._json = b"" if assets is None else _read(assets / TOKENIZER)
        self._tokenizer = None if assets is None else _tokenizer(self._json, self._needs_size())
        added = self._tokenizer.get_added_tokens_decoder() if self._tokenizer else {}
        self._marks = np.array(sorted(added), dtype=np.int64)  # [CLS], [SEP], [PAD] and the like

    @property
    def views(self) -> Sequence[str]:
        return tuple(str(view) for view in range(self._augment.views))

    @property
    def vocabulary(self) -> Vocabulary:
        if self._spec is None:
            raise ParamsError("This modality was loaded without a backbone's input.")
        mask = _number(self._needs_tokenizer(), MASK)
        return Vocabulary(self._spec.vocabulary, mask, tuple(self._marks.tolist()))

    def view_digest(self, view: int) -> str:
        self._needs_tokenizer()
        described: dict[str, object] = {
            "modality": "text",
            "version": VERSION,
            "size": self._needs_size(),
            "tokenizer": hashlib.sha256(self._json).hexdigest(),
        }
        if view > 0:
            described["augment"] = {"word_dropout": self._augment.word_dropout}
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    def decode(self, payload: bytes) -> Tokens:
        ids = self._needs_tokenizer().encode(read_text(payload, MAX_CHARACTERS)).ids
        return _padded(ids, min(next(s for s in SIZES if s >= len(ids)), self._needs_size()))

    def inspect(self, payload: bytes, limits: Limits) -> Inspection:
        if limits.max_characters > MAX_CHARACTERS:
            raise ParamsError(
                f"data.limits.max_characters is {limits.max_characters}; what runs a release reads at most "
                f"{MAX_CHARACTERS}."
            )
        text = read_text(payload, limits.max_characters)
        words = WORD.findall(text.lower())
        facts = {"characters": len(text), "words": len(words)}
        pieces = _pieces(words or [text])
        return Inspection(facts, _fingerprint(pieces), _thumbnail(pieces))

    def compact(self, sample: Sample) -> Tokens:
        return _padded(sample.tolist(), self._needs_size())

    def augment(self, sample: Sample, view: int, sample_id: str) -> Tokens:
        """Word dropout (Iyyer et al., ACL 2015): each token but the marks is hidden with a probability."""
        tokens = np.asarray(sample, dtype=np.int64)
        if view == 0:
            return tokens
        key = hashlib.sha256(f"{sample_id}/{view}".encode()).digest()[:16]
        draws = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little"))).random(len(tokens))
        tokenizer = self._needs_tokenizer()
        hidden = (draws < self._augment.word_dropout) & ~np.isin(tokens, self._marks)
        return np.where(hidden, _number(tokenizer, MASK), tokens)

    def preprocessor(self) -> nn.Module:
        if self._spec is None:
            raise ParamsError("This modality was loaded without a backbone's input.")
        return Known(self._spec.vocabulary, _number(self._needs_tokenizer(), UNKNOWN)).eval()

    def preview(self, sample: Sample, side: int) -> None:
        return None

    def words(self, sample: Sample) -> Sequence[str]:
        tokenizer = self._needs_tokenizer()
        pieces = [tokenizer.id_to_token(int(i)) or UNKNOWN for i in sample]
        hidden = np.isin(sample, self._marks) & (sample != _number(tokenizer, UNKNOWN))
        return ["" if gone else _shown(piece) for piece, gone in zip(pieces, hidden, strict=True)]

    def _needs_size(self) -> int:
        if self._size is None:
            raise ParamsError(
                "This modality was loaded to inspect samples only: it knows no backbone's input."
            )
        return self._size

    def _needs_tokenizer(self) -> Tokenizer:
        if self._tokenizer is None:
            raise ParamsError("This modality was loaded to inspect samples only: it has no tokenizer.")
        return self._tokenizer


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.", "Run: dvc repro") from None


def _tokenizer(described: bytes, size: int) -> Tokenizer:
    """The checkpoint's tokenizer, cut to `size` and without padding: that is done here."""
    try:
        made = Tokenizer.from_str(described.decode())
    except Exception as error:  # the library raises plain Exception
        raise CheckpointError(f"{TOKENIZER} is not a tokenizer: {error}.") from None
    absent = [mark for mark in (PADDING, UNKNOWN, MASK) if made.token_to_id(mark) is None]
    if absent or made.token_to_id(PADDING) != 0:
        raise CheckpointError(f"{TOKENIZER} has no {', '.join(absent) or '[PAD] as number 0'}.")
    made.no_padding()
    made.enable_truncation(max_length=size)
    return made


def _shown(piece: str) -> str:
    """A piece with the space before it: those that go on with a word have none."""
    return piece.removeprefix("##") if piece.startswith("##") else f" {piece}"


def _number(tokenizer: Tokenizer, mark: str) -> int:
    found = tokenizer.token_to_id(mark)
    assert found is not None  # looked at when it was opened
    return int(found)


def read_text(payload: bytes, most: int) -> str:
    if len(payload) > 4 * most:
        raise DataError(f"{len(payload)} bytes are more than the {most} characters allowed")
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(_not_utf8(payload, error.start)) from None
    if len(text) > most:
        raise DataError(f"{len(text)} characters are more than the {most} allowed")
    if not text.strip():
        raise DataError("is empty")
    if "\0" in text:
        raise DataError("holds NUL characters: it is not a text")
    return text


def _not_utf8(payload: bytes, at: int) -> str:
    """JSON can hold half of a surrogate pair, which no encoding of a text can."""
    if half := HALF.match(payload, at):
        return f"holds half of a character, {half[0].decode('utf-8', 'surrogatepass')!a} at byte {at}"
    return f"is not UTF-8: byte {at} is 0x{payload[at]:02x}"


def _padded(ids: Sequence[int], size: int) -> Tokens:
    """(size,) with 0 behind; what is longer is cut."""
    out = np.zeros(size, dtype=np.int64)
    out[: min(len(ids), size)] = ids[:size]
    return out


def _pieces(words: Sequence[str]) -> npt.NDArray[np.uint32]:
    """Hashes of all words and pairs of neighbours."""
    pairs = [f"{a} {b}" for a, b in itertools.pairwise(words)]
    return np.array([zlib.crc32(piece.encode()) for piece in [*words, *pairs]], dtype=np.uint32)


def _fingerprint(pieces: npt.NDArray[np.uint32]) -> int:
    """SimHash (Charikar, STOC 2002), 64 bits: the sign, bit by bit, of the sum over all pieces' bits as ±1."""
    # Two multiplicative hashes spread 32 bits to 64.
    wide = pieces.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    wide ^= wide >> np.uint64(29)
    bits = (wide[:, None] >> np.arange(FINGERPRINT_BITS, dtype=np.uint64)) & np.uint64(1)
    ahead = bits.astype(np.int64).sum(axis=0) * 2 > len(pieces)
    return int.from_bytes(np.packbits(ahead).tobytes(), "big")


def _thumbnail(pieces: npt.NDArray[np.uint32]) -> npt.NDArray[np.float32]:
    """Counts of pieces in 64 × 64 buckets, centred and of unit length: the product of two is their cosine."""
    counts = np.bincount(pieces % THUMBNAIL_SIDE**2, minlength=THUMBNAIL_SIDE**2).astype(np.float64)
    centred = counts - counts.mean()
    norm = float(np.linalg.norm(centred))
    thumbnail: npt.NDArray[np.float32] = (centred / max(norm, 1e-12)).astype(np.float32)
    return thumbnail.reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
