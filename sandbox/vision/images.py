"""Images as spaces and as arrays: whichever way they lie, as pixels of one size."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sandbox import files

Images = NDArray[np.uint8]  # (B, …) as the space has them, or (B, SIDE, SIDE, C)

SIDE = 64  # pixels a side that eyes look at
FEWEST, MOST_CHANNELS = 16, 12  # pixels a side of what counts as an image; four frames in colour
_ENLARGED = 3  # pixels a side for one of an image, side by side with others


def channels_of(space: spaces.Space[Any]) -> int | None:
    """C, where observations of `space` are images, `(H, W)`, `(H, W, C)` or `(C, H, W)`; None otherwise.

    Pixels are bytes, or numbers from 0 to 1.
    """
    if not isinstance(space, spaces.Box) or not (space.dtype == np.uint8 or _is_light(space)):
        return None
    shape = space.shape
    if len(shape) == 2:
        sides, channels = shape, 1
    elif len(shape) == 3:
        sides, channels = (shape[1:], shape[0]) if _is_channels_first(shape) else (shape[:2], shape[2])
    else:
        return None
    return channels if min(sides) >= FEWEST and channels <= MOST_CHANNELS else None


def _is_light(space: spaces.Box) -> bool:
    return (
        space.dtype is not None and space.dtype.kind == "f" and bool((space.low == 0).all() and (space.high == 1).all())
    )


def _is_channels_first(shape: tuple[int, ...]) -> bool:
    return shape[0] <= MOST_CHANNELS < shape[2]


def looked_at(images: NDArray[Any]) -> Images:
    """Images of any size and layout as `(B, SIDE, SIDE, C)`: each pixel the mean of those that it stands for."""
    if images.dtype.kind == "f":
        images = np.rint(images * 255.0).astype(np.uint8)
    if images.ndim == 3:
        images = images[..., None]
    elif _is_channels_first(images.shape[1:]):
        images = images.transpose(0, 2, 3, 1)
    if images.shape[1:3] == (SIDE, SIDE):
        return images
    picture = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    small = torch.nn.functional.interpolate(picture, (SIDE, SIDE), mode="area")
    return small.round().byte().permute(0, 2, 3, 1).numpy()


def as_light(images: Images) -> Tensor:
    """Images `(B, SIDE, SIDE, C)` as light `(B, C, SIDE, SIDE)`, from 0 to 1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0


def as_images(light: Tensor) -> Images:
    """The way back of `as_light`."""
    images: Images = (light * 255.0).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
    return images


def in_colour(images: Images) -> Images:
    """Images `(B, SIDE, SIDE, C)` in three colours, `(B, SIDE, SIDE, 3)`; of several frames the latest."""
    return images[..., -3:] if images.shape[-1] % 3 == 0 else images[..., -1:].repeat(3, axis=-1)


def enlarged(picture: Images, times: int) -> Images:
    """A picture `(H, W, 3)` with so many pixels a side for each of its own."""
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def write_comparison(path: Path, above: Images, below: Images) -> None:
    """Write as many images `(M, SIDE, SIDE, C)` above as below as one PNG, atomically."""
    rows = [np.concatenate(list(in_colour(images)), axis=1) for images in (above, below)]
    content = io.BytesIO()
    Image.fromarray(enlarged(np.concatenate(rows), _ENLARGED)).save(content, "PNG")
    with files.replacing(path) as place:
        place.write_bytes(content.getvalue())
