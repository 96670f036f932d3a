"""Films of a mosaic: frames are kept small while they come, and written whole when the film is finished."""

import importlib
import importlib.util
import io
import threading
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


def film(path: Path | str, pictures_per_second: float, expected: int = 0) -> Film:
    """A film to be written to `path`, a `.webp` or `.mp4`; nothing is written before it is finished.

    A film whose number of pictures is known is encoded while they come, which changes nothing but the time it takes.

    Raises:
        FilmError: another kind of file, an encoder that is not installed, or a folder that cannot be written to.
    """
    place = Path(path)
    if place.suffix not in (".webp", ".mp4"):
        raise FilmError(f"a film is a .webp or .mp4 file, not {place.name or path}")
    if place.suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise FilmError("an .mp4 film needs pip install 'sandbox-worlds[video]'; or record a .webp")
    files.require_writable(place)
    if place.suffix == ".webp":
        return _Webp(place, pictures_per_second, expected)
    return _Mp4(place, pictures_per_second)


class _Tape:
    """The pictures of a film, each its difference from the one before, compressed; read while more of them come."""

    def __init__(self, expected: int = 0) -> None:
        self._expected = expected
        self._differences: list[bytes] = []
        self._is_complete = False
        self._news = threading.Condition()

    def __len__(self) -> int:
        """How many pictures have come."""
        return len(self._differences)

    @property
    def length(self) -> int:
        """How many pictures there will be, as far as one knows."""
        return len(self) if self._is_complete else max(len(self), self._expected)

    def append(self, difference: bytes) -> None:
        with self._news:
            self._differences.append(difference)
            self._news.notify()

    def complete(self) -> None:
        """Let nobody wait for more."""
        with self._news:
            self._is_complete = True
            self._news.notify()

    def __getitem__(self, number: int) -> bytes:
        """One difference, as soon as it has come.

        Raises:
            EOFError: the film ended before it.
        """
        with self._news:
            self._news.wait_for(lambda: len(self._differences) > number or self._is_complete)
            if number >= len(self._differences):
                raise EOFError(f"the film has no picture {number}")
            return self._differences[number]


class _Webp:
    """An animated WebP; where it is known how many pictures will come, a thread encodes them while others are made."""

    def __init__(self, path: Path, pictures_per_second: float, expected: int = 0) -> None:
        self._path, self._milliseconds, self._expected = path, 1000 / pictures_per_second, expected
        self._tape = _Tape(expected)
        self._last: Picture | None = None
        self._meanwhile: bytes | None = None  # the film as the thread encoded it
        self._thread: threading.Thread | None = None
        self._is_written = False

    def add(self, picture: Picture) -> None:
        before = np.zeros_like(picture) if self._last is None else self._last
        self._tape.append(zlib.compress((picture - before).tobytes(), 1))  # bytes wrap around, and back again
        self._last, self._is_written = picture.copy(), False
        if self._expected > 1 and self._thread is None:
            self._thread = threading.Thread(target=self._encode_meanwhile, args=(picture.shape,), daemon=True)
            self._thread.start()

    def finish(self) -> int:
        if self._last is not None and not self._is_written:
            self._tape.complete()
            if self._thread is not None:
                self._thread.join()
            content = self._meanwhile if len(self._tape) == self._expected else None
            with files.replacing(self._path) as temporary:
                temporary.write_bytes(content or self._encoded(self._last.shape))
            self._is_written = True
        return len(self._tape)

    def _encode_meanwhile(self, shape: tuple[int, ...]) -> None:
        try:
            self._meanwhile = self._encoded(shape)
        except EOFError:
            return  # cut short: `finish` encodes what came

    def _encoded(self, shape: tuple[int, ...]) -> bytes:
        reel, content = _Reel(self._tape, shape), io.BytesIO()
        ends = [round(self._milliseconds * count) for count in range(reel.n_frames + 1)]
        shown = np.diff(ends).tolist()  # whole milliseconds that add up
        reel.save(content, "WEBP", save_all=True, duration=shown, loop=0, **_WEBP)
        return content.getvalue()


class _Reel(Image.Image):
    """All pictures of a tape as one image of many frames, of which one is in memory."""

    def __init__(self, tape: _Tape, shape: tuple[int, ...]) -> None:
        super().__init__()
        self._mode, self._size = "RGB", (shape[1], shape[0])
        self._tape, self._shape = tape, shape
        self.n_frames = tape.length
        self._at = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Show another frame; forwards is quick."""
        if frame < self._at or self._at < 0:
            self._at, self._shown = -1, np.zeros(self._shape, np.uint8)
        while self._at < frame:
            difference = np.frombuffer(zlib.decompress(self._tape[self._at + 1]), np.uint8)
            self._shown = self._shown + difference.reshape(self._shape)
            self._at += 1
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
