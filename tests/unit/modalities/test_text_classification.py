"""Texts: what is read, what is refused, what the network sees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from classified import described
from hypothesis import given
from hypothesis import strategies as st
from texts import WORDS, write_tokenizer

from components.errors import CheckpointError, DataError, ParamsError
from components.modalities.text.baseline import Tfidf
from components.modalities.text.decode import MASK, SIZES, Modality
from components.params.backbone import TextSpec
from components.params.data import Limits
from components.params.task import AugmentParams, TaskParams
from components.problems.classification.baseline import Baseline

PARAMS = TaskParams(modality="text")
SPEC = TextSpec(size=32, vocabulary=len(WORDS))


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tokenizer(tmp_path_factory.mktemp("assets"))


@pytest.fixture(scope="module")
def modality(assets: Path) -> Modality:
    return Modality(PARAMS, SPEC, None, assets)


def test_a_text_is_its_tokens_padded_to_the_next_size(modality: Modality) -> None:
    """[CLS] very bad mail ##s [SEP]: 2 9 6 7 8 3."""
    assert modality.decode(b"Very bad MAILS").tolist() == [2, 9, 6, 7, 8, 3, *[0] * 10]
    words = modality.words(modality.decode(b"Odd mails"))
    assert words[:6] == ["", " [UNK]", " mail", "s", "", ""]
    assert "".join(words) == " [UNK] mails"


def test_a_long_text_is_cut_and_ends_with_its_mark(modality: Modality) -> None:
    tokens = modality.decode(b"good " * 500)
    assert len(tokens) == 32
    assert tokens[-1] == 3


@given(st.integers(1, 60))
def test_sizes_are_few_and_compact_samples_have_one(modality: Modality, words: int) -> None:
    payload = b"bad " * words
    tokens = modality.decode(payload)
    assert len(tokens) in SIZES
    compact = modality.compact(tokens)
    assert compact.shape == (32,)
    assert compact[: len(tokens)].tolist() == tokens.tolist()[:32]


def test_no_text_is_longer_than_its_input_size_whichever_that_is(tmp_path: Path) -> None:
    """48 lies between two of SIZES."""
    params = TaskParams(modality="text", input_size=48)
    modality = Modality(params, SPEC, None, write_tokenizer(tmp_path))
    tokens = modality.decode(b"bad " * 40)
    assert (len(tokens), modality.compact(tokens).tolist()) == (48, tokens.tolist())
    assert len(modality.decode(b"bad " * 20)) == 32


def test_speed_is_measured_on_no_longer_text_than_the_network_takes(assets: Path) -> None:
    for asked, typical in ((16, 16), (None, SPEC.size), (512, 128)):
        params = PARAMS.model_copy(update={"input_size": asked})
        assert Modality(params, SPEC, None, assets).signature.typical == (typical,)
    assert Modality(PARAMS).signature.typical == (128,)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"caf\xe9", "is not UTF-8: byte 3 is 0xe9"),
        (b"caf\xed", "is not UTF-8: byte 3 is 0xed"),
        ("so \ud83d".encode(errors="surrogatepass"), r"holds half of a character, '\\ud83d' at byte 3"),
        (b"a\0b", "NUL"),
        ("é".encode() * 21, "21 characters are more than the 20"),
        (b"x" * 81, "81 bytes are more than the 20 characters"),
    ],
)
def test_what_is_no_text_is_refused_with_its_reason(payload: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Modality(PARAMS).inspect(payload, Limits(max_characters=20))


def test_limits_beyond_what_a_release_reads_are_refused() -> None:
    with pytest.raises(ParamsError, match="reads at most 10000000"):
        Modality(PARAMS).inspect(b"good", Limits(max_characters=10_000_001))


def test_inspection_counts_and_finds_copies() -> None:
    texts = [b"the quick brown fox jumps over the lazy dog near the old river bank today " * 3]
    texts += [
        texts[0].replace(b"today", b"tonight", 1),
        b"completely different words about mail and spam filters " * 4,
    ]
    one, near, other = (Modality(PARAMS).inspect(text, Limits()) for text in texts)
    assert one.facts == {"characters": len(texts[0]), "words": 45}
    assert np.linalg.norm(one.thumbnail) == pytest.approx(1, abs=1e-5)
    assert (one.fingerprint ^ near.fingerprint).bit_count() <= 6
    assert float((one.thumbnail * near.thumbnail).sum()) > 0.98
    assert (one.fingerprint ^ other.fingerprint).bit_count() > 12
    assert float((one.thumbnail * other.thumbnail).sum()) < 0.5


def test_word_dropout_hides_words_and_no_marks(assets: Path) -> None:
    made = Modality(PARAMS, SPEC, AugmentParams(views=3, word_dropout=0.5), assets)
    tokens = made.decode(b"good bad mail very good bad mail very good bad")
    views = [made.augment(tokens, view, "id") for view in range(3)]
    assert views[0].tolist() == tokens.tolist()
    hidden = WORDS.index(MASK)
    for view in views[1:]:
        changed = view != tokens
        assert 0 < changed.sum() < 10
        assert set(view[changed]) == {hidden}
        assert view[[0, 11]].tolist() == [2, 3]
    assert views[1].tolist() != views[2].tolist()
    assert made.augment(tokens, 1, "id").tolist() == views[1].tolist()


def test_ids_outside_the_vocabulary_are_unknown_words(modality: Modality) -> None:
    seen = modality.preprocessor()(torch.tensor([[2, 10**12, -5, 7, 3, 0]]))
    assert seen.tolist() == [[2, 1, 1, 7, 3, 0]]


def test_the_digest_names_tokenizer_and_size(modality: Modality, assets: Path, tmp_path: Path) -> None:
    longer = Modality(TaskParams(modality="text", input_size=64), SPEC, None, assets)
    fewer = Modality(PARAMS, SPEC, None, write_tokenizer(tmp_path, WORDS[:-1]))
    assert len({made.view_digest(0) for made in (modality, longer, fewer)}) == 3
    dropped = [Modality(PARAMS, SPEC, AugmentParams(word_dropout=p), assets) for p in (0.1, 0.2)]
    assert dropped[0].view_digest(0) == dropped[1].view_digest(0) == modality.view_digest(0)
    assert dropped[0].view_digest(1) != dropped[1].view_digest(1)


def test_a_tokenizer_that_is_none_or_lacks_its_marks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        Modality(PARAMS, SPEC, None, tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="is not a tokenizer"):
        Modality(PARAMS, SPEC, None, tmp_path)
    words = tuple(word for word in WORDS if word != MASK)
    with pytest.raises(CheckpointError, match=r"has no \[MASK\]"):
        Modality(PARAMS, SPEC, None, write_tokenizer(tmp_path, words))


def test_tfidf_tells_two_vocabularies_apart_and_keeps_no_pickle() -> None:
    payloads = [b"cheap pills buy now"] * 8 + [b"meeting notes for monday"] * 8
    targets = np.repeat([0, 1], 8)
    tfidf, linear = Tfidf(), Baseline(described(3))
    words = tfidf.fit(payloads)
    features = tfidf.features(words, payloads)
    model = linear.fit(features, targets, seed=0)
    for found, again in ((words, tfidf.fit(payloads)), (model, linear.fit(features, targets, seed=0))):
        assert found.keys() == again.keys()
        for name, array in found.items():
            assert array.dtype != object  # plain numbers: nothing that is unpickled
            np.testing.assert_array_equal(array, again[name])
    unseen = [b"buy cheap pills", b"notes of a meeting", b"unheard words"]
    answers = linear.answers(model, tfidf.features(words, unseen))
    assert answers.shape == (3, 3)
    np.testing.assert_allclose(answers.sum(axis=1), 1)
    assert answers[:2].argmax(axis=1).tolist() == [0, 1]
    assert answers[:, 2].tolist() == [0, 0, 0]  # a class without training samples
    assert answers[2, :2] == pytest.approx([0.5, 0.5], abs=0.05)
