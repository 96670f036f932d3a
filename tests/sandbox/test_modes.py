"""Every mode of a contrast: what it spends, what it learns from, and where its transitions came from."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

import sandbox_agents
from sandbox import experiment
from sandbox.branched import Branched
from sandbox.cell import LOG, run_cell
from sandbox.collection import collect
from sandbox.dream import DreamVectorEnv
from sandbox.models.codec import worst_return
from sandbox.models.fit import FitSettings, fit
from sandbox.modes import MODES, dream, mix, mode, upsample
from sandbox.modes.ends import Ends
from sandbox.modes.replay import drawn, remembered, replaying, studied
from sandbox.modes.settings import DreamSettings, read_by
from sandbox.modes.stages import Dreams, fitted, lived_by
from sandbox.modes.task import Task
from sandbox.modes.upsample import _part
from sandbox.planning import Imagined, foreseen, load_agent
from sandbox.spaces import Rows
from sandbox.still import Still
from sandbox.trajectories import Trajectories, concatenate
from sandbox.uncounted import Uncounted
from sandbox.worlds import examine, world
from sandbox_agents import Planner, PlannerSettings, Sb3Agent
from sandbox_agents.tuned import tuned

HERE = Path(__file__).parent
QUICK = {
    "rounds": 2,
    "dream_steps": 256,
    "dream_steps_per_real": 1,
    "effort": 0.02,
    "rows": 8,
    "starts": 32,
    "branches": 20,
    "branch_length": 3,
    "updates_per_step": 1,
    "times": 2,
    "offline_updates": 100,
    "plan_steps": 2,
    "plans": 4,
    "plan_iterations": 1,
}
LEARNED = ("mix", "upsample", "plan", "perfect", "persistence")


def contrast(name: str = "CartPole-v1", **changes: object) -> experiment.Contrast:
    settings: dict[str, object] = {"models": ("mixture",), "real_steps": 120, "seeds": (0,), "episodes": 2}
    return experiment.Contrast(world=world(name), **(settings | {"dream": QUICK} | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The rows of every mode, each in this process: quicker than a process a cell."""
    rows = []
    for cell in contrast(modes=LEARNED, ceiling_steps=130).cells(examine(world("CartPole-v1"))):
        folder = tmp_path_factory.mktemp("cells") / cell.name
        folder.mkdir()
        (folder / "cell.json").write_text(json.dumps(cell.__dict__))
        run_cell(folder, lambda stage: None)
        rows.append(json.loads((folder / "row.json").read_text()) | {"folder": folder})
    return rows


class Killed(BaseException):
    """What a test raises where a power cut would strike."""


@pytest.mark.parametrize(("name", "stages"), [("mix", 6), ("plan", 4), ("persistence", 5)])
def test_a_killed_cell_ends_with_the_row_of_one_that_never_was(
    finished: list[dict], name: str, stages: int, tmp_path: Path
) -> None:
    undisturbed = row_of(finished, name, None if name == "persistence" else "mixture")
    (tmp_path / "cell.json").write_text((undisturbed["folder"] / "cell.json").read_text())
    begun: list[str] = []

    def die(stage: str) -> None:
        begun.append(stage)
        if len(begun) > stages:
            raise Killed

    with pytest.raises(Killed):
        run_cell(tmp_path, die)
    run_cell(tmp_path, lambda stage: None)
    row = json.loads((tmp_path / "row.json").read_text())
    clocks = {"wall_seconds", "cpu_seconds", "simulator_seconds", "curve", "folder"}
    assert {key: row[key] for key in row.keys() - clocks} == {key: undisturbed[key] for key in row.keys() - clocks}
    assert [point["return_real"] for point in row["curve"]] == [p["return_real"] for p in undisturbed["curve"]]


def row_of(rows: list[dict], name: str, model: str | None = "mixture") -> dict:
    return next(row for row in rows if row["mode"] == name and row["model"] == model)


def test_every_mode_has_its_models_and_learners(finished: list[dict]) -> None:
    assert {(row["mode"], row["model"], row["agent"]) for row in finished} == {
        ("mix", "mixture", "dqn"),
        ("upsample", "mixture", "dqn"),
        ("upsample", None, "dqn"),
        ("plan", "mixture", "cem"),
        ("perfect", None, "ppo"),
        ("persistence", None, "ppo"),
        ("ceiling", None, "ppo"),
        ("ceiling", None, "dqn"),
    }


def test_every_mode_spends_its_budget_to_the_step_and_a_flawless_model_spends_none(finished: list[dict]) -> None:
    spent = {row["mode"]: row["real_steps"] for row in finished}
    assert spent == {"mix": 120, "upsample": 120, "plan": 120, "perfect": 0, "persistence": 120, "ceiling": 130}


def test_one_seeds_log_is_the_same_for_every_model(finished: list[dict]) -> None:
    with_model, alone = row_of(finished, "upsample"), row_of(finished, "upsample", None)
    assert with_model["log"] == alone["log"]
    assert len(alone["log"]) == 64
    assert with_model["dream_steps"] == 2 * 120
    assert alone["dream_steps"] == 0


def test_a_model_is_judged_by_what_came_after_it_where_anything_did(finished: list[dict]) -> None:
    judged = {row["mode"] for row in finished if row["card"]}
    assert judged == {"mix", "plan"} == {row["mode"] for row in finished if "skill" in row["fidelity"]}
    assert all(len(row_of(finished, name)["card"]["dimensions"]) == 4 for name in judged)


def test_a_planner_is_judged_by_fewer_episodes_and_says_so(finished: list[dict]) -> None:
    plan = row_of(finished, "plan")
    assert plan["return_real"]["episodes"] == 2
    cells = contrast(modes=("plan", "mix"), episodes=100).cells(examine(world("CartPole-v1")))
    assert {cell.mode: cell.episodes for cell in cells} == {"plan": 20, "mix": 100}


def test_a_planner_comes_back_with_its_model(finished: list[dict]) -> None:
    agent = load_agent(row_of(finished, "plan")["folder"] / "agent")
    assert isinstance(agent, Planner)
    obs, _ = world("CartPole-v1").make_vec(3).reset(seed=0)
    assert np.array_equal(agent.act(obs), agent.act(obs))


@pytest.mark.parametrize("name", ["mix", "plan", "persistence"])
def test_the_second_rounds_fit_goes_on_from_the_first_ones(finished: list[dict], name: str) -> None:
    folder = row_of(finished, name, None if name == "persistence" else "mixture")["folder"]
    first, second = (json.loads(line)["update"] for line in (folder / "fit.jsonl").read_text().splitlines())
    assert 0 < second < 0.6 * first, "it knows more, and took fewer updates"


def test_modes_carry_only_the_settings_that_they_read() -> None:
    chosen = {"real_share": 0.1, "times": 3, "rounds": 2, "temperature": 1.1, "offline_updates": 9}
    assert read_by("mix", "rnn", chosen) == {"real_share": 0.1, "rounds": 2, "temperature": 1.1}
    assert read_by("upsample", "rnn", chosen) == {"times": 3, "temperature": 1.1, "offline_updates": 9}
    assert read_by("upsample", None, chosen) == {"offline_updates": 9}
    assert read_by("persistence", None, {"ensemble": 5, "parts": {}, "effort": 0.5}) == {"effort": 0.5}
    assert read_by("simulator", None, chosen) == {}


def test_dreams_keep_to_their_data_in_the_last_rounds_and_where_data_are_many() -> None:
    settings = DreamSettings(cautious_rounds=2, bold_steps=5000)
    assert [settings.is_cautious(number, 5, 400 * number) for number in range(1, 6)] == [False] * 3 + [True] * 2
    assert [settings.is_cautious(number, 10, 2700 * number) for number in (1, 2)] == [False, True]


def test_ends_are_feared_as_often_as_they_are_good_and_wholly_in_the_last_rounds() -> None:
    settings = DreamSettings(fearless=0.8, enough_prizes=10)
    prizes = [0, 3, 9, 10, 30, 0, 0, 0, 0, 0]
    fear = [settings.fear_in(number, 10, Ends(20 + found, found, 0.4)) for number, found in enumerate(prizes, 1)]
    assert fear == [0.0] * 3 + [0.4] * 2 + [0.0] * 3 + [1.0] * 2
    assert settings.fear_in(5, 5, Ends(20, 0, 0.0)) == 1.0


def test_what_became_of_the_episodes_is_counted() -> None:
    before, latest = episodes(200, 8), episodes(100, 4)
    latest.reward[np.flatnonzero(latest.terminated)[:3]] = 2.0
    assert Ends.of(concatenate([before, latest]), latest, usual_reward=1.0) == Ends(met=12, good=3, latest_good=0.3)


@pytest.mark.parametrize(("prizes", "feared"), [(9, False), (10, True)])
def test_a_round_counts_the_prizes_in_its_data(
    real_and_synthetic: tuple[Task, Trajectories, Trajectories],
    monkeypatch: pytest.MonkeyPatch,
    prizes: int,
    feared: bool,
) -> None:
    work, log, _ = real_and_synthetic
    asked: list[float] = []
    monkeypatch.setattr(dream, "DreamVectorEnv", lambda model, rows, *, fear, **rest: asked.append(fear))
    monkeypatch.setattr(dream, "taught", lambda work, agent, number, dreams, judge, anew: (dreams(1), 0))
    model, agent = fitted(work, [log], "fit"), work.learner()
    ends = concatenate([log] * 3)
    reward = np.ones(len(ends))
    reward[np.flatnonzero(ends.terminated)[:prizes]] = 2.0
    assert ends.terminated.sum() > 10
    seen = dataclasses.replace(ends, reward=reward)
    dream._taught(work, model, agent, seen, seen, 1)
    assert asked == [prizes / len(seen.lengths) if feared else 0.0]


@pytest.mark.parametrize(
    ("known", "good", "latest_good", "ended", "seeking"),
    [
        (5001, 0, 0, 5, True),
        (5001, 12, 4, 5, True),
        (5001, 12, 5, 5, False),
        (5000, 0, 0, 5, False),
        (5001, 0, 0, 0, False),
    ],
    ids=["no good end is known", "few episodes come to one", "many do", "few steps are known", "nothing ever ended"],
)
def test_a_newcomer_who_fears_nothing_seeks_good_ends_beside_the_agent(
    real_and_synthetic: tuple[Task, Trajectories, Trajectories],
    monkeypatch: pytest.MonkeyPatch,
    known: int,
    good: int,
    latest_good: int,
    ended: int,
    seeking: bool,
) -> None:
    work, log, _ = real_and_synthetic
    judged_by: list[float] = []
    asked_anew: list[bool] = []
    monkeypatch.setattr(dream, "DreamVectorEnv", lambda *_, fear, **__: judged_by.append(fear))

    def taught(
        work: Task, agent: Sb3Agent, number: int, dreams: Dreams, judge: Dreams, *, anew: bool
    ) -> tuple[Sb3Agent, int]:
        judge(1)
        asked_anew.append(anew)
        return agent, 0

    monkeypatch.setattr(dream, "taught", taught)
    model, agent = fitted(work, [log], "fit"), work.learner()
    before, latest = episodes(known - 200, 2 * ended), episodes(200, ended)
    before.reward[np.flatnonzero(before.terminated)[: good - latest_good]] = 2.0
    latest.reward[np.flatnonzero(latest.terminated)[:latest_good]] = 2.0
    dream._taught(work, model, agent, concatenate([before, latest]), latest, 2)
    assert asked_anew == [seeking]
    fear = latest_good / 10 if good >= 10 else 0.0
    assert judged_by == [fear if seeking else 1.0], "who learned with little fear is judged with as little"


def episodes(steps: int, ended: int) -> Trajectories:
    """Ten episodes of a cart, the last one long, of which the first so many ended."""
    lengths = np.array([10] * 9 + [steps - 90])
    last = np.cumsum(lengths) - 1
    terminated, truncated = np.zeros(steps, bool), np.zeros(steps, bool)
    terminated[last[:ended]], truncated[last[ended:]] = True, True
    spaces = world("CartPole-v1").spaces
    return Trajectories(
        obs=np.zeros((steps, 4), np.float32),
        action=np.zeros((steps, 1), np.float32),
        reward=np.ones(steps),
        next_obs=np.zeros((steps, 4), np.float32),
        terminated=terminated,
        truncated=truncated,
        lengths=lengths,
        observation_space=spaces[0],
        action_space=spaces[1],
    )


def test_few_transitions_and_maps_need_fewer_updates_many_and_wide_ones_more(
    real_and_synthetic: tuple[Task, Trajectories, Trajectories],
) -> None:
    _, log, _ = real_and_synthetic
    settings = DreamSettings(effort=2.0)

    def effort(space: spaces.Space, columns: int, times: int) -> float:
        seen = np.zeros((len(log), columns), np.float32)
        data = dataclasses.replace(log, obs=seen, next_obs=seen, observation_space=space)
        return settings.effort_for(concatenate([data] * times))

    narrow, wide, cells = spaces.Box(-1, 1, (2,)), spaces.Box(-1, 1, (18,)), [3] * 25
    assert effort(narrow, 2, 1) == pytest.approx(2 * (0.25 + 150 / 2000 + 150 / 30_000))
    assert effort(narrow, 2, 20) == pytest.approx(2 * (1 + 3000 / 30_000))
    assert effort(wide, 18, 20) == pytest.approx(3 * (1 + 3000 / 30_000))
    assert effort(spaces.MultiDiscrete(cells), 25, 20) == pytest.approx(0.5)


def test_a_sweep_runs_again_only_what_it_changes() -> None:
    plan = contrast(modes=("simulator", "dream", "mix"), sweep={"real_share": [0.05, 0.5]})
    counted = [cell.mode for cell in plan.cells(examine(world("CartPole-v1")))]
    assert {name: counted.count(name) for name in counted} == {"simulator": 2, "dream": 1, "mix": 2}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ceiling_steps": 100}, "a ceiling has more"),
        ({"dream": {"real_share": 1.5}}, "a share from 0 to 1"),
        ({"dream": {"updates_per_stop": 3}}, "did you mean updates_per_step"),
        ({"dream": {"plans": 0}}, "whole number from 1"),
        ({"modes": ("mixed",)}, "there is no mode mixed"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        contrast(**changes).check()


def test_a_flawless_model_of_a_slow_simulator_is_refused_before_anything_is_spent() -> None:
    found = examine(world("CartPole-v1"))
    slow = type(found)(found.world, found.horizon, 0.5, ())
    with pytest.raises(ValueError, match="the mode perfect would step CartPole-v1 for about"):
        contrast(modes=("perfect",), dream={}).cells(slow)


def test_actions_without_an_off_policy_learner_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_agents, "applicable", lambda space: ["ppo", "random"])
    with pytest.raises(ValueError, match="the mode mix learns by sac or dqn"):
        contrast(modes=("mix",)).check()


def task(folder: Path, name: str = "CartPole-v1", agent: str = "dqn") -> Task:
    return Task(
        world=world(name),
        horizon=500,
        real_steps=150,
        seed=0,
        agent=agent,
        model="mixture",
        dream=DreamSettings(**QUICK),  # type: ignore[arg-type]
        folder=folder,
    )


@pytest.fixture(scope="module")
def real_and_synthetic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, Trajectories, Trajectories]:
    work = task(tmp_path_factory.mktemp("task"))
    actor = sandbox_agents.make("random", *work.world.spaces, 0)
    log = lived_by(work, actor, 150, "log", keep_back=False)
    model = fitted(work, [log], "fit")
    return work, log, drawn(work, model, log, actor, 300, 1, "draw")


@pytest.mark.parametrize(("steps", "gamma"), [(19_999, 0.99), (20_000, 0.995)])
def test_agents_look_further_in_dreams_of_many_real_steps(tmp_path: Path, steps: int, gamma: float) -> None:
    work = dataclasses.replace(task(tmp_path, agent="ppo"), real_steps=steps)
    assert work.learner().settings.gamma == gamma
    assert dataclasses.replace(work, agent_config={"gamma": 0.9}).learner().settings.gamma == 0.9
    assert tuned("ppo", work.world.spaces[1], steps).get("gamma", 0.99) == gamma, "no further than in the simulator"


def test_drawn_transitions_carry_their_models_name(
    real_and_synthetic: tuple[Task, Trajectories, Trajectories],
) -> None:
    work, log, synthetic = real_and_synthetic
    assert synthetic.source["model"] == "mixture"
    assert "model" not in log.source
    stored = Trajectories.load(work.journal.path("draw"))
    assert stored.source["model"] == "mixture"
    assert work.journal.path("draw") != work.journal.path("log")


def test_real_and_drawn_transitions_never_share_a_set_or_memory(
    real_and_synthetic: tuple[Task, Trajectories, Trajectories],
) -> None:
    _, log, synthetic = real_and_synthetic
    with pytest.raises(ValueError, match="never share one set"):
        concatenate([log, synthetic])
    own, drawn_ones = remembered(log), remembered(synthetic)
    for name in ("obs", "action", "reward", "next_obs", "terminated"):
        assert not np.shares_memory(getattr(own, name), getattr(drawn_ones, name))
    assert len(own) == 150
    assert len(drawn_ones) == 300


def test_every_drawn_step_begins_at_a_state_of_the_log(
    real_and_synthetic: tuple[Task, Trajectories, Trajectories],
) -> None:
    _, log, synthetic = real_and_synthetic
    states = {row.tobytes() for row in log.obs}
    assert all(row.tobytes() in states for row in synthetic.obs)


def test_a_cautious_draw_goes_on_from_the_log_and_pays_the_worst_outside_it(tmp_path: Path) -> None:
    work = task(tmp_path)
    actor = sandbox_agents.make("random", *work.world.spaces, 0)
    log = lived_by(work, actor, 150, "log", keep_back=False)
    model = fitted(work, [log], "fit")
    synthetic = drawn(work, model, log, actor, 2000, 20, "draw", cautious=True)
    assert (len(synthetic), synthetic.lengths.max()) == (2000, 20)
    unknown = ~model.is_known(torch.from_numpy(synthetic.next_obs)).numpy()
    assert unknown.any()
    assert synthetic.terminated[unknown].all()
    # A dream may also end by itself where it is unknown, and then pays a prize.
    paid = synthetic.reward[unknown]
    assert np.isclose(paid, model.worst).mean() > 0.5
    states = {row.tobytes() for row in log.obs}
    begun = np.cumsum(synthetic.lengths) - synthetic.lengths
    assert all(row.tobytes() in states for row in synthetic.obs[begun])


def test_an_upsampled_agent_dreams_on_by_itself(tmp_path: Path) -> None:
    work = task(tmp_path)
    changed = DreamSettings(**QUICK | {"helpings": 4, "times": 3, "offline_updates": 102})  # type: ignore[arg-type]
    learned = upsample.learn(dataclasses.replace(work, dream=changed))
    helpings = [Trajectories.load(work.journal.path(f"helping {number} of 4: draw")) for number in (1, 2, 3, 4)]
    assert [each.source["actor"] for each in helpings] == ["random", "dqn", "dqn", "dqn"]
    assert sum(len(each) for each in helpings) == learned.dream_steps == 3 * 150
    assert {each.source["model"] for each in helpings} == {"mixture"}


@pytest.mark.parametrize("name", ["upsample", "mix"])
def test_a_study_that_was_cut_ends_with_the_same_bits(name: str, tmp_path: Path) -> None:
    changed = DreamSettings(**QUICK | {"helpings": 3})  # type: ignore[arg-type]
    calm, cut = (dataclasses.replace(task(tmp_path / run), dream=changed) for run in ("calm", "cut"))
    learn = {"upsample": upsample.learn, "mix": mix.learn}[name]

    def pull_the_plug(stage: str) -> None:
        if stage.startswith(("helping 3", "round 2: learn")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(dataclasses.replace(cut, report=pull_the_plug))
    again = dataclasses.replace(task(tmp_path / "cut"), dream=changed)
    once, resumed = (learn(each).agent._tensors() for each in (calm, again))
    assert all(np.array_equal(once[name], resumed[name]) for name in once)


def test_a_whole_is_shared_without_loss() -> None:
    assert [_part(11, number, 4) for number in (1, 2, 3, 4)] == [2, 3, 3, 3]


def test_study_is_a_stage_that_is_not_done_twice(
    real_and_synthetic: tuple[Task, Trajectories, Trajectories],
) -> None:
    work, log, synthetic = real_and_synthetic
    sources = {"log": (log, 0.5), "synthetic": (synthetic, 0.5)}
    once, again = (studied(work, replaying(work), sources, 50, "study") for _ in range(2))
    own, other = once._tensors(), again._tensors()
    assert all(np.array_equal(own[name], other[name]) for name in own)


def test_in_a_still_dream_nothing_changes(real_and_synthetic: tuple[Task, Trajectories, Trajectories]) -> None:
    work, log, _ = real_and_synthetic
    model = fitted(work, [log], "fit")
    dream = DreamVectorEnv(Still(model), 4, starts=model.starts, horizon=9, spaces=(model.observation, model.action))
    before, _ = dream.reset(seed=0)
    after, reward, ended, *_ = dream.step(np.array([0, 1, 0, 1]))
    assert np.array_equal(before[~ended], after[~ended])
    assert np.allclose(reward, 1.0, atol=0.3)


def test_uncounted_rows_go_on_from_where_they_were_kept() -> None:
    envs, again = (Uncounted(world("CartPole-v1"), 3, 0) for _ in range(2))
    envs.reset()
    rng = np.random.default_rng(0)
    for _ in range(40):
        envs.step(rng.integers(2, size=3))
    again.restore(envs.snapshot())
    for _ in range(20):
        action = rng.integers(2, size=3)
        one, other = envs.step(action), again.step(action)
        for own, its in zip(one[:4], other[:4], strict=True):
            assert np.array_equal(own, its)


def test_a_planner_in_the_branched_simulator_balances_the_pole() -> None:
    truth = Branched("sandbox/CartPole-v0", 4)
    state = truth.begin(truth.starts)
    see, do = truth.spaces

    class Truth:
        """The true futures of the present state."""

        def returns(self, obs: object, plans: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            return foreseen(truth, state, plans.astype(np.float32), rng)[0]

        def save(self, path: Path) -> None:
            raise AssertionError("nobody saves the truth")

    planner = Planner(see.space, do.space, Truth(), PlannerSettings(steps=12, plans=16, iterations=2))
    for _ in range(40):
        rows: Rows = state["obs"].numpy()
        acted = torch.from_numpy(do.to_rows(planner.act(see.from_rows(rows))))
        (_, _, ended), state = truth.step(state, acted, torch.zeros(4, 1))
        assert not ended.any(), "random pushes last about 20 steps"


def test_of_plans_that_pay_alike_the_strangest_is_preferred(tmp_path: Path) -> None:
    """A slide that pays -1 wherever one is: nothing but curiosity tells a plan to go anywhere."""
    rng = np.random.default_rng(0)
    action = rng.uniform(-1, 1, size=(400, 1)).astype(np.float32)
    place = np.concatenate([np.zeros(1), np.cumsum(0.1 * action[:-1, 0])]).astype(np.float32)[:, None]
    log = Trajectories(
        obs=place,
        action=action,
        reward=np.full(400, -1.0),
        next_obs=place + np.float32(0.1) * action,
        terminated=np.zeros(400, bool),
        truncated=np.zeros(400, bool),
        lengths=np.array([400]),
        observation_space=spaces.Box(-np.inf, np.inf, (1,), np.float32),
        action_space=spaces.Box(-1, 1, (1,), np.float32),
    )
    model = fit(log, "window+mixture", settings=FitSettings(updates=200))
    middle = np.array([[float(place.mean())]], np.float32)
    for towards in (1.0, -1.0):
        plans = np.stack([np.zeros((1, 8, 1)), np.full((1, 8, 1), towards)], axis=1)  # to stay, to go
        stayed, went = Imagined(model, cautious=False).returns(middle, plans, np.random.default_rng(1))[0]
        assert 0 < went - stayed < 0.02


@pytest.mark.slow
def test_a_flawless_model_of_pendulum_gives_what_the_simulator_gives(tmp_path: Path) -> None:
    plan = experiment.Contrast(world("Pendulum-v1"), seeds=(0,), modes=("perfect",), dream={"rounds": 2})
    (row,) = experiment.run(plan, tmp_path / "run")["rows"]
    assert row["return_real"]["mean"] > -200
    assert row["real_steps"] == 0


def test_every_mode_is_one_file_with_one_function() -> None:
    for name in (*MODES, "ceiling"):
        assert callable(mode(name))


def test_the_best_constant_action_is_found_and_played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "strange_worlds.py").write_text((HERE / "strange_worlds.py").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    chosen = world("strange_worlds:Favourite")
    plan = experiment.Contrast(world=chosen, modes=("constant",), real_steps=120, seeds=(0,), episodes=4)
    row = experiment.run(plan, tmp_path / "run")["rows"][0]
    assert row["status"] == "done", row["error"]
    assert row["real_steps"] == 120
    assert row["return_real"]["mean"] == 5.0
    assert row["notes"] == ["the best of 4 constant actions was 2"]
    agent = sandbox_agents.load(row["agent_path"])
    assert agent.act(np.zeros((3, 2), np.float32)).tolist() == [2, 2, 2]


def test_a_folly_of_an_earlier_agent_is_not_what_the_unknown_is_feared_for(tmp_path: Path) -> None:
    work = task(tmp_path)
    actor = sandbox_agents.make("random", *work.world.spaces, 0)
    log = lived_by(work, actor, 150, "log", keep_back=False)
    folly = dataclasses.replace(log, reward=log.reward - 100)
    assert fitted(work, [folly], "foolish").worst < -100
    assert fitted(work, [log, folly, log], "wiser").worst == pytest.approx(worst_return(log))
    assert fitted(work, [log, folly], "still foolish").worst < -100


def test_a_log_to_begin_with_is_dreamed_of_first_and_counts_among_the_real_steps(
    real_and_synthetic: tuple[Task, Trajectories, Trajectories], tmp_path: Path
) -> None:
    _, log, _ = real_and_synthetic
    work = task(tmp_path, agent="ppo")
    stages: list[str] = []
    with_log = dataclasses.replace(work, log=log, real_steps=work.real_steps + len(log), report=stages.append)
    learned = dream.learn(with_log)
    assert stages[0] == f"round 1: fit mixture to {len(log)} real steps"
    first, second = (point["real_steps"] for point in learned.curve)
    assert first == len(log)
    assert len(log) < second <= with_log.real_steps
    assert f"round 2: fit mixture to {second} real steps" in stages
    assert with_log.own_steps == work.real_steps
    assert with_log.envs.episode > 0


@pytest.fixture(scope="module")
def played() -> Trajectories:
    envs = world("CartPole-v1").make_vec(1)
    actor = sandbox_agents.make("random", *world("CartPole-v1").spaces, 5)
    return collect(envs, actor, 60, np.random.default_rng(5), horizon=500)


@pytest.mark.parametrize("name", ["dream", "mix", "upsample", "plan", "persistence"])
def test_every_way_of_using_a_model_can_begin_with_a_log(name: str, played: Trajectories, tmp_path: Path) -> None:
    plan = contrast(modes=(name,), real_steps=len(played) + 100, log=played)
    plan.check()
    played.save(tmp_path / LOG)
    cell = plan.cells(examine(plan.world))[0]
    folder = tmp_path / "cells" / cell.name
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text(json.dumps(cell.__dict__))
    stages: list[str] = []
    run_cell(folder, stages.append)
    assert f" to {'the log' if name == 'upsample' else f'{len(played)} real steps'}" in stages[0]
    row = json.loads((folder / "row.json").read_text())
    assert row["real_steps"] == len(played) + (0 if name == "upsample" else 100)
    assert row["return_real"] is not None


def test_a_killed_cell_with_a_log_goes_on_where_it_was(played: Trajectories, tmp_path: Path) -> None:
    plan = contrast(modes=("dream",), real_steps=len(played) + 100, log=played)
    cell = plan.cells(examine(plan.world))[0]
    found = []
    for name, deaths in (("undisturbed", 0), ("killed", 1)):
        folder = tmp_path / name / "cells" / cell.name
        folder.mkdir(parents=True)
        played.save(tmp_path / name / LOG)
        (folder / "cell.json").write_text(json.dumps(cell.__dict__))
        begun: list[str] = []

        def die(stage: str, begun: list[str] = begun, deaths: int = deaths) -> None:
            begun.append(stage)
            if deaths and len(begun) > 4:
                raise Killed

        if deaths:
            with pytest.raises(Killed):
                run_cell(folder, die)
        run_cell(folder, lambda stage: None)
        found.append(json.loads((folder / "row.json").read_text()))
    undisturbed, killed = found
    for what in ("return_real", "real_steps", "evaluation_steps", "fidelity", "return_dream"):
        assert killed[what] == undisturbed[what], what


def test_another_log_in_the_place_of_the_first_is_refused(played: Trajectories, tmp_path: Path) -> None:
    plan = contrast(modes=("upsample",), log=played)
    cell = plan.cells(examine(plan.world))[0]
    folder = tmp_path / "cells" / cell.name
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text(json.dumps(cell.__dict__))
    dataclasses.replace(played, reward=played.reward + 1).save(tmp_path / LOG)
    with pytest.raises(ValueError, match="not the log that this contrast began with"):
        run_cell(folder)


def test_agents_in_the_simulator_see_no_log(played: Trajectories) -> None:
    found = examine(world("CartPole-v1"))
    with_log, without = (contrast(real_steps=300, log=log).cells(found) for log in (played, None))
    names = [{cell.name for cell in cells if cell.mode in ("simulator", "random")} for cells in (with_log, without)]
    assert names[0] == names[1]
    assert all(cell.log == played.fingerprint for cell in with_log if cell.mode == "dream")
    assert all(cell.log is None for cell in without)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"real_steps": 159}, "--real-steps 159 is too few beside a log of 60 steps, which count among them; use 160"),
        ({"modes": ("simulator",)}, "no mode of these begins with --log; add one of dream"),
        ({"world": world("Pendulum-v1"), "agent": "ppo"}, "--log holds observations"),
    ],
)
def test_a_log_that_cannot_be_begun_with_is_refused(changes: dict, said: str, played: Trajectories) -> None:
    plan = dataclasses.replace(contrast(real_steps=300, log=played), **changes)
    with pytest.raises(ValueError, match=said):
        plan.check()


def test_a_models_log_is_no_experience(played: Trajectories) -> None:
    dreamed = dataclasses.replace(played, source={"model": "rnn"})
    with pytest.raises(ValueError, match="drawn by a model"):
        contrast(real_steps=300, log=dreamed).check()
