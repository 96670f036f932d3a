"""Eyes: an image told in a few numbers, and painted again from them, as learned from images alone.

A variational autoencoder (Kingma and Welling 2014) of convolutions, the part V of World Models (Ha and Schmidhuber
2018). With x an image and z its numbers, it lowers

    sum over pixels ((x - decoded(z)) / spread)^2 / 2  +  KL(q(z | x) || N(0, 1))

where spread is how much that pixel ever varies: a ball crosses a wall that never changes, and is what matters there.
A number about which q says no more than N(0, 1) tells nothing of the image; it is left out of what is seen.
"""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sandbox import files
from sandbox.threads import one_thread
from sandbox.vision.images import SIDE, Images, as_images, as_light, looked_at

KIND = "eyes"
CHANNELS = (16, 32, 48, 64)  # of convolutions that each halve the sides
CORNER = SIDE // 2 ** len(CHANNELS)
LEAST_SPREAD = 0.03  # of light from 0 to 1: below it lies what no eye tells apart
_HEADER = ("world", "channels", "numbers", "kept", "provenance")


class Autoencoder(nn.Module):
    """Images as standardised light `(B, C, SIDE, SIDE)` to the mean and log-variance of z, `(B, Z)` each, and back."""

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int, numbers: int) -> None:
        super().__init__()
        sizes = (channels, *CHANNELS)
        self.numbers, self.deepest = numbers, CHANNELS[-1]
        flat = self.deepest * CORNER**2
        looking: list[nn.Module] = []
        painting: list[nn.Module] = []
        for size, following in itertools.pairwise(sizes):
            looking += [nn.Conv2d(size, following, 4, 2, 1), nn.SiLU()]
            painting = [nn.SiLU(), nn.ConvTranspose2d(following, size, 4, 2, 1), *painting]
        self.looking = nn.Sequential(*looking, nn.Flatten(), nn.Linear(flat, 2 * numbers))
        self.beginning = nn.Linear(numbers, flat)
        self.painting = nn.Sequential(*painting)
        self.register_buffer("mean", torch.zeros(channels, SIDE, SIDE))
        self.register_buffer("spread", torch.ones(channels, SIDE, SIDE))

    def measure(self, images: Images) -> None:
        """Take the mean and the spread of every pixel of `images` `(N, SIDE, SIDE, C)`."""
        light = images.astype(np.float32).transpose(0, 3, 1, 2) / 255.0
        self.mean.copy_(torch.from_numpy(light.mean(axis=0)))
        self.spread.copy_(torch.from_numpy(np.maximum(light.std(axis=0), LEAST_SPREAD)))

    def standard(self, light: Tensor) -> Tensor:
        """Light in units of what varies."""
        return (light - self.mean) / self.spread

    def encode(self, standard: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the log-variance of z, `(B, Z)` each."""
        mean, log_variance = self.looking(standard).chunk(2, dim=1)
        return mean, log_variance.clamp(-10.0, 4.0)

    def decode(self, numbers: Tensor) -> Tensor:
        """Standardised light from z `(B, Z)`."""
        light: Tensor = self.painting(self.beginning(numbers).reshape(-1, self.deepest, CORNER, CORNER))
        return light

    def losses(self, light: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The error of what is painted again, `(B,)`, and what each number costs, its divergence, `(B, Z)`."""
        standard = self.standard(light)
        mean, log_variance = self.encode(standard)
        noise = torch.randn(mean.shape, generator=generator)
        painted = self.decode(mean + torch.exp(0.5 * log_variance) * noise)
        error = 0.5 * (painted - standard).square().flatten(1).sum(dim=1)
        return error, divergence(mean, log_variance)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of every number, in nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


@dataclass(frozen=True, eq=False)
class Eyes:
    """An autoencoder that has learned, the world that it is for, and which of its numbers tell anything."""

    network: Autoencoder
    kept: NDArray[np.int64]  # (K,), of the Z numbers those that are seen
    world: Mapping[str, Any]  # its name, arguments and horizon
    provenance: Mapping[str, Any]  # how many real steps were looked at, whose, and how well they are seen

    def __repr__(self) -> str:
        return f"<Eyes: {len(self.kept)} numbers an image of {self.world['name']}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # nothing changes them, and who branches a simulator copies it thousands of times

    @property
    def channels(self) -> int:
        """C of its images."""
        return int(self.network.mean.shape[0])

    @one_thread()
    @torch.inference_mode()
    def see(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Images of the world's own space, `(B, …)`, as numbers, `(B, K)`."""
        mean, _ = self.network.encode(self.network.standard(as_light(looked_at(images))))
        return mean.numpy()[:, self.kept]

    @one_thread()
    @torch.inference_mode()
    def paint(self, numbers: NDArray[np.float32]) -> Images:
        """Numbers `(B, K)` as images `(B, SIDE, SIDE, C)`."""
        every = np.zeros((len(numbers), self.network.numbers), np.float32)
        every[:, self.kept] = numbers
        light = self.network.decode(torch.from_numpy(every)) * self.network.spread + self.network.mean
        return as_images(light)

    @property
    def fingerprint(self) -> str:
        """The first letters of the SHA-256 of the weights: equal eyes, equal words."""
        digest = hashlib.sha256(self.kept.tobytes())
        for tensor in self.network.state_dict().values():
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()[:12]

    def save(self, path: Path | str) -> None:
        """Write the folder `path`: `eyes.json` and the weights; all of it or nothing."""
        header = {
            "kind": KIND,
            "format": files.FORMAT,
            "world": dict(self.world),
            "channels": self.channels,
            "numbers": self.network.numbers,
            "kept": self.kept.tolist(),
            "provenance": dict(self.provenance),
        }
        weights = {name: tensor.numpy() for name, tensor in self.network.state_dict().items()}
        with files.replacing(Path(path)) as folder:
            folder.mkdir()
            files.write_json(folder / "eyes.json", header)
            files.write_arrays(folder / "weights.safetensors", weights, {}, KIND)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read the folder that `save` wrote; executes nothing.

        Raises:
            DamagedFileError: where the folder is missing, truncated, foreign or of a newer format.
        """
        folder = Path(path)
        if not are_in(folder):
            raise files.DamagedFileError(f"{folder} holds no eyes (no eyes.json in it); `sandbox see` makes them")
        header = files.read_header(folder / "eyes.json", KIND, _HEADER, "eyes", "make the eyes anew")
        network = Autoencoder(header["channels"], header["numbers"]).requires_grad_(False).eval()
        weights, _ = files.read_arrays(folder / "weights.safetensors", KIND)
        try:
            network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
        except RuntimeError as error:
            first = str(error).splitlines()[0]
            raise files.DamagedFileError(f"{folder} holds the weights of other eyes ({first})") from None
        return cls(network, np.array(header["kept"], np.int64), header["world"], header["provenance"])


def are_in(folder: Path) -> bool:
    """Whether `folder` holds eyes."""
    return (folder / "eyes.json").is_file()
