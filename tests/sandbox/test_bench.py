"""The dreams' speeds: measured for every family, beside a count of multiply-adds that a hand count confirms."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sandbox.bench import dreams
from sandbox.models import names
from sandbox.models.core import Memory
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.models.outcome import AMOUNTS


def model_of(name: str) -> FittedModel:
    return fit(dreams._random_play(600), name, settings=FitSettings(updates=1))


def by_hand(*parts: torch.nn.Module) -> int:
    """The weights of all linear layers: each is one multiply-add of a row."""
    layers = (layer for part in parts for layer in part.modules() if isinstance(layer, torch.nn.Linear))
    return sum(layer.in_features * layer.out_features for layer in layers)


def test_every_family_has_its_row() -> None:
    measured = list(dreams.dream_speeds(rows=4, log=40, repeats=1, seconds=0.02))
    assert [speed.model for speed in measured] == list(names())
    for speed in measured:
        assert speed.rows == 4
        assert speed.steps_per_second > 0
        assert 0 < speed.matrix_share < 1, "no dream is faster than its bare matrix products"
        assert set(speed.costs) == {"memory", "head", "outcome", "codec", "environment"}
        assert sum(speed.costs.values()) == pytest.approx(1)
        assert min(speed.costs.values()) >= 0
        assert speed.costs[speed.largest] == max(speed.costs.values())


@pytest.mark.parametrize(
    ("name", "drawing", "looks"), [("mixture", "body", 1), ("gan", "generator", 1), ("diffusion", "network", 6)]
)
def test_multiply_adds_are_those_of_the_layers_that_a_step_passes(name: str, drawing: str, looks: int) -> None:
    model = model_of(name)
    outcome = model.network.outcome
    for question in AMOUNTS:
        outcome.chosen(question).fill_(0)
    judging = by_hand(*(outcome.get_submodule(f"{question}.simple") for question in AMOUNTS))
    assert dreams.multiply_adds(model) == looks * by_hand(getattr(model.network.head, drawing)) + judging


def test_recurrence_and_attention_are_counted() -> None:
    recurrent, looking_back = model_of("rnn").network.memory, model_of("transformer").network.memory
    hidden, features = recurrent.gru.hidden_size, recurrent.gru.input_size
    assert counted(recurrent, features) == 3 * hidden * (hidden + features)
    attended = 2 * looking_back.window * looking_back.hidden * len(looking_back.layers)
    assert counted(looking_back, features) == by_hand(looking_back) + attended


def counted(memory: Memory, features: int) -> float:
    """Multiply-adds of one step of one row of a memory, as the bench counts them."""
    with FlopCounterMode(display=False, custom_mapping=dreams.ATTENTION) as counter:
        memory.step(memory.start(8, torch.device("cpu")), torch.zeros(8, features))
    return counter.get_total_flops() / 2 / 8


def test_the_clocks_leave_no_trace() -> None:
    model = model_of("mixture")
    step = dreams._stepper(model, 3)
    dreams._costs(model, step, 0.01)
    assert "step" not in vars(model.network)
    assert "sample" not in vars(model.network.head)
