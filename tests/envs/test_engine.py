import copy
import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import sandbox_envs
from sandbox_envs.cartpole import CartPole
from sandbox_envs.core import Simulation, loops_of
from sandbox_envs.random import draw_uniform
from sandbox_envs.vector import SimVectorEnv

WORLDS = sandbox_envs.worlds()


def random_actions(envs: Any, steps: int, seed: int = 0) -> list[Any]:
    space = copy.deepcopy(envs.action_space)
    space.seed(seed)
    return [space.sample() for _ in range(steps)]


def played(envs: Any, actions: list[Any], seed: Any = 0) -> list[Any]:
    """Everything an environment returns, in order."""
    returned = [envs.reset(seed=seed)[0]]
    for action in actions:
        returned.extend(envs.step(action)[:4])
    return returned


def digest(arrays: list[Any]) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


@pytest.mark.parametrize("world", WORLDS)
def test_a_row_is_bitwise_the_same_in_batches_of_1_7_and_1024(world: str) -> None:
    large = SimVectorEnv(world, 1024)
    actions = random_actions(large, 250)
    expected = played(large, actions)
    for count in (1, 7):
        small = played(SimVectorEnv(world, count), [action[:count] for action in actions])
        assert all((few == many[:count]).all() for few, many in zip(small, expected, strict=True))


@pytest.mark.parametrize("world", WORLDS)
def test_a_seed_decides_everything(world: str) -> None:
    envs = SimVectorEnv(world, 7)
    actions = random_actions(envs, 200)
    assert digest(played(envs, actions, 3)) == digest(played(envs, actions, 3))
    assert digest(played(envs, actions, 3)) != digest(played(envs, actions, 4))


@pytest.mark.parametrize("world", WORLDS)
def test_two_processes_agree_bitwise(world: str) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_engine import *;"
        "envs = SimVectorEnv(sys.argv[2], 7); print(digest(played(envs, random_actions(envs, 200))))"
    )
    envs = SimVectorEnv(world, 7)
    told = run_python(script, str(Path(__file__).parent), world)
    assert told == digest(played(envs, random_actions(envs, 200)))


def run_python(script: str, *arguments: str, **environment: str) -> str:
    """What a new Python process prints, without the line's end."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


WORLD = """
from typing import NamedTuple
import numpy as np
from gymnasium import spaces
from sandbox_envs.core import Simulation
from helper import stride

class Parameters(NamedTuple):
    pace: float = 1.0

class Stroll(Simulation):
    Parameters = Parameters
    fields = [("x", "f8")]
    @staticmethod
    def reset(s, p):
        s.x = 0.0
    @staticmethod
    def step(s, action, p):
        s.x += 1.0 * stride(p.pace)
        return s.x, False
    @staticmethod
    def observe(s, obs, p):
        obs[0] = s.x
    observation_space = spaces.Box(-9, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)
"""
HELPER = """
from sandbox_envs.core import compiled

@compiled
def stride(pace):
    return 1.0 * pace
"""
STROLL = (
    "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np; from stroll import Stroll;"
    "from sandbox_envs.vector import SimVectorEnv; envs = SimVectorEnv(Stroll, 1); envs.reset(seed=0);"
    "print(envs.step(np.array([0]))[1][0])"
)


def test_an_edited_world_runs_its_new_physics_in_a_new_process(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (tmp_path / "stroll.py").write_text(WORLD)
    (tmp_path / "helper.py").write_text(HELPER)
    assert run_python(STROLL, str(tmp_path), NUMBA_CACHE_DIR=str(cache)) == "1.0"
    compiled_once = sorted(cache.rglob("*.nbc"))
    assert compiled_once, "the world was not cached"
    assert run_python(STROLL, str(tmp_path), NUMBA_CACHE_DIR=str(cache)) == "1.0"
    assert sorted(cache.rglob("*.nbc")) == compiled_once, "the second process compiled again"

    (tmp_path / "stroll.py").write_text(WORLD.replace("1.0 * stride", "2.0 * stride"))
    assert run_python(STROLL, str(tmp_path), NUMBA_CACHE_DIR=str(cache)) == "2.0"
    (tmp_path / "helper.py").write_text(HELPER.replace("1.0 * pace", "3.0 * pace"))
    assert run_python(STROLL, str(tmp_path), NUMBA_CACHE_DIR=str(cache)) == "6.0"


GRID = """
from typing import NamedTuple
import numpy as np
from gymnasium import spaces
from sandbox_envs.core import Simulation, compiled

class Parameters(NamedTuple):
    size: int = 3

@compiled
def add_to_all(s):
    for row in range(s.grid.shape[0]):
        s.grid[row, 0] += 1.0

class Board(Simulation):
    Parameters = Parameters
    fields = [("note", "f8")]
    def record_fields(self):
        return [("grid", "f8", (self.parameters.size, 2)), *self.fields]
    @staticmethod
    def reset(s, p):
        s.note = 7.0
        s.grid[:] = 0.0
    @staticmethod
    def step(s, action, p):
        add_to_all(s)
        return s.grid[:, 0].sum(), False
    @staticmethod
    def observe(s, obs, p):
        obs[0] = s.note
    observation_space = spaces.Box(-9, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)
"""
BOARDS = (
    "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np; from board import Board;"
    "from sandbox_envs.vector import SimVectorEnv\n"
    "for size in sys.argv[2:]: envs = SimVectorEnv(Board, 1, size=int(size)); obs = envs.reset(seed=0)[0];"
    "print(envs.step(np.array([0]))[1][0], obs[0, 0])"
)


def test_records_of_two_sizes_keep_apart_in_the_cache(tmp_path: Path) -> None:
    (tmp_path / "board.py").write_text(GRID)
    cache = str(tmp_path / "cache")
    told = {3: "3.0 7.0", 50: "50.0 7.0"}
    for sizes in ([3], [50], [3, 50], [50, 3]):
        expected = "\n".join(told[size] for size in sizes)
        assert run_python(BOARDS, str(tmp_path), *map(str, sizes), NUMBA_CACHE_DIR=cache) == expected


def test_a_world_may_be_written_in_a_script(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text(HELPER)
    script = WORLD + STROLL.replace("from stroll import Stroll;", "").replace("import sys;", "\nimport sys;")
    (tmp_path / "script.py").write_text("import sys; sys.path.insert(0, sys.argv[1])\n" + script)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "1.0"


def test_new_parameters_compile_nothing_again() -> None:
    SimVectorEnv(CartPole, 2)
    before = len(loops_of(CartPole, "vector").step_rows.overloads)
    envs = SimVectorEnv(CartPole, 5, gravity=3, max_episode_steps=7, autoreset_mode="NextStep")
    assert envs.simulation.parameters.gravity == 3.0
    assert len(loops_of(CartPole, "vector").step_rows.overloads) == before


def test_a_list_of_seeds_is_taken_and_none_keeps_a_rows_stream() -> None:
    envs, other = SimVectorEnv("cartpole", 3), SimVectorEnv("cartpole", 3)
    assert (envs.reset(seed=5)[0] == other.reset(seed=[5, 6, 7])[0]).all()
    continued = envs.reset()[0]
    assert (other.reset(seed=[None, 6, None])[0][[0, 2]] == continued[[0, 2]]).all()
    assert other.reset(seed=[5, 6, 7])[0][1] != pytest.approx(continued[1])


def test_rows_without_a_seed_differ() -> None:
    first, second = (SimVectorEnv("cartpole", 4).reset()[0] for _ in range(2))
    assert len(np.unique(np.concatenate([first, second]), axis=0)) == 8


@pytest.mark.parametrize("seed", [-1, [1, 2], [0, -1, 2]])
def test_a_bad_seed_is_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"[Ss]eed"):
        SimVectorEnv("cartpole", 3).reset(seed=seed)


@pytest.mark.parametrize(
    "action", [[0, 2, 1], [0, -1, 1], [0, 1], [[0], [1], [1]], [0.0, 1.0, 1.0], ["a", "b", "c"], 1]
)
def test_a_bad_discrete_action_steps_nothing(action: Any) -> None:
    envs = SimVectorEnv("cartpole", 3)
    envs.reset(seed=0)
    before = envs.snapshot()
    with pytest.raises(ValueError, match=r"[Aa]ction"):
        envs.step(np.array(action))
    assert (envs.snapshot() == before).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.5, -1.001])
def test_a_bad_continuous_action_names_its_row(bad: float) -> None:
    envs = SimVectorEnv("lander", 3, continuous=True)
    envs.reset(seed=0)
    actions = np.zeros((3, 2), np.float32)
    actions[1, 0] = bad
    with pytest.raises(ValueError, match="row 1"):
        envs.step(actions)


def test_wider_kinds_of_the_same_action_do_the_same() -> None:
    discrete, continuous = SimVectorEnv("cartpole", 2), SimVectorEnv("lander", 2, continuous=True)
    for envs, kinds in ((discrete, [np.int64, np.int8, np.uint16]), (continuous, [np.float32, np.float64, np.int32])):
        action = np.ones(envs.action_space.shape)
        runs = {digest(played(envs, [action.astype(kind)] * 5)) for kind in kinds}
        assert len(runs) == 1


def test_stepping_before_reset_is_refused() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        SimVectorEnv("cartpole", 2).step(np.array([0, 0]))
    with pytest.raises(gymnasium.error.ResetNeeded):
        sandbox_envs.SimEnv("cartpole").step(0)


@pytest.mark.parametrize("world", WORLDS)
def test_a_restored_snapshot_has_the_same_future(world: str) -> None:
    envs = SimVectorEnv(world, 5)
    actions = random_actions(envs, 80)
    played(envs, actions[:40])
    snapshot = envs.snapshot()
    future = [envs.step(action)[:4] for action in actions[40:]]
    obs = envs.restore(snapshot)
    assert (obs == envs.restore(snapshot)).all()
    again = [envs.step(action)[:4] for action in actions[40:]]
    assert all((a == b).all() for x, y in zip(future, again, strict=True) for a, b in zip(x, y, strict=True))


def test_one_state_branches_into_many_futures() -> None:
    source, branches = SimVectorEnv("lander", 3), SimVectorEnv("lander", 64)
    source.reset(seed=0)
    one = source.snapshot([1])
    actions = np.full(64, 2)
    obs = branches.restore(one)
    assert (obs == obs[0]).all()
    assert len(np.unique(branches.step(actions)[0], axis=0)) == 1, "one stream of random numbers, one future"
    branches.restore(one, seed=0)
    assert len(np.unique(branches.step(actions)[0], axis=0)) == 64


def test_rows_can_be_restored_alone() -> None:
    envs = SimVectorEnv("lander", 4)
    before = envs.reset(seed=0)[0]
    snapshot = envs.snapshot([2])
    moved = envs.step(np.zeros(4, np.int64))[0]
    obs = envs.restore(snapshot, [2])
    assert (obs[2] == before[2]).all()
    assert (obs[[0, 1, 3]] == moved[[0, 1, 3]]).all()


def test_a_snapshot_that_does_not_fit_is_refused() -> None:
    lander, cartpole = SimVectorEnv("lander", 3), SimVectorEnv("cartpole", 3)
    lander.reset(seed=0)
    with pytest.raises(ValueError, match="not one of CartPole"):
        cartpole.restore(lander.snapshot())
    with pytest.raises(ValueError, match="2 rows does not fit 3"):
        lander.restore(lander.snapshot([0, 1]))


@pytest.mark.parametrize("world", WORLDS)
def test_a_pickled_environment_goes_on_where_it_was(world: str) -> None:
    envs = SimVectorEnv(world, 3)
    actions = random_actions(envs, 60)
    played(envs, actions[:30])
    twins = [pickle.loads(pickle.dumps(envs)), copy.deepcopy(envs)]
    expected = digest(continued(envs, actions))
    assert [digest(continued(twin, actions)) for twin in twins] == [expected] * 2


def continued(envs: Any, actions: list[Any]) -> list[Any]:
    return [envs.step(action)[0] for action in actions]


def test_truncation_is_not_termination() -> None:
    envs = SimVectorEnv("cartpole", 2, max_episode_steps=3)
    envs.reset(seed=0)
    for step in range(3):
        _, _, terminated, truncated, info = envs.step(np.array([step % 2, step % 2]))
    assert not terminated.any()
    assert truncated.all()
    assert info["_final_obs"].all()


def test_the_time_limit_is_gymnasiums_to_set() -> None:
    assert gymnasium.make("sandbox/CartPole-v0").spec.max_episode_steps == 500
    envs = gymnasium.make_vec("sandbox/CartPole-v0", num_envs=2, max_episode_steps=4)
    envs.reset(seed=0)
    assert [bool(envs.step(np.array([k % 2] * 2))[3].all()) for k in range(8)] == [False, False, False, True] * 2


def test_a_masked_reset_leaves_other_rows_alone() -> None:
    envs = SimVectorEnv("cartpole", 3, autoreset_mode=AutoresetMode.DISABLED)
    envs.reset(seed=0)
    obs = envs.step(np.array([1, 1, 1]))[0]
    after, _ = envs.reset(options={"reset_mask": np.array([False, True, False])})
    assert (after[[0, 2]] == obs[[0, 2]]).all()
    assert (after[1] != obs[1]).any()
    with pytest.raises(ValueError, match="reset_mask"):
        envs.reset(options={"reset_mask": np.array([False, False, False])})


def test_without_autoreset_a_row_that_ended_must_be_reset() -> None:
    envs = SimVectorEnv("cartpole", 2, autoreset_mode="Disabled", max_episode_steps=2)
    envs.reset(seed=0)
    envs.step(np.array([0, 1]))
    envs.step(np.array([0, 1]))
    with pytest.raises(ValueError, match=r"Rows \[0, 1\] have ended"):
        envs.step(np.array([0, 1]))


def test_a_single_episode_stays_as_it_ended() -> None:
    env = sandbox_envs.SimEnv("cartpole")
    env.reset(seed=0)
    terminated = False
    while not terminated:
        obs, reward, terminated, _, _ = env.step(1)
    assert reward == 1.0
    after, reward, terminated, _, _ = env.step(1)
    assert (after == obs).all()
    assert (reward, terminated) == (0.0, True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"num_envs": 0}, "num_envs"),
        ({"max_episode_steps": 0}, "max_episode_steps"),
        ({"autoreset_mode": "sometimes"}, "NextStep"),
        ({"render_mode": "human"}, "rgb_array"),
        ({"gravty": 1.0}, "did you mean 'gravity'"),
        ({"gravity": "low"}, "'gravity' must be a finite number, got 'low'"),
        ({"gravity": float("nan")}, "'gravity' must be a finite number"),
        ({"gravity": True}, "'gravity' must be a finite number"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SimVectorEnv("cartpole", **arguments)


@pytest.mark.parametrize("lead_time", [2.5, 3.0, np.float64(2.0), True, "3"])
def test_a_whole_number_is_never_cut_out_of_another(lead_time: Any) -> None:
    with pytest.raises(ValueError, match=r"Supply's parameter 'lead_time' must be a whole number, got"):
        sandbox_envs.simulation("supply", lead_time=lead_time)
    assert sandbox_envs.simulation("supply", lead_time=np.int64(2)).parameters.lead_time == 2


def test_an_unknown_world_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'lander'"):
        sandbox_envs.simulation("landr")


def test_importing_the_package_imports_no_numba() -> None:
    script = "import time, sys, gymnasium; t = time.perf_counter(); import sandbox_envs; sandbox_envs.worlds();"
    script += "print('numba' in sys.modules, 'pygame' in sys.modules, time.perf_counter() - t < 0.4)"
    assert run_python(script) == "False False True"


def test_gymnasium_imports_the_package_by_itself() -> None:
    script = "import gymnasium; e = gymnasium.make('sandbox_envs:sandbox/Lander-v0', gravity=1.6);"
    script += "print(e.unwrapped.simulation.parameters.gravity, type(gymnasium.make_vec(e.spec.id, 8)).__name__)"
    assert run_python(script) == "1.6 SimVectorEnv"


class LampParameters(NamedTuple):
    size: float = 1.0


class Lamps(Simulation):
    """Switches of several kinds; the observation is the last action, and the noise of the row."""

    Parameters = LampParameters
    fields: ClassVar = [("lamp", "f8", (4,)), ("noise", "f8")]
    kind: ClassVar[str] = "MultiDiscrete"

    @staticmethod
    def reset(s: Any, p: Any) -> None:
        s.lamp[:] = 0.0
        s.noise = draw_uniform(s, 0.0, 1.0)

    @staticmethod
    def step(s: Any, action: Any, p: Any) -> tuple[float, bool]:
        for lamp in range(action.shape[0]):
            s.lamp[lamp] = action[lamp]
        s.noise = draw_uniform(s, 0.0, 1.0)
        return s.lamp[0], s.noise < 0.1

    @staticmethod
    def observe(s: Any, obs: Any, p: Any) -> None:
        obs[:4] = s.lamp
        obs[4] = s.noise

    def __init__(self, space: spaces.Space[Any]) -> None:
        super().__init__()
        self._space = space

    @property
    def observation_space(self) -> spaces.Box:
        return spaces.Box(-10, 10, (5,), np.float32)

    @property
    def action_space(self) -> spaces.Space[Any]:
        return self._space


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(3, start=-1),
        spaces.MultiDiscrete([2, 3, 4]),
        spaces.MultiDiscrete([[2, 3], [4, 5]], start=[[1, 0], [0, -2]]),
        spaces.MultiBinary(3),
        spaces.Box(-2, 3, (2, 2), np.float32),
    ],
)
def test_every_kind_of_action_space_reaches_the_world(space: spaces.Space[Any]) -> None:
    world = Lamps(space)
    envs = SimVectorEnv(world, 3, max_episode_steps=20)
    sandbox_envs.check_vector_env(envs, lambda: gymnasium.wrappers.TimeLimit(sandbox_envs.SimEnv(world), 20), steps=100)
    envs.reset(seed=0)
    actions = random_actions(envs, 30)
    for action in actions:
        obs, _, terminated, _, _ = envs.step(action)
        flat = action.reshape(3, -1)
        assert obs[~terminated][:, : flat.shape[1]] == pytest.approx(flat[~terminated])


def test_an_unbounded_action_space_is_refused() -> None:
    with pytest.raises(ValueError, match="bounded Box"):
        SimVectorEnv(Lamps(spaces.Box(-np.inf, np.inf, (2,))), 1)


def test_the_batch_equals_single_environments_of_other_parameters_too() -> None:
    envs = gymnasium.make_vec("sandbox/Lander-v0", num_envs=3, gravity=1.6, wind=9.0)
    single = SyncVectorEnv(
        [lambda: gymnasium.make("sandbox/Lander-v0", gravity=1.6, wind=9.0)] * 3, autoreset_mode=AutoresetMode.SAME_STEP
    )
    actions = random_actions(envs, 200)
    assert digest(played(envs, actions)) == digest(played(single, actions))
    assert digest(played(envs, actions)) != digest(played(SimVectorEnv("lander", 3), actions))
