"""Eyes tell an image in a few numbers, and a world that is seen through them is a world like any."""

import copy
import shutil
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from PIL import Image

import sandbox_agents
from sandbox import experiment, files
from sandbox.cell import run_cell
from sandbox.cli import main
from sandbox.pictures.painters import painter
from sandbox.vision.eyes import Autoencoder, Eyes
from sandbox.vision.images import SIDE, channels_of, in_colour, looked_at
from sandbox.vision.learning import LookSettings, Sight, learn_to_see, look_about, telling
from sandbox.vision.seen import CannotSeeError, Seen, SeenVectorEnv
from sandbox.worlds import World, WorldError, examine, world

HERE = Path(__file__).parent
SPOT = "strange_worlds:Spot"


@pytest.fixture(scope="module")
def made() -> tuple[Eyes, Sight, np.ndarray]:
    """Eyes for a world of one bright spot, and images that they have not learned from."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(HERE))
        return _made()


def _made() -> tuple[Eyes, Sight, np.ndarray]:
    chosen = World(SPOT)
    actor = sandbox_agents.RandomAgent(*chosen.spaces, 0)
    images, others = (look_about(chosen.make_vec(4), actor, 400, np.random.default_rng(seed)) for seed in (0, 1))
    settings = LookSettings(numbers=12, updates=200, rows=16, learning_rate=3e-3)
    place = {"name": SPOT, "arguments": {}, "horizon": None}
    eyes, sight = learn_to_see(images, place, settings=settings, source={"real_steps": 400, "policy": "random"})
    return eyes, sight, others


@pytest.fixture
def eyes(made: tuple[Eyes, Sight, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of those eyes, in a working folder that holds the user's module."""
    shutil.copy(HERE / "strange_worlds.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    made[0].save("eyes")
    return "eyes"


def centres(images: np.ndarray) -> np.ndarray:
    """Where the spot is in `(N, SIDE, SIDE, C)`, `(N, 2)`."""
    bright = images[..., 0].clip(100, 220).astype(float) - 99.9  # the wall is darker
    shares = bright / bright.sum(axis=(1, 2), keepdims=True)
    return np.stack([(shares.sum(axis=3 - axis) * np.arange(SIDE)).sum(axis=1) for axis in (1, 2)], axis=1)


def test_where_things_are_can_be_read_from_what_eyes_see(made: tuple[Eyes, Sight, np.ndarray]) -> None:
    eyes, _, others = made
    seen, truth = eyes.see(others), centres(others)
    known = np.column_stack([seen, np.square(seen), np.ones(len(seen))])
    weights = np.linalg.lstsq(known[::2], truth[::2], rcond=None)[0]
    missed = truth[1::2] - known[1::2] @ weights
    assert np.square(missed).mean() < 0.1 * truth[1::2].var(axis=0).mean()


def test_eyes_tell_more_of_an_image_than_as_many_principal_components(made: tuple[Eyes, Sight, np.ndarray]) -> None:
    eyes, sight, others = made
    assert sight.eyes > max(sight.components, 0.3)
    assert eyes.provenance["share_seen"] == sight.eyes
    painted = eyes.paint(eyes.see(others[:50]))
    assert np.abs(centres(painted) - centres(others[:50])).mean() < np.abs(centres(others[:50]) - SIDE / 2).mean()


def test_numbers_that_tell_nothing_are_not_seen(made: tuple[Eyes, Sight, np.ndarray]) -> None:
    eyes, _, others = made
    network = copy.deepcopy(eyes.network)
    told = network.looking[-1]
    assert isinstance(told, torch.nn.Linear)
    for number in (0, 5):  # of these q says what N(0, 1) says, whatever is seen
        for row in (number, number + network.numbers):
            told.weight[row], told.bias[row] = 0.0, 0.0
    kept = telling(network, others)
    assert not {0, 5} & set(kept.tolist())
    assert set(kept.tolist()) == set(telling(eyes.network, others).tolist()) - {0, 5}
    blind = Eyes(network, kept, eyes.world, {})
    assert blind.see(others[:3]).shape == (3, len(kept))


def test_stored_eyes_see_the_same_to_the_bit(made: tuple[Eyes, Sight, np.ndarray], tmp_path: Path) -> None:
    eyes, _, others = made
    eyes.save(tmp_path / "eyes")
    again = Eyes.load(tmp_path / "eyes")
    assert np.array_equal(again.see(others[:9]), eyes.see(others[:9]))
    assert again.fingerprint == eyes.fingerprint
    assert again.provenance == eyes.provenance
    other = Eyes(Autoencoder(3, 12), eyes.kept, eyes.world, eyes.provenance)
    assert other.fingerprint != eyes.fingerprint


def test_damaged_eyes_are_refused_by_name(eyes: str) -> None:
    header = files.read_json(Path(eyes) / "eyes.json")
    for damaged, sentence in (
        (header | {"kind": "model"}, "does not describe eyes"),
        (header | {"format": 99}, "newer than this Sandbox"),
        ({k: v for k, v in header.items() if k != "kept"}, "lacks kept"),
        (header | {"numbers": 5}, "weights of other eyes"),
    ):
        files.write_json(Path(eyes) / "eyes.json", damaged)
        with pytest.raises(files.DamagedFileError, match=sentence):
            Eyes.load(eyes)
    with pytest.raises(files.DamagedFileError, match="`sandbox see` makes them"):
        Eyes.load("nowhere")


@pytest.mark.filterwarnings("ignore:.*(is different from the unwrapped version|Box observation space).*")
def test_a_folder_of_eyes_is_a_world(eyes: str) -> None:
    env = world(eyes).make()
    assert env.observation_space == spaces.Box(-np.inf, np.inf, (len(env.get_wrapper_attr("eyes").kept),), np.float32)
    check_env(env, skip_render_check=True)
    found = examine(world(eyes))
    assert found.horizon == 60
    (told_of_eyes,) = [sentence for sentence in found.warnings if "eyes" in sentence]
    assert "400 real steps that no budget here counts" in told_of_eyes
    stepped = [world(eyes, {"stride": stride}).make() for stride in (1, 9)]
    one, other = (env.reset(seed=3)[0] for env in stepped)
    assert np.array_equal(one, other)
    one, other = (env.step(3)[0] for env in stepped)
    assert not np.array_equal(one, other), "arguments reach the world behind the eyes"


def test_a_batch_of_a_native_world_is_seen_as_its_rows_are_one_by_one(tmp_path: Path) -> None:
    blank = Autoencoder(3, 6).requires_grad_(False).eval()
    place = {"name": "sandbox/Racer-v0", "arguments": {"observation": "image"}, "horizon": None}
    Eyes(blank, np.arange(6), place, {"real_steps": 0}).save(tmp_path / "eyes")
    seen = world(str(tmp_path / "eyes"), {"radius": 50.0}, horizon=20)
    assert seen.is_batched
    together, apart = seen.make_vec(3), SyncVectorEnv([seen.make] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    assert isinstance(together, SeenVectorEnv)
    assert together.single_observation_space == apart.single_observation_space
    rng = np.random.default_rng(0)
    one, other = (envs.reset(seed=5)[0] for envs in (together, apart))
    finals = 0
    for _ in range(45):
        assert np.allclose(one, other, atol=1e-4)
        action = rng.uniform(-1, 1, size=(3, 2)).astype(np.float32)
        (one, *rest, info), (other, *others, told) = together.step(action), apart.step(action)
        assert all(np.array_equal(mine, its) for mine, its in zip(rest, others, strict=True))
        for row in np.flatnonzero(rest[1] | rest[2]):
            assert np.allclose(info["final_obs"][row], told["final_obs"][row], atol=1e-4)
            finals += 1
    assert finals >= 6


def test_branches_of_a_seen_world_go_their_own_ways_by_the_same_eyes(eyes: str) -> None:
    env = world(eyes).make()
    env.reset(seed=0)
    twin = copy.deepcopy(env)
    assert twin.get_wrapper_attr("eyes") is env.get_wrapper_attr("eyes")
    futures = [[each.step(action)[0] for action in actions] for each, actions in ((env, (1, 1)), (twin, (1, 0)))]
    assert np.array_equal(futures[0][0], futures[1][0])
    assert not np.array_equal(futures[0][1], futures[1][1])


def test_a_world_whose_images_the_eyes_do_not_know_is_refused(made: tuple[Eyes, Sight, np.ndarray]) -> None:
    with pytest.raises(CannotSeeError, match="make eyes for it with `sandbox see`"):
        Seen(gymnasium.make("CartPole-v1"), made[0])


def test_what_is_seen_and_what_is_dreamed_are_painted_alike(eyes: str) -> None:
    env = world(eyes).make(render_mode="rgb_array")
    assert env.render() is None
    obs, _ = env.reset(seed=0)
    paint = painter(env, [obs], [])
    assert paint is not None
    assert np.array_equal(paint(obs), env.render())
    assert env.render().shape == (6 * SIDE, 6 * SIDE, 3)


def test_images_of_every_layout_are_looked_at_alike() -> None:
    pixels = np.random.default_rng(0).integers(256, size=(2, 128, 96, 3), dtype=np.uint8)
    last, first = looked_at(pixels), looked_at(pixels.transpose(0, 3, 1, 2))
    assert last.shape == (2, SIDE, SIDE, 3)
    assert np.array_equal(last, first)
    assert np.allclose(last.mean(), pixels.mean(), atol=2)
    grey = looked_at(pixels[..., 0])
    assert np.array_equal(grey[..., 0], last[..., 0])
    assert in_colour(grey).shape == (2, SIDE, SIDE, 3)
    for shape, channels in (((64, 64, 3), 3), ((4, 84, 84), 4), ((84, 84), 1), ((210, 160, 3), 3)):
        assert channels_of(spaces.Box(0, 255, shape, np.uint8)) == channels
    assert channels_of(spaces.Box(0, 1, (64, 64, 3))) == 3
    assert np.array_equal(looked_at(pixels / np.float32(255)), last)
    for space in (spaces.Box(0, 255, (8, 8, 3), np.uint8), spaces.Box(-1, 1, (64, 64, 3)), spaces.Discrete(4)):
        assert channels_of(space) is None


def test_an_agent_learns_in_the_dream_of_what_eyes_see(eyes: str, tmp_path: Path) -> None:
    plan = experiment.Contrast(
        world=world(eyes),
        models=("vae",),
        modes=("dream",),
        real_steps=150,
        seeds=(0,),
        episodes=4,
        dream={"rounds": 1, "dream_steps": 2048, "effort": 0.02},
    )
    result = experiment.run(plan, tmp_path / "run")
    (row,) = result["rows"]
    assert row["status"] == "done", row["error"]
    assert row["real_steps"] == 150
    assert any("through the eyes in eyes" in note for note in result["notes"])
    for film in ("simulator", "dream"):
        with Image.open(Path(row["agent_path"]).parent / f"{film}.webp") as shown:
            assert shown.format == "WEBP"
    assert not any("lines" in note for note in row["notes"]), "both are painted by the eyes"
    other = Eyes.load(eyes)
    other.network.mean.add_(0.1)
    other.save(eyes)
    cell = Path(row["agent_path"]).parent
    (cell / "row.json").unlink()
    with pytest.raises(ValueError, match="the eyes in eyes are not those that this contrast began with"):
        run_cell(cell)


def test_the_command_makes_eyes_and_shows_how_they_see(
    eyes: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def told(command: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sandbox", *command.split()])
        with pytest.raises(SystemExit) as stopped:
            main()
        return int(stopped.value.code or 0), *capsys.readouterr()

    command = f"see {SPOT} --steps 100 --updates 3 --numbers 4 --out new"
    status, out, complaint = told(command)
    assert status == 0, complaint
    assert "principal components" in out
    with Image.open(tmp_path / "new" / "seen.png") as shown:
        assert shown.height == 2 * 3 * SIDE
    assert examine(world("new")).horizon == 60
    for command, sentence in (
        ("see CartPole-v1", "what is a vector needs none"),
        (f"see {SPOT} --steps 50", "50 steps are too few to learn to see from; look at 100 or more"),
        (f"see {SPOT} --numbers 0", "numbers of at least 1, not 0"),
        (f"contrast {SPOT}", "`sandbox see WORLD --out eyes`"),
        ("evaluate random eyes --env-arg colour=red", "cannot be made"),
    ):
        status, _, complaint = told(command)
        assert status == 2
        assert sentence in complaint
        assert "Traceback" not in complaint


def test_eyes_of_a_world_that_is_gone_say_which(eyes: str) -> None:
    header: dict[str, Any] = files.read_json(Path(eyes) / "eyes.json")
    files.write_json(Path(eyes) / "eyes.json", header | {"world": header["world"] | {"name": "nowhere:Env"}})
    sys.modules.pop("nowhere", None)
    with pytest.raises(WorldError, match="nowhere"):
        world(eyes).make()
