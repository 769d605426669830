"""Folders of images: layout, sizes, and files that mean harm."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from neuralforge.data import load, memory
from neuralforge.errors import UserError


def save(path, size=(6, 4), mode="RGB", value=100, **options):
    """Write one image; size is height, width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (size[1], size[0]), value if mode in ("L", "I;16") else (value,) * len(mode)).save(path, **options)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "pets"
    for name, value in (("dog", 200), ("cat", 50)):
        for i in range(3):
            save(root / name / f"{i}.png", value=value + i)
    return root


def refused(root, options=None):
    with pytest.raises(UserError) as caught:
        load(str(root), options or {})
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and str(root) in message
    return message


def test_subfolders_are_classes_in_order(root):
    (root / ".hidden").mkdir()
    (root / "cat" / "notes.txt").write_text("not an image")
    (root / "read.me").write_text("not a class")
    raw = load(str(root))
    assert raw.info.classes == ("cat", "dog") and raw.info.input_shape == (3, 6, 4)
    assert raw.inputs.dtype == np.uint8 and raw.input_scale == 1 / 255
    assert raw.inputs[:, 0, 0, 0].tolist() == [50, 51, 52, 200, 201, 202] and raw.targets.tolist() == [0] * 3 + [1] * 3


def test_size_and_colour(root):
    save(root / "cat" / "9.jpg", (9, 9))
    raw = load(str(root), {"size": "5x7", "colour": "grayscale"})
    assert raw.info.input_shape == (1, 5, 7) and raw.inputs[0, 0, 2, 2] == 50


def test_grey_images_stay_grey(tmp_path):
    for name in "ab":
        for i in range(2):
            save(tmp_path / name / f"{i}.png", mode="L")
    assert load(str(tmp_path)).info.input_shape == (1, 6, 4)
    assert load(str(tmp_path), {"colour": "rgb"}).info.input_shape == (3, 6, 4)


def test_orientation_of_a_photograph_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: the left side is the top
    pixels = np.full((16, 32, 3), 250, np.uint8)
    pixels[:, :16] = 5
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.jpg", exif=exif)
    raw = load(str(tmp_path))
    assert raw.info.input_shape == (3, 32, 16)
    assert raw.inputs[:, :, :12].max() < 50 < 200 < raw.inputs[:, :, 20:].min()


def test_differing_sizes_name_both_files_and_the_way_out(root):
    save(root / "dog" / "1.png", (8, 8))
    message = refused(root)
    assert f"{root / 'cat' / '0.png'} is 6x4 and {root / 'dog' / '1.png'} is 8x8; give size=HEIGHTxWIDTH" in message


def test_class_folders(root, tmp_path):
    (root / "emu").mkdir()
    assert "emu" in refused(root) and "holds no images" in refused(root)
    save(root / "emu" / "0.png")
    assert "one image, and a class needs 2" in refused(root)
    assert "no subfolders" in refused(root / "cat")
    (tmp_path / "one").mkdir()
    (root / "cat").rename(tmp_path / "one" / "cat")
    assert "only one class ('cat')" in refused(tmp_path / "one")


@pytest.mark.parametrize(
    "content",
    [b"", b"not an image", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\x89PNG\r\n\x1a\n" + bytes(40)],
)
def test_what_is_not_an_image_is_named(root, content):
    (root / "dog" / "1.png").write_bytes(content)
    message = refused(root)
    assert message.startswith(f"{root / 'dog' / '1.png'}: the image is damaged or of an unknown format")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tif", "ppm"])
def test_every_truncated_image_is_named_or_whole(root, suffix):
    bad = root / "dog" / f"7.{suffix}"
    save(bad)
    good, whole = bad.read_bytes(), load(str(root)).inputs
    refusals = 0
    for length in range(0, len(good), 7):
        bad.write_bytes(good[:length])
        try:
            assert np.array_equal(load(str(root)).inputs, whole)  # only what follows the pixels is lost
        except UserError as error:
            assert str(bad) in str(error) and "\n" not in str(error)
            refusals += 1
    assert refusals >= 3


def test_sixteen_bits_are_refused(root):
    save(root / "dog" / "1.png", mode="I;16")
    assert "more than 8 bits a channel" in refused(root)


@pytest.mark.parametrize("side", [9000, 60000])
@pytest.mark.filterwarnings("error")
def test_decompression_bomb_is_refused_by_its_header(root, side):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    (root / "dog" / "1.png").write_bytes(png)
    message = refused(root)
    assert "dog/1.png" in message and "pixels" in message and "are read" in message


def test_links_that_lead_out_are_refused(root, tmp_path):
    save(tmp_path / "secret" / "0.png")
    link = root / "dog" / "7.png"
    link.symlink_to(tmp_path / "secret" / "0.png")
    assert "leads out of the folder" in refused(root)
    link.unlink()
    (root / "emu").symlink_to(tmp_path / "secret")
    assert "leads out of the folder" in refused(root)
    (root / "emu").unlink()
    link.symlink_to(root / "dog" / "0.png")  # inside is fine
    assert load(str(root)).info.samples == 7


def test_loops_and_pipes_do_not_hang(root):
    loop = root / "dog" / "7.png"
    loop.symlink_to(loop)
    assert "not a regular file" in refused(root)
    loop.unlink()
    os.mkfifo(loop)
    assert "not a regular file" in refused(root)


def test_more_than_half_of_memory_is_refused_before_decoding(root, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * 6 * 3 * 6 * 4 * 2 - 1)
    monkeypatch.setattr(Image.Image, "convert", lambda *a, **k: pytest.fail("an image was decoded"))
    assert "more than half of the" in refused(root)


def test_missing_folder(tmp_path):
    with pytest.raises(UserError, match="no folder at"):
        load("folder", {"path": str(tmp_path / "gone")})
