"""What is measured of samples, by hand; every modality has its own."""

from pathlib import Path

import numpy as np
import pytest
from texts import WORDS, write_tokenizer

from components.modalities import load_modality, statistics
from components.params.backbone import TextSpec
from components.params.task import TaskParams


def test_an_image_by_hand() -> None:
    """3 × 3 black pixels and one white one in the middle: mean 255/9; the Laplacian is -4, 1 or 0 times 255."""
    pixels = np.zeros((3, 3, 3), dtype=np.uint8)
    pixels[1, 1] = 255
    found = statistics(TaskParams())(load_modality(TaskParams()), pixels)
    grey = np.array([255.0] + [0.0] * 8)
    laplacian = np.array([-4.0, 1, 1, 1, 1, 0, 0, 0, 0]) * 255
    expected = {"brightness": grey.mean(), "contrast": grey.std(), "sharpness": laplacian.var()}
    assert found == pytest.approx({**expected, "width": 3, "height": 3}, rel=1e-5)


def test_a_text_by_hand(tmp_path: Path) -> None:
    """`Odd mails mails` is [UNK] mail ##s mail ##s: 5 pieces of 3 words, one unknown; padding does not count."""
    params = TaskParams(modality="text")
    spec = TextSpec(size=32, vocabulary=len(WORDS))
    modality = load_modality(params, spec, assets=write_tokenizer(tmp_path))
    found = statistics(params)(modality, modality.decode(b"Odd mails mails"))
    assert found == pytest.approx({"tokens": 5, "unknown": 1 / 5, "pieces a word": 5 / 3})
