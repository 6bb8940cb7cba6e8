"""Pictures as targets: those that ship with scikit-image and scikit-learn, or one's own.

A picture is (height, width) or (height, width, 3) float64 in [0, 1]; row 0 is its top. Coordinates are
(x, y): x to the right, y downwards, pixel centres of a picture of n pixels at -1 + (2i + 1)/n, so that the
outermost stay inside [-1, 1].
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from labkit import _checks

#: name -> (where it ships, what is seen). All of them are inside the installed packages: no download.
PICTURES: dict[str, tuple[str, str]] = {
    "camera": ("skimage camera.png", "the cameraman, 512 × 512, of most papers on fields"),
    "astronaut": ("skimage astronaut.png", "Eileen Collins, colour"),
    "coffee": ("skimage coffee.png", "a cup, colour"),
    "cat": ("skimage chelsea.png", "a cat, colour"),
    "moon": ("skimage moon.png", "the surface of the moon: smooth"),
    "coins": ("skimage coins.png", "Greek coins from Pompeii"),
    "page": ("skimage page.png", "printed text, unevenly lit"),
    "text": ("skimage text.png", "handwriting"),
    "brick": ("skimage brick.png", "a wall: one strong frequency"),
    "grass": ("skimage grass.png", "grass: nothing but high frequencies"),
    "gravel": ("skimage gravel.png", "gravel"),
    "flower": ("sklearn flower.jpg", "a flower, colour"),
    "china": ("sklearn china.jpg", "a temple, colour"),
}


class Pixels(NamedTuple):
    """A picture cut for training: coordinates (rows, 2) and values (rows, channels).

    ``train`` and ``test`` are places in them, int64; ``test`` is empty where everything is trained on.
    """

    x: Tensor
    y: Tensor
    train: Tensor
    test: Tensor


def picture(
    source: str | os.PathLike | np.ndarray | Tensor, size: int | None = None, *, grey: bool = True
) -> Tensor:
    """Any picture as numbers in [0, 1], cut to a square and resized without aliasing.

    Grey is .2125 R + .7154 G + .0721 B (``skimage.color.rgb2gray``). What else may come:

    - whole numbers are divided by the largest of their kind (255 for 8 bits, 65 535 for 16; of wider ones
      nobody knows what white is: they are refused); booleans are 0 and 1; floats must be in [0, 1] as they
      are: they are never stretched.
    - **alpha** is laid over white, as a browser would.

    Args:
        source: a key of :data:`PICTURES`, a path to a file (.npy, or what imageio reads), or an array
            (height, width), (height, width, 1), (…, 2) grey with alpha, (…, 3) or (…, 4).
        size: pixels along either side: the middle square, resized with a Gaussian against aliasing
            (``skimage.transform.resize``); ``None`` keeps shape and size.
        grey: (height, width) instead of three channels.

    Raises:
        ValueError: an unknown name, no such file, a shape or a kind of numbers that is no picture.
    """
    values = _with_channels(_as_floats(_loaded(source)))
    colour, alpha = values[..., :-1], values[..., -1:]
    values = colour * alpha + (1 - alpha) if values.shape[-1] in (2, 4) else values
    if grey and values.shape[-1] == 3:
        values = values @ np.array([[0.2125], [0.7154], [0.0721]])
    elif not grey and values.shape[-1] == 1:
        values = values.repeat(3, -1)
    if size is not None:
        values = _square(values, _checks.number("size", size, kind=int, low=2))
    return torch.from_numpy(np.ascontiguousarray(values[..., 0] if grey else values))


def coordinates(height: int, width: int, *, extent: float = 1.0) -> Tensor:
    """(height · width, 2) float64: (x, y) of each pixel's centre, row by row, within ±``extent``.

    SIREN (2006.09661) is made for 1, where its first layer covers the frequencies it should.
    """
    height = _checks.number("height", height, kind=int, low=1)
    width = _checks.number("width", width, kind=int, low=1)
    extent = _checks.number("extent", extent, low=0)
    places = [((2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1) * extent for n in (height, width)]
    y, x = torch.meshgrid(*places, indexing="ij")
    return torch.stack((x, y), -1).view(-1, 2)


def pixels(image: Tensor, *, held_out: bool = False, extent: float = 1.0) -> Pixels:
    """Coordinates, values in [-1, 1], and which of them train.

    Args:
        image: (height, width) or (height, width, channels) in [0, 1].
        held_out: train on every second pixel of every second row, as Tancik et al. (2006.10739) do; all
            others are the test, three quarters of the picture.
        extent: see :func:`coordinates`.

    Raises:
        ValueError: no picture, or one of a single row or column where half is held out.
    """
    if image.dim() not in (2, 3) or not image.numel():
        raise ValueError(f"image: got shape {tuple(image.shape)}; allowed: (height, width[, channels])")
    height, width = image.shape[:2]
    if held_out and min(height, width) < 2:
        raise ValueError(f"image: got {height} × {width} pixels to hold some out; allowed: 2 × 2 or more")
    place = torch.arange(height * width).view(height, width)
    train, test = place.flatten(), place.new_empty(0)
    if held_out:
        seen = torch.zeros(height, width, dtype=torch.bool)
        seen[::2, ::2] = True
        train, test = place[seen], place[~seen]
    values = (2 * image.to(torch.float64) - 1).reshape(height * width, -1)
    return Pixels(coordinates(height, width, extent=extent), values, train, test)


def _loaded(source: str | os.PathLike | np.ndarray | Tensor) -> np.ndarray:
    if isinstance(source, Tensor):
        source = source.detach().cpu()
        return (source.double() if source.is_floating_point() else source).numpy()
    if not isinstance(source, str | os.PathLike):
        return np.asarray(source)
    if source in PICTURES:
        return _shipped(str(source))
    path = Path(source)
    if not path.is_file():
        if not path.suffix and len(path.parts) == 1:  # meant as a name
            _checks.choice("picture", str(source), PICTURES)
        raise ValueError(f"picture: got {str(source)!r}, where there is no file; allowed: a path or a name")
    if path.suffix == ".npy":
        return np.load(path)
    from skimage import io  # half a second to import, so only where it is used

    try:
        values = np.asarray(io.imread(path))
    except Exception as error:  # each format's reader raises its own kind
        raise ValueError(f"picture: could not read {str(path)!r} as a picture: {error}") from None
    if path.suffix.lower() in (".jpg", ".jpeg") and values.shape[-1] == 4:  # it has no alpha
        raise ValueError(f"picture: got four inks (CMYK) in {str(path)!r}; allowed: grey or RGB")
    return values


def _shipped(name: str) -> np.ndarray:
    package, file = PICTURES[name][0].split()
    if package == "sklearn":
        from sklearn.datasets import load_sample_image

        return load_sample_image(file)
    from skimage import data, io

    return np.asarray(io.imread(Path(data.__file__).parent / file))


def _as_floats(values: np.ndarray) -> np.ndarray:
    """float64 in [0, 1] from any kind of numbers."""
    if values.dtype == bool:
        return values.astype(np.float64)
    if np.issubdtype(values.dtype, np.integer):
        if values.dtype.itemsize > 2:  # 200 of them would be black
            raise ValueError(f"picture: got {values.dtype}; allowed: whole numbers of 8 or 16 bits")
        if values.size and values.min() < 0:
            raise ValueError(
                f"picture: got {values.dtype} below 0; allowed: 0 to {np.iinfo(values.dtype).max}"
            )
        return values / np.iinfo(values.dtype).max
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"picture: got {values.dtype}; allowed: whole numbers, floats or booleans")
    values = values.astype(np.float64)
    if values.size and not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"picture: got floats from {values.min():g} to {values.max():g}; allowed: finite ones in [0, 1]"
        )
    return values


def _with_channels(values: np.ndarray) -> np.ndarray:
    """(height, width, 1 to 4)."""
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[-1] not in (1, 2, 3, 4) or not values.size:
        raise ValueError(
            f"picture: got shape {values.shape}; allowed: (height, width) or (height, width, 1 to 4)"
        )
    return values


def _square(values: np.ndarray, size: int) -> np.ndarray:
    from skimage.transform import resize

    height, width = values.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    values = values[top : top + side, left : left + side]
    if side == size:
        return values
    # a spline may leave [0, 1] by a hair
    return resize(values, (size, size), order=1, anti_aliasing=size < side).clip(0, 1)
