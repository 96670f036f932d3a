"""A user's mistake ends in one sentence that names it, with status 2 and nothing harmed."""

import subprocess
import sys
from pathlib import Path

import pytest

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
    ],
)
def test_a_mistake_gets_one_sentence_and_status_2(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, sentence: str
) -> None:
    (here / "foreign.data").write_text("no tensors here")
    (here / "nowhere.txt").write_text("a file, no folder")
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
    ):
        status, out, complaint = told(capsys, monkeypatch, command)
        assert status == 0, complaint
    assert "95 % interval" in out
    status, _, complaint = told(capsys, monkeypatch, "evaluate agent cartpole")
    assert status == 2
    assert "this agent was made for" in complaint


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
