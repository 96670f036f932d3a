"""Films of a mosaic: frames are kept small while they come, and written whole when the film is finished."""

import importlib
import importlib.util
import zlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sandbox import files

Picture = NDArray[np.uint8]  # (H, W, 3)
# Quality and effort of WebP, and a whole picture among the differences every so often: more of any costs bytes or
# seconds that nobody sees.
_WEBP: dict[str, Any] = {"quality": 62, "method": 2, "kmin": 99, "kmax": 100}


class FilmError(ValueError):
    """A film that cannot be made; the message says what can."""


class Film(Protocol):
    """A film under way."""

    def add(self, picture: Picture) -> None:
        """The next picture, `(H, W, 3)`, all of one size."""
        ...

    def finish(self) -> int:
        """Write the file, whole or not at all; returns how many pictures it shows. May be called again."""
        ...


def film(path: Path | str, pictures_per_second: float) -> Film:
    """A film to be written to `path`, a `.webp` or `.mp4`; nothing is written before it is finished.

    Raises:
        FilmError: another kind of file, an encoder that is not installed, or a folder that cannot be written to.
    """
    place = Path(path)
    if place.suffix not in (".webp", ".mp4"):
        raise FilmError(f"a film is a .webp or .mp4 file, not {place.name or path}")
    if place.suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise FilmError("an .mp4 film needs pip install 'sandbox-worlds[video]'; or record a .webp")
    files.require_writable(place)
    return _Webp(place, pictures_per_second) if place.suffix == ".webp" else _Mp4(place, pictures_per_second)


class _Webp:
    """An animated WebP, encoded at the end; until then a picture is its difference from the one before, compressed."""

    def __init__(self, path: Path, pictures_per_second: float) -> None:
        self._path, self._milliseconds = path, 1000 / pictures_per_second
        self._differences: list[bytes] = []
        self._last: Picture | None = None
        self._is_written = False

    def add(self, picture: Picture) -> None:
        before = np.zeros_like(picture) if self._last is None else self._last
        self._differences.append(zlib.compress((picture - before).tobytes(), 1))  # bytes wrap around, and back again
        self._last, self._is_written = picture.copy(), False

    def finish(self) -> int:
        if self._last is not None and not self._is_written:
            reel = _Reel(self._differences, self._last.shape)
            ends = [round(self._milliseconds * count) for count in range(len(self._differences) + 1)]
            shown = np.diff(ends).tolist()  # whole milliseconds that add up
            with files.replacing(self._path) as temporary:
                reel.save(temporary, "WEBP", save_all=True, duration=shown, loop=0, **_WEBP)
            self._is_written = True
        return len(self._differences)


class _Reel(Image.Image):
    """All pictures of a film as one image of many frames, of which one is in memory."""

    def __init__(self, differences: list[bytes], shape: tuple[int, ...]) -> None:
        super().__init__()
        self._mode, self._size = "RGB", (shape[1], shape[0])
        self._differences, self._shape = differences, shape
        self.n_frames = len(differences)
        self._at = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Show another frame; forwards is quick."""
        if frame < self._at or self._at < 0:
            self._at, self._shown = -1, np.zeros(self._shape, np.uint8)
        while self._at < frame:
            self._at += 1
            difference = np.frombuffer(zlib.decompress(self._differences[self._at]), np.uint8)
            self._shown = self._shown + difference.reshape(self._shape)
        self.im = Image.fromarray(self._shown).im

    def tell(self) -> int:
        """The frame that is shown."""
        return self._at


class _Mp4:
    """An MP4 by the extra `video`, encoded as it comes and moved to its place in the end."""

    def __init__(self, path: Path, pictures_per_second: float) -> None:
        self._path, self._part = path, path.with_name(f".{path.stem}.part.mp4")
        imageio: Any = importlib.import_module("imageio.v2")
        self._writer = imageio.get_writer(self._part, fps=pictures_per_second, macro_block_size=1)
        self._count = 0

    def add(self, picture: Picture) -> None:
        self._writer.append_data(picture)
        self._count += 1

    def finish(self) -> int:
        if self._part.exists():
            self._writer.close()
            self._part.replace(self._path)
        return self._count
