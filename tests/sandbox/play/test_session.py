"""One action drives the simulator and every dream; the seed decides everything."""

from collections.abc import Mapping

import gymnasium
import numpy as np
import pytest

import sandbox
from sandbox import pretrained
from sandbox.models.fitted import FittedModel
from sandbox.play.session import COLDEST, HOTTEST, AnotherWorldError, Session
from sandbox.play.witness import surprise

ACTIONS = [2, 0, 1, 2, 3, 0, 2, 2, 1, 0, 3, 2] * 2


def lived(session: Session, actions: list[int] = ACTIONS) -> list[list[float]]:
    """All that a session tells, step after step."""
    told = []
    for action in actions:
        session.step(action)
        for pane in session.panes:
            told.append([*pane.row.tolist(), pane.gained, float(pane.ended), pane.distance or 0.0, pane.p or 0.0])
    return told


def test_the_same_seed_and_actions_are_the_same_session(models: Mapping[str, FittedModel]) -> None:
    world = sandbox.world("lander")
    one, same, other = (lived(Session(world, models, seed)) for seed in (3, 3, 4))
    assert one == same
    assert one != other


def test_the_simulator_among_dreams_is_the_simulator(session: Session) -> None:
    env = gymnasium.make("sandbox/Lander-v0")
    obs, _ = env.reset(seed=session._stream(0))
    total = 0.0
    assert np.array_equal(session.real.obs, obs)
    for action in ACTIONS:
        session.step(action)
        obs, reward, *_ = env.step(action)
        total += float(reward)
        assert np.array_equal(session.real.obs, obs)
    assert session.real.gained == pytest.approx(total)


def test_all_begin_at_the_same_start(session: Session) -> None:
    assert all(np.array_equal(pane.row, session.real.row) for pane in session.dreams)
    lived(session)
    before = session.real.row
    session.reset()
    assert not np.array_equal(session.real.row, before)
    assert all(np.array_equal(pane.row, session.real.row) for pane in session.dreams)


def test_the_same_episode_again_goes_the_same_way(session: Session) -> None:
    first = lived(session)
    session.reset(again=True)
    assert lived(session) == first
    session.reset()
    assert lived(session) != first


def test_dreams_drift_away_and_come_back_when_they_are_synchronised(session: Session) -> None:
    lived(session)
    gained = [pane.gained for pane in session.dreams]
    assert all(pane.distance is not None and pane.distance > 0 for pane in session.dreams)
    session.resync()
    assert [pane.distance for pane in session.dreams] == [0.0, 0.0]
    assert [pane.gained for pane in session.dreams] == gained
    assert session.synced == len(ACTIONS)


def test_a_synchronised_dream_knows_what_led_to_the_present(models: Mapping[str, FittedModel]) -> None:
    """A memory that has read the past goes on otherwise than one that begins at the same observation."""
    session = Session(sandbox.world("lander"), {"rnn": models["rnn"]}, seed=3)
    lived(session)
    session.resync()
    start = session._start()
    assert start.length.tolist() == [min(len(ACTIONS), session.history)]
    assert start.action[0, -1].tolist() == [ACTIONS[-1]]
    remembered = models["rnn"].begin(start)["hidden"]
    assert not remembered.allclose(
        models["rnn"].begin(type(start)(start.obs, start.action, 0 * start.length))["hidden"]
    )


def test_synchronising_does_not_change_the_simulator(models: Mapping[str, FittedModel]) -> None:
    plain, synced = (Session(sandbox.world("lander"), models, seed=5) for _ in range(2))
    for action in ACTIONS:
        plain.step(action)
        synced.step(action)
        synced.resync()
    assert np.array_equal(plain.real.row, synced.real.row)
    plain.reset()
    synced.reset()
    assert np.array_equal(plain.real.row, synced.real.row)


def test_what_has_ended_stays_as_it_ended(session: Session) -> None:
    for _ in range(400):
        session.step(0)
    assert session.over
    assert all(pane.ended for pane in session.dreams), "a rocket that falls comes down in every dream"
    fallen = [pane.row.copy() for pane in session.panes]
    gained = [pane.gained for pane in session.panes]
    session.step(2)
    assert all(np.array_equal(pane.row, row) for pane, row in zip(session.panes, fallen, strict=True))
    assert [pane.gained for pane in session.panes] == gained
    assert all(pane.distance is None for pane in session.dreams)
    assert 0 < session.real.ended_at == session.steps < 400


def test_a_truth_of_its_own_kind_surprises_no_model(session: Session) -> None:
    pilot = np.random.default_rng(0)
    seen = []
    while not session.over and session.steps < 120:
        session.step(int(pilot.integers(4)))
        seen.append([pane.p for pane in session.dreams])
    told = np.array(seen, np.float64)
    assert ((told > 0) & (told <= 1)).all()
    assert (told.mean(axis=0) > 0.2).all()


def test_one_step_surprises_as_the_whole_log_says(models: Mapping[str, FittedModel]) -> None:
    import sandbox_agents

    model, world = models["rnn"], sandbox.world("lander")
    agent = sandbox_agents.make("random", *world.spaces, seed=0)
    log = sandbox.collect(world.make_vec(1), agent, 16, np.random.default_rng(0))
    whole = model.surprise(log).p
    for step in range(16):
        obs, action = log.obs[: step + 1], log.action[: step + 1]
        assert surprise(model, obs, action, log.next_obs[step], seed=0) == pytest.approx(whole[step], abs=1e-3)


def test_a_temperature_counts_from_the_next_step_on(models: Mapping[str, FittedModel]) -> None:
    cold, hot = (Session(sandbox.world("lander"), models, seed=3) for _ in range(2))
    hot.set_temperature(100.0)
    assert hot.temperature == HOTTEST
    assert lived(cold) != lived(hot)
    cold.set_temperature(0.0)
    assert cold.temperature == COLDEST


@pytest.mark.parametrize("temperature", [0.0, -1.0, 9.0])
def test_a_temperature_out_of_range_is_refused(models: Mapping[str, FittedModel], temperature: float) -> None:
    with pytest.raises(ValueError, match="a temperature is from"):
        Session(sandbox.world("lander"), models, temperature=temperature)


def test_a_dream_of_another_world_is_refused() -> None:
    with pytest.raises(AnotherWorldError, match=r"the dream vae has observations .* a dream of another world"):
        Session(sandbox.world("cartpole"), {"vae": pretrained.load("lander/vae")})


def test_a_foreign_simulator_has_futures_where_it_can_be_copied() -> None:
    session = Session(sandbox.world("CartPole-v1"), {}, seed=1)
    env = gymnasium.make("CartPole-v1")
    obs, _ = env.reset(seed=session._stream(0))
    assert np.array_equal(session.real.obs, obs)
    for action in (0, 1, 1, 0):
        session.step(action)
        obs, *_ = env.step(action)
        assert np.array_equal(session.real.obs, obs)
    futures = session._simulator.futures
    assert futures is not None
    assert np.allclose(futures, session.real.row, atol=1e-6), "CartPole has no chance in it: all futures are one"
    session.close()
