"""An animated WebP file from pictures: captioned frames, and an encoding that keeps a size."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sandbox import files
from sandbox.pictures.painters import Picture

WIDTH, HEIGHT = 400, 300  # pixels, at most
STRIP = 24  # one above the picture for the numbers, one beneath it for how the episode ended
PANE = (WIDTH, HEIGHT - 2 * STRIP)
MOST_FRAMES, MOST_BYTES = 150, 400_000
_INK, _PAPER, _ACCENT = "#f2f4f8", "#1f2430", "#b34700"
# Tried in turn until the film fits: quality, and which share of the frames is kept.
_ECONOMIES = ((75, 1), (50, 1), (30, 1), (30, 2), (20, 3), (10, 5))


@dataclass(frozen=True)
class Caption:
    """What stands on a frame: who is seen, the numbers of the moment, and how it ended if it has.

    Pillow's own font, which is everywhere the same, has neither a minus sign nor dashes: a hyphen stands for them.
    """

    who: str
    numbers: str
    ending: str = ""


Colour = tuple[int, int, int]


def corner(picture: Picture) -> Colour:
    """The colour of the upper left corner: a ground that the picture does not stand out from."""
    red, green, blue = (int(value) for value in picture[0, 0])
    return red, green, blue


def fit(picture: Picture, ground: Colour) -> Image.Image:
    """The picture `(H, W, 3)` made to fit the pane, as wide as that, on a ground of one colour."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    shrink = min(PANE[0] / image.width, PANE[1] / image.height)
    size = (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
    filled = Image.new("RGB", (PANE[0], size[1]), ground)
    kind = Image.Resampling.LANCZOS if shrink < 1 else Image.Resampling.NEAREST
    filled.paste(image.resize(size, kind), ((PANE[0] - size[0]) // 2, 0))
    return filled


def frame(picture: Image.Image, caption: Caption) -> Image.Image:
    """The picture within its caption."""
    whole = Image.new("RGB", (picture.width, picture.height + 2 * STRIP), _PAPER)
    whole.paste(picture, (0, STRIP))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(13)
    draw.text((10, STRIP / 2), caption.who, _INK, font, anchor="lm")
    draw.text((whole.width - 10, STRIP / 2), caption.numbers, _INK, font, anchor="rm")
    if caption.ending:
        draw.rectangle((0, whole.height - STRIP, whole.width, whole.height), _ACCENT)
        draw.text((whole.width / 2, whole.height - STRIP / 2), caption.ending, _INK, font, anchor="mm")
    return whole


def write(path: Path, frames: Sequence[Image.Image], milliseconds: Sequence[int]) -> None:
    """Write the frames, each shown for its `milliseconds`, as an endless film of at most `MOST_BYTES`, atomically.

    Raises:
        ValueError: not even the strongest compression makes it fit.
    """
    for quality, every in _ECONOMIES:
        content = _encoded(*_thinned(frames, milliseconds, every), quality)
        if len(content) <= MOST_BYTES:
            with files.replacing(path) as temporary:
                temporary.write_bytes(content)
            return
    raise ValueError(f"the film {path.name} would pass {MOST_BYTES // 1000} kB")


def _thinned(
    frames: Sequence[Image.Image], milliseconds: Sequence[int], every: int
) -> tuple[list[Image.Image], list[int]]:
    """Every so many frames and always the last, each shown until the next one kept."""
    kept = [i for i in range(len(frames) - 1) if i % every == 0]
    until = [*kept[1:], len(frames) - 1]
    shown = [sum(milliseconds[i:j]) for i, j in zip(kept, until, strict=False)]
    return [*(frames[i] for i in kept), frames[-1]], [*shown, milliseconds[-1]]


def _encoded(frames: Sequence[Image.Image], milliseconds: Sequence[int], quality: int) -> bytes:
    content = io.BytesIO()
    frames[0].save(
        content,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=list(milliseconds),
        loop=0,
        quality=quality,
        method=2,
    )
    return content.getvalue()
