"""A user's mistake ends in one sentence that names it, with status 2 and nothing harmed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sandbox
import sandbox_agents
from sandbox.cli import main

HERE = Path(__file__).parent


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working folder that holds the user's module."""
    (tmp_path / "strange_worlds.py").write_text((HERE / "strange_worlds.py").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str) -> tuple[int, str, str]:
    """Exit status, output and complaint of a command."""
    monkeypatch.setattr(sys, "argv", ["sandbox", *command.split()])
    with pytest.raises(SystemExit) as stopped:
        main()
    out, complaint = capsys.readouterr()
    return int(stopped.value.code or 0), out, complaint


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("contrast CartPole-v7", "there is no world CartPole-v7"),
        ("contrast landr", "did you mean lander?"),
        ("contrast nowhere:Env", "there is no module nowhere"),
        ("contrast CartPole-v1 --models rnn difusion", "did you mean diffusion?"),
        ("contrast CartPole-v1 --agent pppo", "ppo"),
        ("contrast CartPole-v1 --agent sac", "sac cannot act in Discrete(2)"),
        ("contrast CartPole-v1 --modes dreams", "there is no mode dreams"),
        ("contrast CartPole-v1 --real-steps 0", "--real-steps 0 is too few"),
        ("contrast CartPole-v1 --real-steps 20", "--real-steps 20 is too few"),
        ("contrast CartPole-v1 --seeds 1 1", "--seeds takes different seeds"),
        ("contrast CartPole-v1 --log nowhere.npz", "there is no file nowhere.npz"),
        ("contrast CartPole-v1 --log a.npz --only-log b.npz", "contrast needs either a world or --only-log FILE"),
        ("contrast --log a.npz --only-log b.npz", "take one of them"),
        ("collect CartPole-v1 --mistakes 1.5", "mistakes are a share of all actions, from 0 to 1, not 1.5"),
        ("contrast CartPole-v1 --jobs 0", "--jobs 0 runs nothing"),
        ("contrast CartPole-v1 --env-arg gravity", "--env-arg gravity is not key=value"),
        ("contrast CartPole-v1 --env-arg gravitas=3", "gravitas"),
        ("contrast strange_worlds:Endless", "say --horizon N"),
        ("contrast strange_worlds:Raising", "strange_worlds:Raising raised at step 7: RuntimeError: the gearbox broke"),
        (
            "contrast strange_worlds:OldGym",
            "returned 4 values at step 0, not (obs, reward, terminated, truncated, info)",
        ),
        ("contrast strange_worlds:NoSeed", "reset must take the keywords seed and options"),
        ("contrast strange_worlds:BareObservation", "return both, info as a dict"),
        ("contrast strange_worlds:NanObservation", "NaN or infinity at step 2"),
        ("contrast strange_worlds:InfiniteReward", "it must be finite"),
        ("contrast strange_worlds:WrongShape", "an observation of shape (3,)"),
        ("contrast strange_worlds:Images", "looks like an image"),
        ("contrast strange_worlds:Words", "is not supported"),
        ("contrast strange_worlds:UnboundedActions", "is unbounded"),
        ("contrast strange_worlds:Shifting", "different observation spaces"),
        ("contrast CartPole-v1 --sweep temprature=0.5,1.0", "did you mean temperature?"),
        ("contrast CartPole-v1 --sweep temperature", "is not a setting and different values"),
        ("contrast CartPole-v1 --sweep temperature=1.0,1.0", "is not a setting and different values"),
        ("contrast CartPole-v1 --sweep temperature=1.0,-1", "takes a number from 0"),
        ("contrast strange_worlds:Wlak", "there is no world"),
        ("collect cartpole --steps 0 --out x.data", "cannot collect 0 steps"),
        ("collect cartpole --steps 10 --out nowhere.txt/x", "cannot be written"),
        ("collect --out x.data", "needs a world to act in"),
        ("collect --from none.npz --out x.data", "none.npz"),
        ("fit none.data", "there is no file none.data"),
        ("fit foreign.data", "foreign.data is no readable trajectories file"),
        ("fit foreign.data --model rrn", "did you mean rnn?"),
        ("train", "either a world or --dream FOLDER"),
        ("train --dream none", "none is no fitted model"),
        ("train cartpole --agent random", "does not learn"),
        ("evaluate none cartpole", "none"),
        ("forecast none none.data", "none is no fitted model"),
        ("forecast broken none.data", "broken/model.json is not readable JSON"),
        ("forecast none none.data --out forecast.png", "--out forecast.png is no .svg"),
        ("forecast none none.data --out nowhere.txt/x.svg", "cannot be written"),
        ("inspect none", "none is no fitted model"),
        ("inspect broken", "broken/model.json is not readable JSON"),
        ("inspect none --keep", "--keep stores a score card"),
    ],
)
def test_a_mistake_gets_one_sentence_and_status_2(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, sentence: str
) -> None:
    (here / "foreign.data").write_text("no tensors here")
    (here / "nowhere.txt").write_text("a file, no folder")
    (here / "broken").mkdir()
    (here / "broken" / "model.json").write_text("{")
    before = sorted(path.name for path in here.iterdir() if path.name != "__pycache__")
    status, _, complaint = told(capsys, monkeypatch, command)
    assert status == 2
    assert sentence in complaint
    assert complaint.startswith("sandbox: ")
    assert "Traceback" not in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert sorted(path.name for path in here.iterdir() if path.name != "__pycache__") == before, "nothing was written"


def test_the_traceback_of_a_foreign_error_is_kept_in_a_file(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, complaint = told(capsys, monkeypatch, "contrast strange_worlds:Raising")
    log = Path(complaint.strip().removesuffix(")").rpartition(" ")[2])
    assert "the gearbox broke" in log.read_text()
    assert "Traceback" in log.read_text()
    log.unlink()


def test_a_mere_warning_is_shown_and_not_refused(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, _ = told(capsys, monkeypatch, "collect strange_worlds:DoubleObservation --steps 30 --out w.data")
    assert status == 0
    assert "float64 where its space says float32" in out
    assert (here / "w.data").exists()


def test_an_environment_that_ends_by_itself_needs_no_horizon(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.trajectories import Trajectories

    for world in ("strange_worlds:Walk", "strange_worlds:make_walk", "strange_worlds:StrangeWalk-v0"):
        status, _, complaint = told(capsys, monkeypatch, f"collect {world} --steps 120 --out walk.data")
        assert (status, complaint) == (0, "")
        data = Trajectories.load("walk.data")
        assert len(data) == 120
        assert data.horizon is not None
        assert data.terminated.any()


def test_arguments_reach_the_environment(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.trajectories import Trajectories

    told(capsys, monkeypatch, "collect strange_worlds:Walk --env-arg stride=5 --steps 20 --out wide.data")
    assert (Trajectories.load("wide.data").lengths[:-1] == 1).all(), "one stride of 5 ends the walk"


def test_from_a_log_to_a_judged_agent(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (
        "collect lander --steps 600 --policy random --out lander.data",
        "fit lander.data --model rnn --out lander-rnn --updates 40",
        "train --dream lander-rnn --agent ppo --steps 1024 --out agent",
        "evaluate agent sandbox/Lander-v0 --episodes 4",
        "evaluate agent --dream lander-rnn --episodes 4",
        "surprise lander-rnn lander.data --window 5",
    ):
        status, out, complaint = told(capsys, monkeypatch, command)
        assert status == 0, complaint
    assert "stretches are strange" in out
    status, _, complaint = told(capsys, monkeypatch, "evaluate agent cartpole")
    assert status == 2
    assert "the agent agent was made for observations" in complaint


def test_an_image_is_for_agents_alone(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for command, out in (
        ("train racer --env-arg observation=image --steps 64 --rows 4 --out driver", "driver"),
        ("evaluate driver racer --env-arg observation=image --episodes 2", "2 episodes"),
    ):
        status, told_out, complaint = told(capsys, monkeypatch, command)
        assert status == 0, complaint
        assert out in told_out
    status, _, complaint = told(capsys, monkeypatch, "contrast racer --env-arg observation=image")
    assert status == 2
    assert "looks like an image, which no model here learns as it is" in complaint


def test_pilots_and_pretrained_agents_act_by_name(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    returns = []
    for name in ("random", "heuristic", "lander/agent"):
        status, out, complaint = told(capsys, monkeypatch, f"evaluate {name} lander --episodes 10")
        assert status == 0, complaint
        returns.append(float(out.partition("return ")[2].partition(",")[0]))
        assert told(capsys, monkeypatch, f"collect lander --steps 300 --policy {name} --out lander.data")[0] == 0
    assert returns[0] < -100
    assert min(returns[1:]) > 50
    status, _, complaint = told(capsys, monkeypatch, "evaluate heuristic CartPole-v1")
    assert status == 2
    assert "CartPole-v1 has no scripted pilot" in complaint


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of CartPole, the log it was fitted to, a fresh log, and a log of another world."""
    folder = tmp_path_factory.mktemp("stored")
    for name, world, seed in (("seen", "cartpole", 0), ("fresh", "cartpole", 1), ("other", "lander", 0)):
        chosen = sandbox.world(world)
        actor = sandbox_agents.make("random", *chosen.spaces, seed)
        source = {"world": chosen.name, "seed": seed}
        log = sandbox.collect(chosen.make_vec(4), actor, 400, np.random.default_rng(seed), source=source, horizon=500)
        log.save(folder / f"{name}.data")
    log = sandbox.Trajectories.load(folder / "seen.data")
    sandbox.fit(log, "mixture", settings=sandbox.FitSettings(updates=20)).save(folder / "model")
    return folder


def test_a_forecast_is_a_table_a_chart_and_its_figures(
    here: Path, stored: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = f"forecast {stored}/model {stored}/fresh.data --steps 8 --futures 16 --starts 3 --dims obs[2] --seed 4"
    status, out, complaint = told(capsys, monkeypatch, asked)
    assert (status, complaint) == (0, "")
    for word in ("CRPS", "persistence", "climatology", "forecast.svg", "forecast.json"):
        assert word in out
    assert "note: the model was fitted" not in out
    chart, figures = (here / "forecast.svg").read_text(), json.loads((here / "forecast.json").read_text())
    assert "obs[2]" in chart
    assert "obs[1]" not in chart
    assert len(figures["crps"]["dream"]) == 8
    assert len(figures["starts"]) == 3
    told(capsys, monkeypatch, asked)
    assert (here / "forecast.svg").read_text() == chart, "the same seed draws the same chart"
    _, out, _ = told(
        capsys, monkeypatch, f"forecast {stored}/model {stored}/seen.data --steps 5 --futures 4 --starts 2"
    )
    assert "note: the model was fitted to a log of this very source" in out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("other.data", "the log has observations Box"),
        ("fresh.data --steps 501", "--steps 501 is more than any episode of the log has"),
        ("fresh.data --steps 5 --episode 1000", "--episode 1000 is not in the log"),
        ("fresh.data --steps 5 --episode 0 --at 1000", "--at 1000 leaves no 5 steps in episode 0"),
        ("fresh.data --steps 5 --dims obs[9]", "there is no dimension obs[9]; did you mean obs["),
        ("fresh.data --steps 5 --futures 1", "--futures 1 shows no spread"),
        ("fresh.data --steps 5 --temperature 0", "--temperature 0 must be positive"),
    ],
)
def test_a_forecast_that_cannot_be_made_gets_one_sentence(
    here: Path,
    stored: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    sentence: str,
) -> None:
    status, _, complaint = told(capsys, monkeypatch, f"forecast {stored}/model {stored}/{options}")
    assert status == 2
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert not list(here.glob("forecast.*")), "nothing was written"


def test_inspect_tells_what_a_model_is_and_keeps_its_card(
    here: Path, stored: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = here / "model"
    shutil.copytree(stored / "model", model)
    _, out, _ = told(capsys, monkeypatch, f"inspect {model}")
    for word in ("window", "mixture", "Discrete(2)", "500 steps", "400 transitions", "sandbox/CartPole-v0", "dynamics"):
        assert word in out
    assert "no score card yet" in out
    _, carded, _ = told(capsys, monkeypatch, f"inspect {model} --data {stored}/fresh.data --keep")
    assert "energy_score" in carded
    assert "no simulator was given" in carded
    _, again, _ = told(capsys, monkeypatch, f"inspect {model}")
    assert again[again.index("score card") :] == carded[carded.index("score card") :]
    for other in (f"--data {stored}/other.data", "--env lander"):
        status, _, complaint = told(capsys, monkeypatch, f"inspect {model} {other}")
        assert status == 2
        assert "it is of another world" in complaint


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("inspect lander/vae", 0, "Lander"),
        ("evaluate lander/agent --dream lander/vae --episodes 2", 0, "in the dream"),
        ("surprise lander/vae flown.data", 0, "strangest"),
        ("forecast lander/vae flown.data --steps 3 --starts 2 --futures 4 --out chart.svg", 0, "chart.svg"),
        ("train --dream lander/vae --steps 64 --out agent", 0, "in the dream"),
        ("inspect lander/vaee", 2, "did you mean lander/vae?"),
        ("inspect lander/vae --env lander --keep", 2, "in the model's folder, and lander/vae is none"),
    ],
)
def test_pretrained_models_go_by_name(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    status: int,
    said: str,
) -> None:
    if "flown.data" in command:
        world = sandbox.world("lander")
        pilot = sandbox_agents.RandomAgent(*world.spaces, 0)
        sandbox.collect(world.make_vec(4), pilot, 300, np.random.default_rng(0)).save(here / "flown.data")
    found, out, err = told(capsys, monkeypatch, command)
    assert found == status, err
    assert said in " ".join((out + err).split())


def test_list_names_what_there_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = told(capsys, monkeypatch, "list")
    for name in ("cartpole", "lander", "rnn", "diffusion", "ppo", "sac"):
        assert name in out


def test_help_answers_at_once_and_without_torch() -> None:
    code = (
        "import sys; sys.argv = ['sandbox', '--help']\n"
        "from sandbox.cli import main\n"
        "try: main()\n"
        "except SystemExit: print({'torch', 'numba', 'stable_baselines3', 'pygame'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")
    assert "contrast" in done.stdout


def test_what_can_be_asked_for_is_listed_before_it_is_imported() -> None:
    code = "import sandbox, sys; print(set(sandbox.__all__) <= set(dir(sandbox)), 'torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "False"]
