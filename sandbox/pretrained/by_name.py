"""Dreams as Gymnasium makes them: `gymnasium.make("sandbox/Dream-v0", model=…)`, of a folder or of the gallery."""

from pathlib import Path
from typing import Any

from sandbox.dream import DreamEnv, DreamVectorEnv
from sandbox.models.fitted import FittedModel
from sandbox.pretrained import load


def make(model: FittedModel | Path | str, **arguments: Any) -> DreamEnv:
    """One dream of a fitted model, of a model's folder, or of a pretrained one such as `lander/vae`.

    Raises:
        UnknownPretrainedError: neither a folder nor a name of the gallery.
        DamagedFileError: a folder that cannot be read.
    """
    return DreamEnv(_fitted(model), **arguments)


def make_vector(num_envs: int = 1, *, model: FittedModel | Path | str, **arguments: Any) -> DreamVectorEnv:
    """Many dreams at once; see `make`."""
    horizon = arguments.pop("max_episode_steps", None) or arguments.pop("horizon", None)
    return DreamVectorEnv(_fitted(model), num_envs, horizon=horizon, **arguments)


def _fitted(model: FittedModel | Path | str) -> FittedModel:
    return model if isinstance(model, FittedModel) else load(model)
