import io
import struct
import warnings
import zlib

import numpy as np
import onnxruntime as ort
import pytest
import torch
from PIL import Image, ImageOps, PngImagePlugin

from components.errors import DataError, ParamsError
from components.modalities import load_modality
from components.modalities.base import Modality
from components.params.backbone import ImageSpec
from components.params.data import Limits
from components.params.task import AugmentParams, TaskParams

SPEC = ImageSpec(32, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))


def with_bits(bits: int | None) -> TaskParams:
    return TaskParams.model_validate({"bits": bits})


def modality(**augment: object) -> Modality:
    return load_modality(TaskParams(), SPEC, AugmentParams.model_validate(augment))


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr"])
def test_every_plain_mode_becomes_three_channels(mode: str) -> None:
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    decoded = modality().decode(encode(Image.new("RGB", (5, 4), "white").convert(mode), kind))
    assert decoded.shape == (4, 5, 3)
    assert decoded.dtype == np.uint8
    assert decoded.min() >= 250


def test_grey_is_repeated_exactly() -> None:
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    decoded = modality().decode(encode(Image.fromarray(grey)))
    assert all((decoded[:, :, channel] == grey).all() for channel in range(3))


def test_transparency_lies_over_white() -> None:
    pixels = np.zeros((1, 3, 4), dtype=np.uint8)
    pixels[0, :, 3] = [0, 255, 51]  # black: invisible, opaque, one fifth
    decoded = modality().decode(encode(Image.fromarray(pixels, "RGBA")))
    assert decoded[0, :, 0].tolist() == [255, 0, 204]


def test_sixteen_bits_keep_their_upper_half() -> None:
    deep = np.array([[0, 255, 256, 65535]], dtype=np.uint16)
    assert modality().decode(encode(Image.fromarray(deep)))[0, :, 1].tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_used_bits_are_measured_and_spread_over_all_levels(bits: int) -> None:
    ramp = np.linspace(0, 2**bits - 1, 1024).astype(np.uint16).reshape(32, 32)
    whole = encode(Image.fromarray(ramp))
    told = load_modality(with_bits(bits), SPEC)
    assert (
        told.inspect(whole, Limits()).facts["bits"]
        == modality().inspect(whole, Limits()).facts["bits"]
        == bits
    )
    assert len(np.unique(told.decode(whole))) == 256
    assert (told.decode(whole)[:, :, 0] == ramp >> (bits - 8)).all()
    assert len(np.unique(modality().decode(whole))) == 2 ** (bits - 8)
    assert told.view_digest(0) != modality().view_digest(0)
    assert load_modality(with_bits(16), SPEC).view_digest(0) == modality().view_digest(0)


def test_what_is_brighter_than_the_used_bits_is_white() -> None:
    deep = np.array([[4095, 4096, 65535]], dtype=np.uint16)
    assert load_modality(with_bits(12)).decode(encode(Image.fromarray(deep)))[0, :, 0].tolist() == [255] * 3


def test_a_deep_pgm_is_16_bit_grey_whose_white_is_told_by_the_file() -> None:
    values = np.array([[0, 2048, 4095]], dtype=">u2")
    assert modality().decode(b"P5\n3 1\n4095\n" + values.tobytes())[0, :, 0].tolist() == [0, 128, 255]


def test_eight_bit_pictures_do_not_depend_on_the_used_bits() -> None:
    whole = encode(Image.fromarray(noise(6, 5)))
    assert np.array_equal(load_modality(with_bits(10)).decode(whole), modality().decode(whole))


def deep_colour(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, which Pillow cannot write."""
    height, width, _ = values.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    mark = b"\x89PNG\r\n\x1a\n"
    return mark + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_used_bits_of_deep_colour_are_measured_too() -> None:
    dark, bright = np.full((2, 2, 3), 4095), np.full((2, 2, 3), 65535)
    assert [modality().inspect(deep_colour(v), Limits()).facts["bits"] for v in (dark, bright)] == [12, 16]


def test_floats_are_refused() -> None:
    with pytest.raises(DataError, match="mode F"):
        modality().decode(encode(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"))


def test_orientation_of_the_camera_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    picture = np.zeros((2, 3, 3), dtype=np.uint8)
    picture[0, 0] = 255
    decoded = modality().decode(encode(Image.fromarray(picture), exif=exif))
    assert decoded.shape == (3, 2, 3)
    assert decoded[0, 1, 0] == 255


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow says that the EXIF is damaged
def test_no_tag_beside_the_orientation_makes_a_picture_unreadable() -> None:
    """Each byte of the EXIF is damaged in turn: tags get other types, lengths and places."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72
    whole = encode(Image.fromarray(noise(8, 4)), "JPEG", exif=exif)
    upright = modality().decode(whole)
    stored = np.asarray(Image.open(io.BytesIO(whole)))
    ways = [np.rot90(side, quarter) for side in (stored, stored[::-1]) for quarter in range(4)]
    assert np.array_equal(upright, ways[3])
    begin = whole.index(b"Exif\0\0") + 6
    for place in range(begin, begin + len(exif.tobytes()) - 6):
        for value in (7, 50, 241):
            found = modality().decode(whole[:place] + bytes([value]) + whole[place + 1 :])
            assert any(np.array_equal(found, way) for way in ways)


def test_a_tag_of_a_wrong_type_leaves_the_orientation_valid() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72
    whole = encode(Image.fromarray(noise(8, 4)), "JPEG", exif=exif)
    upright = modality().decode(whole)
    at = whole.index(b"\x01\x1a\x00\x05") + 3  # XResolution, a fraction, becomes a text
    odd = whole[:at] + b"\x02" + whole[at + 1 :]
    assert np.array_equal(modality().decode(odd), upright)
    assert upright.shape == (4, 8, 3)


def test_exif_that_cannot_be_read_at_all_is_a_reason_and_no_crash() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encode(Image.fromarray(noise(8, 4)), "WEBP", exif=exif)
    at = whole.index(b"EXIF") + 8
    with pytest.raises(DataError, match="EXIF is damaged"):
        modality().decode(whole[:at] + b"??" + whole[at + 2 :])


@pytest.mark.parametrize("turn", [1, 2, 3, 4, 5, 6, 7, 8])
def test_all_eight_orientations_are_those_of_pillow(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    whole = encode(Image.fromarray(noise(5, 3)), "PNG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(whole))))
    assert np.array_equal(modality().decode(whole), expected)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"\xff\x0a\x00", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    ],
)
def test_pictures_of_other_formats_say_how_to_convert_them(head: bytes, name: str) -> None:
    with pytest.raises(DataError, match=f"it is {name}, which is not read; convert it to PNG or JPEG"):
        modality().decode(head + bytes(64))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_cut_file_is_refused(kind: str, share: float) -> None:
    whole = encode(Image.fromarray(noise(64, 64)), kind)
    with pytest.raises(DataError, match="cannot be decoded"):
        modality().decode(whole[: int(len(whole) * share)])


def test_other_formats_are_refused() -> None:
    with pytest.raises(DataError, match="cannot be decoded"):
        modality().decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")


def test_a_wrong_checksum_is_found() -> None:
    whole = bytearray(encode(Image.fromarray(noise(8, 8))))
    whole[whole.index(b"IDAT") - 5] ^= 1  # last byte of the header's checksum
    with pytest.raises(DataError, match="cannot be decoded"):
        modality().inspect(bytes(whole), Limits())


def test_pixels_are_counted_before_decoding() -> None:
    whole = encode(Image.new("L", (300, 200)))
    with pytest.raises(DataError, match="300×200 pixels are more than the 59999 allowed"):
        modality().inspect(
            whole[:60], Limits(max_pixels=59_999)
        )  # cut: decoding would have said something else


def test_a_bomb_is_refused() -> None:
    whole = bytearray(encode(Image.new("1", (1, 1))))
    whole[16:24] = (100_000).to_bytes(4, "big") * 2
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    with pytest.raises(DataError, match="more than the 50000000 pixels"):
        modality().decode(bytes(whole))


def test_a_text_bomb_is_refused() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("a", "x" * 2_000_000, zip=True)
    with pytest.raises(DataError, match="cannot be decoded"):
        modality().decode(encode(Image.new("L", (4, 4)), pnginfo=info))


def test_inspection_says_what_was_stored() -> None:
    found = modality().inspect(encode(Image.fromarray(noise(20, 30)).convert("L")), Limits())
    assert found.facts == {"width": 30, "height": 20, "mode": "L", "bits": 8}
    assert found.thumbnail.shape == (64, 64)
    assert np.linalg.norm(found.thumbnail) == pytest.approx(1, abs=1e-6)
    assert abs(found.thumbnail.sum()) < 1e-3


def test_reencoding_keeps_the_fingerprint_near_and_the_correlation_high() -> None:
    smooth = Image.fromarray(noise(9, 9, 3)).resize((90, 90), Image.Resampling.BICUBIC)
    one, two = (modality().inspect(encode(smooth, kind), Limits()) for kind in ("PNG", "JPEG"))
    third = Image.fromarray(noise(9, 9, 4)).resize((90, 90), Image.Resampling.BICUBIC)
    other = modality().inspect(encode(third), Limits())
    assert (one.fingerprint ^ two.fingerprint).bit_count() <= 4
    assert float((one.thumbnail * two.thumbnail).sum()) > 0.98
    assert (one.fingerprint ^ other.fingerprint).bit_count() > 12


def test_a_flat_picture_correlates_with_nothing() -> None:
    assert not modality().inspect(encode(Image.new("L", (10, 10), 7)), Limits()).thumbnail.any()


def test_view_zero_is_the_sample_itself() -> None:
    sample = noise(10, 12)
    assert modality().augment(sample, 0, "a") is sample


def test_views_are_a_function_of_sample_and_number() -> None:
    sample = noise(40, 40)
    made = {
        (view, name): modality().augment(sample, view, name).tobytes() for view in (1, 2) for name in "ab"
    }
    again = modality(views=9).augment(sample, 2, "b").tobytes()
    assert len(set(made.values())) == 4
    assert made[2, "b"] == again


def test_augmentation_does_not_change_between_versions() -> None:
    sample = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    view = modality(flips=True, quarter_turns=True, shift=0.2).augment(sample, 1, "sample")
    assert view[0, :4, 0].tolist() == [1, 1, 4, 7]


def test_without_parameters_nothing_changes() -> None:
    sample = noise(11, 7)
    view = modality(flips=False, shift=0, brightness=0, contrast=0).augment(sample, 3, "x")
    assert (view == sample).all()


def test_flips_and_turns_only_move_pixels() -> None:
    sample = noise(6, 9)
    for view in range(1, 12):
        turned = modality(quarter_turns=True, shift=0, brightness=0, contrast=0).augment(sample, view, "x")
        assert sorted(turned.shape) == sorted(sample.shape)
        assert sorted(turned.ravel()) == sorted(sample.ravel())


def test_a_shift_mirrors_the_edge() -> None:
    sample = np.repeat(np.arange(10, dtype=np.uint8)[None, :, None], 3, axis=2)
    rows = set()
    for view in range(1, 30):
        row = modality(flips=False, shift=0.3, brightness=0, contrast=0).augment(sample, view, "x")[0, :, 0]
        rows.add(tuple(row.tolist()))
    assert (1, 0, 0, 1, 2, 3, 4, 5, 6, 7) in rows
    assert (1, 2, 3, 4, 5, 6, 7, 8, 9, 9) in rows


def test_light_keeps_the_mean_where_only_contrast_changes() -> None:
    sample = noise(50, 50) // 2 + 60
    view = modality(flips=False, shift=0, brightness=0, contrast=0.3).augment(sample, 1, "x")
    assert view.std() != pytest.approx(sample.std(), rel=0.01)
    assert view.mean() == pytest.approx(sample.mean(), abs=0.6)


def test_the_digest_of_the_clean_view_ignores_augmentation() -> None:
    assert modality(shift=0.1).view_digest(0) == modality(shift=0.2).view_digest(0)
    assert modality(shift=0.1).view_digest(1) != modality(shift=0.2).view_digest(1)
    assert modality(views=3).view_digest(1) == modality(views=5).view_digest(2)


def test_the_digest_knows_the_input() -> None:
    digests = {
        load_modality(TaskParams(input_size=size), ImageSpec(32, (mean,) * 3, (std,) * 3)).view_digest(0)
        for size, mean, std in [(None, 1, 1), (64, 1, 1), (None, 2, 1), (None, 1, 2)]
    }
    assert len(digests) == 4


def test_params_may_override_the_size() -> None:
    made = load_modality(TaskParams(input_size=48), SPEC)
    assert made.compact(noise(5, 5)).shape == (48, 48, 3)
    assert made.preprocessor()(torch.zeros(1, 5, 5, 3, dtype=torch.uint8)).shape == (1, 3, 48, 48)


def test_without_an_input_there_is_no_preprocessor() -> None:
    with pytest.raises(ParamsError, match="inspect samples only"):
        load_modality(TaskParams()).preprocessor()


def test_the_preprocessor_normalises() -> None:
    flat = torch.full((2, 50, 20, 3), 191, dtype=torch.uint8)
    out = modality().preprocessor()(flat)
    assert out.shape == (2, 3, 32, 32)
    assert torch.allclose(out, torch.full_like(out, 0.5), atol=1e-5)


def test_the_preprocessor_averages_when_it_shrinks() -> None:
    """Antialiased halving weighs the four nearest columns 1/8, 3/8, 3/8, 1/8 (a triangle of width 4)."""
    image = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    image[:, :, 32] = 128
    row = modality().preprocessor()(image)[0, 0, 16] * 128 + 127
    assert row[15:18].tolist() == pytest.approx([16, 48, 0], abs=1e-3)


def test_the_exported_preprocessor_gives_the_same_numbers() -> None:
    module = modality().preprocessor()
    axes = {i: torch.export.Dim(name) for i, name in enumerate(("batch", "height", "width"))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, (torch.zeros(2, 40, 50, 3, dtype=torch.uint8),), dynamo=True, opset_version=20,
            input_names=["image"], dynamic_shapes={"image": axes}, verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    resize = next(node for node in model.graph.node if node.op_type == "Resize")
    assert next(a.i for a in resize.attribute if a.name == "antialias") == 1
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for shape in [(1, 300, 300, 3), (3, 31, 77, 3), (2, 32, 32, 3), (1, 1, 1, 3)]:
        images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        expected = module(torch.from_numpy(images)).numpy()
        np.testing.assert_allclose(session.run(None, {"image": images})[0], expected, atol=1e-4)


def test_preview_keeps_the_aspect() -> None:
    assert modality().preview(noise(100, 50), 20).shape == (20, 10, 3)
