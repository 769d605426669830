"""Images from a folder with one subfolder a class.

The files are not trusted: only formats that Pillow decodes by itself are opened (never one that starts another
program), sizes are checked before pixels are decoded, and links that lead out of the folder are refused.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.arrays import from_arrays
from neuralforge.data.memory import refuse_if_too_large
from neuralforge.data.options import PathParams
from neuralforge.data.source import DataSource, RawData
from neuralforge.errors import UserError
from neuralforge.graph.params import Doc, Range

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_GREY_MODES = ("1", "L", "LA")
_WIDE_MODES = ("I", "F")  # and I;16 in its variants: more than 8 bits a pixel
_MAX_PIXELS = 64 * 2**20
_SIDEWAYS = (5, 6, 7, 8)  # values of the EXIF orientation that swap height and width
_ORIENTATION = 0x0112


@dataclass(frozen=True, kw_only=True)
class FolderParams(PathParams):
    """Options of image folders."""

    size: Annotated[tuple[int, int] | None, Range(1, 4096), Doc("Resize all images, HEIGHTxWIDTH.")] = None
    colour: Annotated[Literal["auto", "grayscale", "rgb"], Doc("Auto is grayscale where all images are.")] = "auto"


@dataclass(frozen=True)
class _Found:
    path: Path
    label: int
    size: tuple[int, int]  # height, width
    grey: bool


class ImageFolder(DataSource[FolderParams]):
    """Images sorted into subfolders."""

    key = "folder"
    title = "Folder of images"
    summary = "One subfolder a class, with PNG, JPEG, BMP, GIF, WebP, TIFF or PPM images."
    kind = "image"
    task = "classification"
    origin = "Your own files."
    params = FolderParams
    suffixes = ("folder",)

    def load(self, params: FolderParams) -> RawData:
        """Read all headers, then all pixels, into uint8 [N, C, H, W]; see `DataSource.load`."""
        root = Path(params.path)
        if not root.is_dir():
            raise UserError(
                f"{root}: this is not a folder." if root.exists() else f"There is no folder at {str(root)!r}."
            )
        classes, files = _survey(root)
        images = [_header(path, label) for path, label in files]
        height, width = params.size or _common_size(images)
        grey = params.colour == "grayscale" or (params.colour == "auto" and all(image.grey for image in images))
        channels = 1 if grey else 3
        # twice: the images here, and the parts of the split made from them
        refuse_if_too_large(2 * len(images) * channels * height * width, str(root))
        # Legend: N images, H x W pixels, C channels.
        x_NHWC = np.empty((len(images), height, width, channels), np.uint8)
        for i, image in enumerate(images):
            x_NHWC[i] = _pixels(image.path, (height, width), grey)
        y_N = np.array([image.label for image in images], np.int64)
        return from_arrays(x_NHWC.transpose(0, 3, 1, 2), y_N, params.path, kind="image", classes=classes)

    def example(self, folder: Path) -> FolderParams:
        """Write two classes of tiny images; see `DataSource.example`."""
        from PIL import Image

        rng = np.random.default_rng(0)
        for name in ("dark", "light"):
            (folder / name).mkdir()
            for i in range(3):
                pixels = rng.integers(0, 100, (5, 4, 3)) + (150 if name == "light" else 0)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.png")
        return FolderParams(path=str(folder))


def _survey(root: Path) -> tuple[list[str], list[tuple[Path, int]]]:
    """List class names in their order, and every image with the index of its class."""
    real_root = os.path.realpath(root)
    folders = [path for path in _entries(root) if _inside(path, real_root).is_dir()]
    if not folders:
        raise UserError(f"{root}: there are no subfolders; the images of each class belong into one of its name.")
    if len(folders) == 1:
        raise UserError(
            f"{root}: there is only one class ({folders[0].name!r}), and two are needed to tell them apart."
        )
    files = []
    for label, folder in enumerate(folders):
        try:
            folder.name.encode("utf-8")
        except UnicodeEncodeError:
            raise UserError(f"{root}: the name of the folder {folder.name!r} is not valid text.") from None
        images = [path for path in _entries(folder) if path.suffix.lower() in _SUFFIXES]
        if len(images) < 2:
            number = "no images" if not images else "one image, and a class needs 2"
            raise UserError(f"{folder}: the folder of this class holds {number}.")
        for path in images:
            if not _inside(path, real_root).is_file():
                raise UserError(f"{path}: this is not a regular file.")
            files.append((path, label))
    return [folder.name for folder in folders], files


def _entries(folder: Path) -> list[Path]:
    """List a folder by name, without hidden files."""
    try:
        return sorted(
            (path for path in folder.iterdir() if not path.name.startswith((".", "__"))), key=lambda path: path.name
        )
    except OSError as error:
        raise UserError(f"{folder}: the folder cannot be read ({error.strerror}).") from None


def _inside(path: Path, real_root: str) -> Path:
    """Give the path back where it lies in the folder after all links are followed; refuse it otherwise."""
    real = os.path.realpath(path)
    if os.path.commonpath([real, real_root]) != real_root:
        raise UserError(f"{path}: this link leads out of the folder and is not followed.")
    return path


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open an image of a trusted format; whatever a decoder raises on damaged bytes becomes one sentence."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a too large image is refused below, with its name
            with Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > _MAX_PIXELS:
                    raise UserError(
                        f"{path}: the image has {image.height}x{image.width} pixels, more than the "
                        f"{_MAX_PIXELS:,} that are read."
                    )
                yield image
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(f"{path}: the image has more than the {_MAX_PIXELS:,} pixels that are read.") from None
    except PermissionError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}).") from None
    except Exception as error:  # decoders raise anything from struct.error to KeyError on damaged bytes
        unknown = isinstance(error, UnidentifiedImageError)
        reason = f"it is none of {', '.join(_FORMATS)}" if unknown else str(error).partition("\n")[0]
        raise UserError(f"{path}: the image is damaged or of an unknown format ({reason}).") from None


def _header(path: Path, label: int) -> _Found:
    """Read size and mode without decoding pixels."""
    with _opened(path) as image:
        if image.mode in _WIDE_MODES or image.mode.startswith("I;"):
            raise UserError(f"{path}: the image has more than 8 bits a channel (mode {image.mode}); convert it first.")
        sideways = image.format in ("JPEG", "WEBP", "TIFF") and image.getexif().get(_ORIENTATION) in _SIDEWAYS
        size = (image.width, image.height) if sideways else (image.height, image.width)
        return _Found(path, label, size, image.mode in _GREY_MODES)


def _common_size(images: list[_Found]) -> tuple[int, int]:
    first = images[0]
    for image in images:
        if image.size != first.size:
            raise UserError(
                f"{first.path} is {first.size[0]}x{first.size[1]} and {image.path} is {image.size[0]}x{image.size[1]}; "
                "give size=HEIGHTxWIDTH to resize all images."
            )
    return first.size


def _pixels(path: Path, size: tuple[int, int], grey: bool) -> NDArray[np.uint8]:
    """Decode one image to uint8 [H, W, C], upright and of the size that is asked for (bilinear, antialiased)."""
    from PIL import Image, ImageOps

    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image) if image.format in ("JPEG", "WEBP", "TIFF") else image
        plain = upright.convert("L" if grey else "RGB")
        if (plain.height, plain.width) != size:
            plain = plain.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        return np.asarray(plain).reshape(*size, 1 if grey else 3)


SOURCES = (ImageFolder(),)
