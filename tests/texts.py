"""A tokenizer of a few words: tiny, real, and read by eye."""

from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "mail", "##s", "very")


def write_tokenizer(folder: Path, words: tuple[str, ...] = WORDS) -> Path:
    """tokenizer.json in `folder`: word pieces, lower case, [CLS] … [SEP]; with padding to 9, which we undo."""
    vocabulary = {word: number for number, word in enumerate(words)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if "[SEP]" in vocabulary:
        made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.add_special_tokens([word for word in words if word.startswith("[")])
    made.enable_padding(length=9)
    made.enable_truncation(9)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(made.to_str())
    return folder
