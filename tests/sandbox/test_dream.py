"""A dream is a Gymnasium environment like any other: the simulators' own checkers say so."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.policies import ActorCriticPolicy

import sandbox
import sandbox_agents
from sandbox.collection import collect
from sandbox.dream import DreamEnv, DreamVectorEnv
from sandbox.models.fit import FitSettings, fit
from sandbox.models.fitted import FittedModel
from sandbox.pretrained import UnknownPretrainedError
from sandbox.trajectories import starts_at
from sandbox.worlds import world
from sandbox_agents.algorithms import Ppo
from sandbox_envs import check_vector_env


def model_of(name: str, family: str, updates: int = 80) -> FittedModel:
    chosen = world(name)
    envs = chosen.make_vec(1)
    actor = sandbox_agents.make("random", *chosen.spaces, 0)
    data = collect(envs, actor, 300, np.random.default_rng(0), horizon=40)
    return fit(data, family, settings=FitSettings(updates=updates))


@pytest.fixture(scope="module", params=["rnn", "diffusion"])
def cartpole(request: pytest.FixtureRequest) -> FittedModel:
    return model_of("sandbox/CartPole-v0", request.param)


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_a_batch_of_dreams_keeps_the_contract_of_vector_environments(
    cartpole: FittedModel, rows: int, mode: AutoresetMode
) -> None:
    envs = DreamVectorEnv(cartpole, rows, autoreset_mode=mode)
    check_vector_env(envs, lambda: DreamEnv(cartpole), steps=120, tolerance=1e-4)


def test_a_single_dream_keeps_gymnasiums_contract(cartpole: FittedModel, tmp_path: Path) -> None:
    cartpole.save(tmp_path / "model")
    env = gymnasium.make("sandbox/Dream-v0", model=str(tmp_path / "model"))
    check_env(env.unwrapped, skip_render_check=True)


def test_make_vec_gives_the_native_batch(cartpole: FittedModel, tmp_path: Path) -> None:
    cartpole.save(tmp_path / "model")
    envs = gymnasium.make_vec("sandbox/Dream-v0", num_envs=3, model=str(tmp_path / "model"))
    assert isinstance(envs.unwrapped, DreamVectorEnv)
    obs, _ = envs.reset(seed=0)
    assert obs.shape == (3, 4)


def test_gymnasium_makes_pretrained_dreams_by_name() -> None:
    env = gymnasium.make("sandbox/Dream-v0", model="lander/vae")
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    envs = gymnasium.make_vec("sandbox/Dream-v0", num_envs=2, model="lander/vae")
    assert envs.reset(seed=0)[0].shape == (2, 9)
    with pytest.raises(UnknownPretrainedError, match="did you mean lander/vae"):
        gymnasium.make("sandbox/Dream-v0", model="lander/vea")


def test_a_row_is_the_same_in_a_batch_of_any_size(cartpole: FittedModel) -> None:
    def lived(rows: int) -> np.ndarray:
        envs = DreamVectorEnv(cartpole, rows)
        seen = [envs.reset(seed=11)[0][0]]
        for step in range(60):
            seen.append(envs.step(np.full(rows, step % 2))[0][0])
        return np.array(seen)

    for rows in (7, 64):
        np.testing.assert_allclose(lived(1), lived(rows), atol=1e-4)


def test_a_dream_begins_where_real_episodes_begin(cartpole: FittedModel) -> None:
    obs, _ = DreamVectorEnv(cartpole, 200).reset(seed=0)
    assert len(cartpole.starts) == 256
    assert (cartpole.starts.length > 0).any()
    real = cartpole.starts.obs[cartpole.starts.length == 0][:, -1]
    assert all((np.abs(real - row).max(axis=1) < 1e-6).any() for row in obs)
    assert (np.abs(obs) < 0.06).all(), "CartPole's episodes begin within ±0.05"


def test_a_dream_is_truncated_at_its_horizon_and_says_so(cartpole: FittedModel) -> None:
    envs = DreamVectorEnv(cartpole, 1, horizon=5)
    envs.reset(seed=3)
    for _ in range(4):
        _, _, terminated, truncated, _ = envs.step(np.array([0]))
        assert not truncated[0]
        if terminated[0]:
            pytest.skip("this seed's dream ended by itself")
    _, _, terminated, truncated, info = envs.step(np.array([0]))
    assert truncated[0] != terminated[0]
    assert info["_final_obs"][0]


def test_a_higher_temperature_dreams_wilder(cartpole: FittedModel) -> None:
    def spread(temperature: float) -> float:
        envs = DreamVectorEnv(
            cartpole,
            256,
            starts=starts_at_zero(cartpole),
            temperature=temperature,
            autoreset_mode=AutoresetMode.DISABLED,
        )
        envs.reset(seed=0)
        return float(envs.step(np.zeros(256, np.int64))[0].std(axis=0).sum())

    assert spread(0.1) < spread(1.0) < spread(4.0)


def test_rows_in_turn_begin_at_their_own_starts_again_and_again(cartpole: FittedModel) -> None:
    envs = DreamVectorEnv(cartpole, 7, in_turn=True, autoreset_mode=AutoresetMode.DISABLED)
    own = envs.starts.obs[np.arange(7) % len(envs.starts), -1]
    for seed in (0, 1):
        np.testing.assert_array_equal(envs.reset(seed=seed)[0], own)
        envs.step(np.zeros(7, np.int64))


def starts_at_zero(model: FittedModel) -> sandbox.Starts:
    return sandbox.Starts(model.starts.obs[:1], model.starts.action[:1], model.starts.length[:1])


@pytest.mark.parametrize("action", [np.array([2, 0]), np.array([0.5, 0.0]), np.array([np.nan, 0.0]), np.array([0])])
def test_acting_outside_the_space_is_refused(cartpole: FittedModel, action: np.ndarray) -> None:
    envs = DreamVectorEnv(cartpole, 2)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="outside its action space"):
        envs.step(action)


def test_a_dream_keeps_the_environments_own_spaces() -> None:
    model = model_of("Pendulum-v1", "mixture")
    envs = DreamVectorEnv(model, 4)
    assert envs.single_action_space == gymnasium.make("Pendulum-v1").action_space
    obs, _ = envs.reset(seed=0)
    for _ in range(300):
        obs, reward, _, _, _ = envs.step(envs.action_space.sample())
        assert envs.observation_space.contains(obs)
        assert np.isfinite(reward).all()


def test_history_reaches_the_memory() -> None:
    """Beginning at a later step with its history equals living there: the rnn's state is the same."""
    chosen = world("CartPole-v1")
    actor = sandbox_agents.make("random", *chosen.spaces, 0)
    data = collect(chosen.make_vec(1), actor, 300, np.random.default_rng(0))
    model = fit(data, "rnn", settings=FitSettings(updates=40))
    late = int(np.flatnonzero(data.elapsed == 6)[0])
    with_history = model.begin(starts_at(data, np.array([late]), model.history))
    without = model.begin(starts_at(data, np.array([late]), 0))
    assert with_history["obs"].equal(without["obs"])
    assert not with_history["hidden"].equal(without["hidden"])
    state = model.begin(starts_at(data, np.array([late - 6]), model.history))
    import torch

    for step in range(late - 6, late):
        state["obs"] = torch.from_numpy(data.obs[[step]])
        _, state = model.step(state, torch.from_numpy(data.action[[step]]), torch.zeros(1, model.noise_dim))
    torch.testing.assert_close(state["hidden"], with_history["hidden"], rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def fallen() -> FittedModel:
    """A model of Lander that has seen forty crashes and nothing else."""
    chosen = world("lander")
    actor = sandbox_agents.make("random", *chosen.spaces, 0)
    data = collect(chosen.make_vec(8), actor, 4000, np.random.default_rng(0), horizon=400)
    return fit(data, "mixture", settings=FitSettings(updates=300))


def test_an_end_costs_as_much_of_its_penalty_as_it_is_feared(fallen: FittedModel) -> None:
    def ends(fear: float) -> np.ndarray:
        envs = DreamVectorEnv(fallen, 64, fear=fear)
        envs.reset(seed=0)
        envs.action_space.seed(0)
        paid = []
        for _ in range(200):
            _, reward, terminated, _, _ = envs.step(envs.action_space.sample())
            paid += reward[terminated].tolist()
        return np.array(paid)

    full, usual = ends(1.0), fallen.usual_reward
    assert np.median(full) < -50, "an end costs a hundred"
    assert ends(0.0).min() == usual, "a fearless dream pays no end less than a usual step"
    bad = full < usual
    assert ends(0.3)[bad] == pytest.approx(usual + 0.3 * (full[bad] - usual))
    with pytest.raises(ValueError, match=r"a share, from 0 to 1, not 1\.5"):
        DreamVectorEnv(fallen, fear=1.5)


def test_dreams_and_agents_take_one_thread_and_give_the_others_back(
    cartpole: FittedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, int] = {}

    def watch(owner: object, name: str) -> None:
        plain = getattr(owner, name)

        def watched(*arguments: object, **named: object) -> object:
            taken[name] = torch.get_num_threads()
            return plain(*arguments, **named)

        monkeypatch.setattr(owner, name, watched)

    for name in ("begin", "step", "losses"):
        watch(type(cartpole.network), name)
    watch(ActorCriticPolicy, "predict_values")
    watch(Ppo, "train")
    torch.set_num_threads(2)
    try:
        envs = DreamVectorEnv(model_of("sandbox/CartPole-v0", "mixture", updates=1), 4)
        agent = sandbox_agents.make("ppo", envs.single_observation_space, envs.single_action_space, 0)
        agent.learn(envs, 64)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert taken == dict.fromkeys(("begin", "step", "losses", "predict_values", "train"), 1)
