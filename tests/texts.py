"""A tokenizer of a few words, and a release that counts one of them: tiny, real, and read by eye."""

from pathlib import Path

import numpy as np
from brightness import saying
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from components.storage.publish import sha256_bytes, write_json

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


def write_text_release(folder: Path) -> None:
    """A release of two classes: the share of the token "good", padding included, is the probability of `ham`."""
    write_tokenizer(folder)
    nodes = [
        helper.make_node("Equal", ["tokens", "good"], ["hits"]),
        helper.make_node("Cast", ["hits"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["share"], keepdims=1),
        helper.make_node("MatMul", ["share", "weight"], ["turned"]),
        helper.make_node("Add", ["turned", "bias"], ["probabilities"]),
    ]
    values = {
        "good": np.array([WORDS.index("good")]),
        "axes": np.array([1]),
        "weight": np.array([[1, -1]], dtype=np.float32),
        "bias": np.array([0, 1], dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "goodness",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    about: dict[str, object] = {
        "format": 2,
        "task": {"modality": "text", "problem": "classification", "input_size": 32},
        "input": {"name": "tokens", "type": "int64", "shape": ["batch", "tokens"]},
        "output": {"name": "probabilities", "type": "float32", "shape": ["batch", 2]},
        "columns": ["p.ham", "p.spam"],
        "target": {"problem": "classification", "classes": ["ham", "spam"]},
        "decision": {},
        "released": "fp32",
    }
    (folder / "model.onnx").write_bytes(saying(made.SerializeToString(), about))
    files = {path.name: {"sha256": sha256_bytes(path.read_bytes())} for path in folder.iterdir()}
    write_json(folder / "manifest.json", {**about, "files": files})
