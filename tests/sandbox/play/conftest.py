"""A session of Lander with two of its pretrained dreams, played without a screen."""

from collections.abc import Mapping

import pytest

import sandbox
from sandbox import pretrained
from sandbox.models.fitted import FittedModel
from sandbox.play.session import Session


@pytest.fixture(scope="session")
def models() -> Mapping[str, FittedModel]:
    return {name: pretrained.load(f"lander/{name}") for name in ("rnn", "vae")}


@pytest.fixture
def session(models: Mapping[str, FittedModel]) -> Session:
    return Session(sandbox.world("lander"), models, seed=3)
