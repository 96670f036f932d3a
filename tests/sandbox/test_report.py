"""The report is a pure, honest function of files: what it shows can be read back out of it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from sandbox import report
from sandbox.report import cards, tasks
from sandbox.report.axes import LINE, Label, apart, ticks
from sandbox.report.charts import _clear_of
from sandbox.report.figures import against_real_steps, against_wall_clock, honesty
from sandbox.report.standings import standings
from sandbox.report.sweeps import sweeps

RESULTS = Path(__file__).parents[2] / "docs" / "results"
PUBLISHED = [path for path in sorted(RESULTS.rglob("*.json")) if "rows" in json.loads(path.read_text())]
SVG = "{http://www.w3.org/2000/svg}"
SCRIPT = "<script>alert('x')</script>"


def row(mode: str, model: str | None, agent: str, seed: int, mean: float, **other: Any) -> dict[str, Any]:
    """One cell as a contrast writes it, whose curve climbs to `mean`; a dream promises 20 more than it keeps."""
    dream = mode == "dream"
    curve = [
        {
            "real_steps": 500 * k,
            "wall_seconds": 25.0 * k + seed,
            "return_real": None if dream and k == 1 else mean - 100.0 * (4 - k),
            "return_dream": mean - 90.0 * (4 - k) if dream else None,
        }
        for k in range(1, 5)
    ]
    cell = {
        "mode": mode,
        "model": model,
        "agent": agent,
        "seed": seed,
        "real_steps": 2000,
        "dream_steps": 600_000 if dream else 0,
        "wall_seconds": {"collect": 10.0, "fit": 30.0, "learn": 60.0, "total": 100.0},
        "return_real": {"mean": mean, "low": mean - 10, "high": mean + 10, "episodes": 100},
        "return_dream": mean + 20.0 if dream else None,
        "evaluation_steps": 20_000,
        "curve": [] if mode == "random" else curve,
        "agent_path": "agent",
        "status": "done",
        "fidelity": {"energy_score": 0.25, "persistence": 0.5} if dream else {},
        "cell": f"{mode}-{model}-{agent}-{seed}",
        "error": None,
    }
    return cell | other


def failed(mode: str, model: str | None, agent: str, seed: int, error: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {"return_real": None, "return_dream": None, "curve": [], "fidelity": {}}
    return row(mode, model, agent, seed, 0.0, **nothing, status="failed", error=error)


def contrast(dream: list[float], simulator: list[float], random: float = -1200.0) -> dict[str, Any]:
    """Results in which `dream` and `simulator` are the seeds' real returns."""
    rows = [row("random", None, "random", seed, random + seed) for seed in range(len(simulator))]
    rows += [row("simulator", None, "sac", seed, mean) for seed, mean in enumerate(simulator)]
    rows += [row("simulator", None, "ppo", seed, mean - 200) for seed, mean in enumerate(simulator)]
    rows += [row("dream", "diffusion", "ppo", seed, mean) for seed, mean in enumerate(dream)]
    rows += [row("dream", "rnn", "ppo", seed, mean - 150) for seed, mean in enumerate(dream)]
    machine = {"cpu": "a processor", "cores": 2, "python": "3.11", "platform": "Linux"}
    known = {"env": "Pendulum-v1", "real_steps": 2000, "rows": rows, "machine": machine}
    return known | {"versions": {"torch": "2.13"}, "command": "sandbox contrast Pendulum-v1", "notes": ["A note."]}


SEPARATED = contrast([-180.0, -190.0, -200.0], [-930.0, -950.0, -970.0])


def written(folder: Path, results: dict[str, Any]) -> str:
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return report.write(folder).read_text(encoding="utf-8")


def animation(path: Path, noise: np.random.Generator | None = None, side: int = 24) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    shades = np.arange(3) * 100 if noise is None else noise.integers(0, 256, (12, side, side, 3))
    frames = [Image.fromarray(np.broadcast_to(shade, (side, side, 3)).astype(np.uint8)) for shade in shades]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, loop=0, lossless=noise is not None)
    return path.read_bytes()


def drawings(page: str) -> dict[str, ElementTree.Element]:
    """Every chart of the page, parsed, by the id of its title without the suffix."""
    found = [ElementTree.fromstring(svg) for svg in re.findall(r'<svg role="img".*?</svg>', page, re.DOTALL)]
    return {svg.attrib["aria-labelledby"].split("-title")[0]: svg for svg in found}


def of_class(svg: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in svg.iter() if name in element.attrib.get("class", "").split()]


class Strict(HTMLParser):
    """Collects tags and addresses, and insists that every element that needs it is closed in order."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "polygon", "path", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def parsed(page: str) -> Strict:
    parser = Strict()
    parser.feed(page)
    assert not parser.open
    return parser


def test_the_page_is_well_formed_and_its_ids_are_unique(tmp_path: Path) -> None:
    ids = parsed(written(tmp_path, SEPARATED)).ids
    assert len(ids) == len(set(ids))
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "report.html"}


def test_the_page_asks_for_nothing_outside_itself(tmp_path: Path) -> None:
    animation(tmp_path / "cells" / "dream-rnn-ppo-0" / "dream.webp")
    page = written(tmp_path, SEPARATED)
    assert all(address.startswith(("#", "data:image/webp;base64,")) for address in parsed(page).addresses)
    assert not re.search(r"https?:|//\w|@import|url\(", page)


def test_names_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    results = contrast([-180.0], [-930.0]) | {"env": SCRIPT, "command": SCRIPT, "notes": [SCRIPT]}
    results["machine"] = {SCRIPT: SCRIPT}
    results["rows"] += [row("dream", SCRIPT, SCRIPT, 0, -5.0, fidelity={SCRIPT: 1.0})]
    results["rows"] += [failed("dream", SCRIPT, "ppo", 1, SCRIPT)]
    page = written(tmp_path, results)
    assert parsed(page).tags.count("script") == 1, "only the embedded JSON is a script element"
    assert "alert(" in page, "the name is shown, as text"
    drawings(page)


def test_the_embedded_json_is_the_results_without_loss(tmp_path: Path) -> None:
    results = contrast([-180.1], [-930.0]) | {"env": f"</script><!--<script>{SCRIPT} ü − \u2028"}
    page = written(tmp_path, results)
    start = page.index('id="results">') + len('id="results">')
    raw = page[start : page.index("</script>", start)]
    assert "<" not in raw
    assert json.loads(raw) == results


def test_every_chart_has_its_points(tmp_path: Path) -> None:
    charts = drawings(written(tmp_path, SEPARATED))
    figures = {f"{key}-{width}" for key in ("real-steps", "wall-clock", "honesty") for width in (720, 350)}
    assert set(charts) == figures | {"card-0", "card-1"}
    for key in ("real-steps-720", "real-steps-350", "wall-clock-720"):
        assert len(of_class(charts[key], "dot")) == 2 * 3 * 3 + 3 * 4, "two dreams with a null each, the best of SB3"
        assert len(of_class(charts[key], "final")) == 3
        assert len(of_class(charts[key], "band")) == 3
        assert len(of_class(charts[key], "baseline")) == 1
    assert len(of_class(charts["honesty-720"], "dot")) == 2 * 3 * (3 + 1)
    assert len(of_class(charts["honesty-720"], "diagonal")) == 1


def test_points_stand_where_their_values_are(tmp_path: Path) -> None:
    svg = drawings(written(tmp_path, SEPARATED))["real-steps-720"]
    dots = {dot.findtext("title"): dot for dot in of_class(svg, "dot")}
    low = dots["SAC in the simulator, seed 0: −1,230 after 500 real steps"]
    high = dots["SAC in the simulator, seed 0: −930 after 2,000 real steps"]
    rows = {
        text.text: float(text.attrib["y"]) - 4 for text in of_class(svg, "tick") if text.attrib["text-anchor"] == "end"
    }
    per_unit = (rows["−1,000"] - rows["−500"]) / 500
    assert float(low.attrib["cy"]) - float(high.attrib["cy"]) == pytest.approx(300 * per_unit, abs=0.3)
    assert float(high.attrib["cy"]) == pytest.approx(rows["−1,000"] - 70 * per_unit, abs=0.3)


def test_nothing_is_drawn_outside_its_drawing(tmp_path: Path) -> None:
    wild = contrast([-1.0, -900.0], [-930.0, -400.0])
    wild["rows"] += [
        row("dream", f"an unusual model {k}", "ppo", seed, -300.0 - k) for k in range(9) for seed in (0, 1)
    ]
    for svg in drawings(written(tmp_path, wild)).values():
        _, _, width, height = map(float, svg.attrib["viewBox"].split())
        for element in svg.iter():
            numbers = re.findall(r"(-?[\d.]+),(-?[\d.]+)", element.attrib.get("d", element.attrib.get("points", "")))
            numbers += [(element.attrib["x"], element.attrib["y"])] if "x" in element.attrib else []
            assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in numbers)
            if element.attrib.get("text-anchor") == "start":
                assert float(element.attrib["x"]) + 6 * len(element.text or "") <= width


def test_the_mean_line_is_the_mean_over_seeds_where_all_were_seen() -> None:
    table = standings(SEPARATED)
    steps = next(series for series in against_real_steps(table)[0].series if series.name == "diffusion")
    assert steps.curve is not None
    assert steps.curve.low is not None
    assert steps.curve.x.tolist() == [1000.0, 1500.0, 2000.0]
    assert steps.curve.mean.tolist() == pytest.approx([-390.0, -290.0, -190.0])
    assert steps.curve.mean - steps.curve.low == pytest.approx(4.302653 * 10 / np.sqrt(3) * np.ones(3))
    clock = next(series for series in against_wall_clock(table)[0].series if series.name == "diffusion")
    assert clock.curve is not None
    assert (clock.curve.x[0], clock.curve.x[-1]) == (52.0, 100.0)


def test_a_model_keeps_its_tone_in_every_chart() -> None:
    table = standings(SEPARATED)
    by_chart = [
        {series.name: (series.tone, series.shape) for series in chart.series if "simulator" not in series.name}
        for chart in (*against_real_steps(table), *against_wall_clock(table), *honesty(table))
    ]
    assert by_chart[0] == by_chart[1] == by_chart[2]
    assert len(set(by_chart[0].values())) == 2


def swept(values: list[Any]) -> dict[str, Any]:
    """A contrast over values of the temperature, whose real return is −100 times the place of the value."""
    results = contrast([], [-930.0, -950.0, -970.0])
    results["rows"] += [
        row("dream", "rnn", "ppo", seed, -100.0 * place - seed, sweep={"temperature": value})
        for place, value in enumerate(values)
        for seed in range(3)
    ]
    return results


def test_a_sweep_is_drawn_over_its_values(tmp_path: Path) -> None:
    (chart,) = sweeps(standings(swept([0.5, 1.0, 1.3])))
    real, dreamed = chart.series
    assert [mark.x for mark in (*real.marks, real.final) if mark] == [0.5, 1.0, 1.3]
    assert [mark.y for mark in (*real.marks, real.final) if mark] == pytest.approx([-1.0, -101.0, -201.0])
    assert [mark.y for mark in (*dreamed.marks, dreamed.final) if mark] == pytest.approx([19.0, -81.0, -181.0])
    assert all(mark.high - mark.y == pytest.approx(4.302653 / np.sqrt(3)) for mark in real.marks)
    svg = drawings(written(tmp_path, swept([0.5, 1.0, 1.3])))["sweep-0-720"]
    assert len(of_class(svg, "final")) == 6
    assert len(of_class(svg, "dot")) == 18
    assert {"0.5", "1.0", "1.3", "Temperature, rnn"} <= {element.text for element in svg.iter()}
    assert not sweeps(standings(SEPARATED))


def test_values_that_are_words_or_crowd_together_stand_in_equal_steps() -> None:
    for values in (["greedy", "sampled", "mixed"], [0.001, 0.01, 1.0]):
        (chart,) = sweeps(standings(swept(values)))
        assert [x for x, _ in chart.x_ticks] == [0.0, 1.0, 2.0]
        assert [words for _, words in chart.x_ticks] == sorted(map(str, values))


def test_ends_that_lie_far_apart_get_a_logarithmic_axis(tmp_path: Path) -> None:
    results = contrast([-180.0, -190.0], [-930.0, -950.0])
    assert not against_real_steps(standings(results))[0].log_x
    results["rows"] += [row("ceiling", None, "sac", seed, -150.0, real_steps=100_000) for seed in (0, 1)]
    assert against_real_steps(standings(results))[0].log_x
    svg = drawings(written(tmp_path, results))["real-steps-720"]
    ticks_at = {
        float(text.text.replace(",", "")): float(text.attrib["x"])
        for text in of_class(svg, "tick")
        if text.attrib["text-anchor"] == "middle" and text.text
    }
    (low, high) = sorted(ticks_at)[:2]
    assert ticks_at[10 * low] - ticks_at[low] == pytest.approx(ticks_at[10 * high] - ticks_at[high], abs=0.3)


def test_a_crowd_is_drawn_in_a_chart_for_each_way() -> None:
    results = contrast([-180.0, -190.0], [-930.0, -950.0])
    for place, way in enumerate(("dream", "mix", "plan")):
        results["rows"] += [
            row(way, family, "sac", seed, -200.0 - place) for family in ("vae", "gan", "transformer") for seed in (0, 1)
        ]
    charts = against_real_steps(standings(results))
    assert [chart.key for chart in charts] == ["real-steps-dream", "real-steps-mix", "real-steps-plan"]
    assert [len(chart.series) for chart in charts] == [6, 4, 4], "each beside the best of the simulator"


def test_a_score_card_shows_scores_as_shares_of_the_better_baseline() -> None:
    fidelity = {"energy_score": 0.2, "persistence": 0.5, "climatology": 0.4, "reward_error": 3.0}
    fidelity |= {"reward_error_climatology": 1.0, "ending_brier": 0.1}
    results = contrast([], []) | {"rows": [row("dream", "rnn", "ppo", 0, -1.0, fidelity=fidelity)]}
    (panel,) = cards.score_cards(standings(results))
    assert [(bar.words, bar.figure) for bar in panel.bars] == [
        ("next step", "0.50"),
        ("reward, error", "3.00"),
        ("ending", "–"),
    ]
    assert panel.mark is not None
    assert panel.bars[0].length == pytest.approx(panel.mark[0] / 2)


def test_where_a_dream_goes_wrong_is_shown_from_its_card(tmp_path: Path) -> None:
    results = contrast([-180.0, -190.0], [-930.0, -950.0])
    assert "Where the dreams go wrong" not in written(tmp_path, results)
    for entry in results["rows"]:
        if entry["model"] == "rnn":
            errors = {f"joint {place}": float(place + entry["seed"]) for place in range(8)}
            entry["card"] = {
                "dimensions": errors,
                "drift": {"dream": [0.0, 1.0 + entry["seed"]], "persistence": [1, 4]},
            }
    table = standings(results)
    (panel,) = cards.worst_dimensions(table)
    assert [(bar.words, bar.figure) for bar in panel.bars][:2] == [("joint 7", "7.50"), ("joint 6", "6.50")]
    (chart,) = cards.drift(table)
    assert [series.final.y for series in chart.series if series.final] == [1.5, 4.0]
    assert "Where the dreams go wrong" in written(tmp_path, results)


def test_a_baseline_of_several_dreams_is_their_mean_as_far_as_all_go() -> None:
    rows = [row("dream", family, "ppo", 0, -1.0) for family in ("rnn", "vae")]
    rows[0]["card"] = {"drift": {"dream": [0.1, 0.2, 0.3], "persistence": [1.0, 2.0, 8.0]}}
    rows[1]["card"] = {"drift": {"dream": [0.5, 0.6], "persistence": [3.0, 6.0]}}
    (chart,) = cards.drift(standings(contrast([], []) | {"rows": rows}))
    ends = {series.name: (series.final.x, series.final.y) for series in chart.series if series.final}
    assert ends == {"rnn": (3.0, 0.3), "vae": (2.0, 0.6), "persistence": (2.0, 4.0)}


def test_only_the_best_and_the_worst_family_are_animated(tmp_path: Path) -> None:
    results = contrast([-180.0, -190.0], [-930.0, -950.0])
    results["rows"] += [row("dream", "vae", "ppo", seed, -250.0 - seed) for seed in (0, 1)]
    for family in ("rnn", "diffusion", "vae"):
        animation(tmp_path / "cells" / f"dream-{family}-ppo-0" / "dream.webp")
    page = written(tmp_path, results)
    assert "The best: PPO in the diffusion dream, seed 0" in page
    assert "The worst: PPO in the rnn dream, seed 0" in page
    assert page.count("<img") == 2


def test_long_times_are_told_in_minutes() -> None:
    slow = contrast([-180.0], [-930.0])
    for entry in slow["rows"]:
        entry["wall_seconds"]["total"] = 600.0
    (chart,) = against_wall_clock(standings(slow))
    assert "minutes" in chart.x_label
    assert {series.final.x for series in chart.series if series.final} == {10.0}


def test_the_animations_of_the_best_dream_of_each_model_are_embedded(tmp_path: Path) -> None:
    from base64 import b64encode

    shown = [
        animation(tmp_path / "cells" / f"dream-{model}-ppo-0" / f"{place}.webp", np.random.default_rng(seed), 8)
        for seed, (model, place) in enumerate([("rnn", "simulator"), ("rnn", "dream"), ("diffusion", "dream")])
    ]
    other = animation(tmp_path / "cells" / "dream-rnn-ppo-1" / "dream.webp", np.random.default_rng(9), 8)
    page = written(tmp_path, SEPARATED)
    assert all(page.count(b64encode(content).decode()) == 1 for content in shown)
    assert b64encode(other).decode() not in page, "seed 1 is not the best seed"
    assert page.count("No animation of the agent in the simulator was recorded.") == 1


def mosaic(folder: Path, side: int = 24) -> bytes:
    """A film of both models' best cells, and the files that it was made of."""
    cells = ["dream-diffusion-ppo-0", "dream-rnn-ppo-0"]
    for cell in cells:
        for part in ("model", "agent"):
            (folder / "cells" / cell / part).mkdir(parents=True)
    (folder / "mosaic.json").write_text(json.dumps(cells))
    return animation(folder / "mosaic.webp", np.random.default_rng(5), side)


def test_the_dreams_are_shown_beside_the_simulator_by_the_film_of_these_cells_alone(tmp_path: Path) -> None:
    from base64 import b64encode

    shown = b64encode(mosaic(tmp_path)).decode()
    page = written(tmp_path, SEPARATED)
    assert page.count(shown) == 1
    assert "Animation: the simulator beside the dreams of diffusion, rnn" in page
    assert "PPO in the diffusion dream, seed 0: its actions move the simulator" in page
    (tmp_path / "mosaic.json").write_text(json.dumps(["dream-rnn-ppo-0"]))
    assert shown not in written(tmp_path, SEPARATED)
    assert "The models were not recorded side by side." in written(tmp_path, SEPARATED)


def test_a_film_too_large_for_the_page_is_left_out(tmp_path: Path) -> None:
    assert len(mosaic(tmp_path, 560)) > report.LARGEST * 3 / 4
    page = written(tmp_path, SEPARATED)
    assert len(page.encode()) <= report.LARGEST
    assert "The film was left out, for the page would pass 5 MB with it." in page


def test_without_a_dream_there_is_no_room_for_one(tmp_path: Path) -> None:
    assert "side by side" not in written(tmp_path, contrast([], [-930.0, -950.0]))


def test_missing_animations_are_said(tmp_path: Path) -> None:
    page = written(tmp_path, SEPARATED)
    assert "PPO in the rnn dream, seed 0: no animation was recorded." in page
    assert "<img" not in page


def test_a_foreign_file_or_a_path_that_leads_out_is_no_animation(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    animation(tmp_path / "secret" / "dream.webp")
    (folder / "cells" / "odd").mkdir(parents=True)
    (folder / "cells" / "odd" / "dream.webp").write_text("not a picture")
    results = contrast([-180.0], [-930.0])
    for entry in results["rows"]:
        entry["cell"] = {"rnn": "../../secret", "diffusion": "odd"}.get(entry["model"], "")
    assert "<img" not in written(folder, results)


def test_the_file_stays_below_five_megabytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    for model, side in (("diffusion", 300), ("rnn", 60)):
        for place in ("simulator", "dream"):
            animation(tmp_path / "cells" / f"dream-{model}-ppo-0" / f"{place}.webp", noise, side)
    page = written(tmp_path, SEPARATED)
    assert len(page.encode()) <= report.LARGEST
    assert page.count("<img") == 2, "the small pair is still shown"
    assert "left out, for the page would pass 5 MB with it" in page


def test_results_that_alone_would_fill_the_page_are_embedded_without_single_episodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = contrast([-180.0, -190.0], [-930.0, -950.0])
    for entry in results["rows"]:
        entry["return_real"]["returns"] = [entry["return_real"]["mean"]] * 3000
    monkeypatch.setattr(report, "LARGEST", 250_000)
    page = written(tmp_path, results)
    assert len(page.encode()) <= report.LARGEST
    assert "the returns of single episodes and the cards, which results.json holds" in page


def test_at_equal_wall_clock_the_last_evaluation_by_then_counts(tmp_path: Path) -> None:
    results = contrast([-180.0, -190.0], [-930.0, -950.0])
    for entry in results["rows"]:
        entry["wall_seconds"]["total"] = 80.0 if entry["mode"] == "dream" else 100.0
    words = report.verdict(results)
    assert "After the wall-clock that it took, 80 s, SAC in the simulator stood at -1,040 [-1,167, -913]." in words
    page = written(tmp_path, results)
    assert page.count("−1,040 [−1,167, −913]") == 3, "in the verdict, and beside either dream"
    for entry in results["rows"]:
        entry["wall_seconds"]["total"] = 20.0
    assert "After the wall-clock" not in report.verdict(results), "nothing was evaluated by then"
    for entry in results["rows"]:
        entry["wall_seconds"]["total"] = 2000.0 if entry["mode"] == "dream" else 100.0
    words = report.verdict(results)
    assert "SAC in the simulator ended at -940 [-1,067, -813]." in words, "the final episodes are more than a curve's"


def test_at_equal_wall_clock_one_seed_has_no_interval(tmp_path: Path) -> None:
    results = contrast([-180.0], [-930.0])
    for entry in results["rows"]:
        entry["wall_seconds"]["total"] = 80.0 if entry["mode"] == "dream" else 100.0
    words = report.verdict(results)
    (said,) = re.findall(r"After the wall-clock .*? at (.*?)\.(?: |$|\n)", words)
    assert re.fullmatch(r"-[\d,]+", said), said
    assert "[nan" not in written(tmp_path, results)


def test_a_ceiling_alone_is_what_a_dream_is_compared_with() -> None:
    results = contrast([-180.0, -190.0, -185.0], [])
    results["rows"] += [row("ceiling", None, "sac", seed, -150.0 + seed, real_steps=9000) for seed in range(3)]
    words = report.verdict(results)
    assert "after 2,000 real steps against 9,000" in words
    assert "fell short of the best agent trained in the simulator (SAC: -149" in words
    assert "As to the ceiling" not in words


def test_a_clear_win_is_called_one_and_tells_its_seeds() -> None:
    words = report.verdict(SEPARATED)
    assert "the same 2,000 real steps" in words
    assert re.search(r"PPO in the diffusion dream: -190 \[-215, -165\]\) beat .*\(SAC: -950", words)
    assert "over 3 seeds" in words


def test_a_clear_loss_is_called_one() -> None:
    assert "fell short of" in report.verdict(contrast([-930.0, -950.0, -970.0], [-180.0, -190.0, -200.0]))


def test_overlapping_intervals_show_no_difference() -> None:
    words = report.verdict(contrast([-100.0, -500.0, -900.0], [-700.0, -800.0, -900.0]))
    assert words.startswith("No difference shown on Pendulum-v1")
    assert "beat" not in words


def test_two_equal_constants_show_no_difference() -> None:
    assert report.verdict(contrast([500.0] * 3, [500.0] * 3)).startswith("No difference shown")


def test_one_seed_proves_nothing_however_far_apart() -> None:
    for results in (contrast([-180.0], [-930.0]), contrast([-180.0, -190.0], [-930.0])):
        words = report.verdict(results)
        assert words.startswith("One seed proves nothing")
        assert "beat" not in words


@pytest.mark.parametrize(
    ("dream", "stands"), [(-180.0, "higher than"), (-940.0, "lower than"), (-930.0 + 1e-9, "level with")]
)
def test_one_seed_says_who_stands_higher(dream: float, stands: str) -> None:
    results = contrast([dream], [-930.0])
    for entry in results["rows"]:
        if entry["mode"] in ("dream", "simulator"):
            entry["return_real"] |= {"low": entry["return_real"]["mean"] - 1, "high": entry["return_real"]["mean"] + 1}
    assert f"stands {stands} the best agent trained in the simulator" in report.verdict(results)


def test_one_seed_says_that_its_interval_is_over_episodes(tmp_path: Path) -> None:
    page = written(tmp_path, contrast([-180.0], [-930.0]))
    assert "a single seed’s interval is over its evaluation episodes" in page
    assert "−180 [−190, −170]" in page
    assert not of_class(drawings(page)["real-steps-720"], "band")


def test_failed_cells_are_named_and_left_out_of_the_means(tmp_path: Path) -> None:
    results = contrast([-180.0, -190.0, -200.0], [-930.0, -950.0, -970.0])
    results["rows"][11] = failed("dream", "diffusion", "ppo", 2, "the loss was NaN at epoch 3")
    words = report.verdict(results)
    assert "-185 [" in words
    assert "2 seeds against 3" in words
    assert words.endswith("1 of 15 cells failed and is left out: PPO in the diffusion dream, seed 2.")
    assert "the loss was NaN at epoch 3" in written(tmp_path, results)


def test_a_dream_that_is_not_shown_to_beat_random_play_says_so() -> None:
    words = report.verdict(contrast([-1190.0, -1210.0, -1200.0], [-930.0, -950.0, -970.0]))
    assert "not shown to be better than random play" in words
    assert "random play" not in report.verdict(SEPARATED)


def test_different_budgets_are_not_called_the_same() -> None:
    results = contrast([-180.0, -190.0], [-930.0, -950.0])
    for entry in results["rows"]:
        entry["real_steps"] = 2048 if entry["agent"] == "sac" else 2000
    assert "after 2,000 real steps against 2,048" in report.verdict(results)


def test_without_a_peer_there_is_no_verdict(tmp_path: Path) -> None:
    alone = contrast([-180.0, -190.0], [])
    assert "no agent trained in the simulator was judged" in report.verdict(alone)
    nothing = alone | {"rows": [failed("dream", "rnn", "ppo", 0, "killed")]}
    assert report.verdict(nothing).startswith("No verdict on Pendulum-v1")
    assert "No dream-trained agent finished" in written(tmp_path, nothing)
    parsed(written(tmp_path, nothing | {"rows": []}))


def test_the_terminals_table_tells_the_same_figures(tmp_path: Path) -> None:
    results = contrast([-180.0, -190.0, -200.0], [-930.0, -950.0, -970.0]) | {"env": "[red]Odd"}
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(report.table(results))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[red]Odd" in shown
    line = next(line for line in shown.splitlines() if "diffusion" in line)
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "PPO in the diffusion dream (best)",
        "3",
        "-190 [-215, -165]",
        "-170",
        "+20",
        "2,000",
        "600,000",
        "100",
    ]
    assert "−190 [−215, −165]" in written(tmp_path, results)


def test_the_same_files_give_the_same_page(tmp_path: Path) -> None:
    assert written(tmp_path, SEPARATED) == written(tmp_path, SEPARATED)


def test_a_null_or_nan_return_is_a_missing_one(tmp_path: Path) -> None:
    results = contrast([-180.0, -190.0], [-930.0, -950.0])
    results["rows"][6]["return_real"]["mean"] = float("nan")
    results["rows"][7]["fidelity"]["energy_score"] = float("inf")
    page = written(tmp_path, results)
    assert not re.search(r"\b(nan|inf|NaN|Infinity)\b", page)
    assert "1 of 10 cells failed" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "holds no results.json"),
        ('{"env": "Pendulum-v1", "rows": [{"mo', "cut off"),
        (b"\xff\xfe\x00", "cut off or not JSON"),
        ("[1, 2]", "not a contrast's results"),
        ('{"rows": 3}', "not a contrast's results"),
        ('{"env": "A", "rows": [5]}', "row 0 is not an object"),
        ('{"env": "A", "rows": [{"mode": "dream", "agent": "ppo", "seed": 0}]}', "row 0 has no 'status'"),
    ],
)
def test_bad_results_are_refused_in_one_sentence(tmp_path: Path, content: str | bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "results.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        report.write(tmp_path)
    assert str(tmp_path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": "zero"}, "row 4: 'seed' is 'zero' where a whole number belongs"),
        ({"real_steps": "2000"}, "row 4: 'real_steps' is '2000' where a number belongs"),
        ({"return_real": -190}, "row 4: 'return_real' is -190 where an object belongs"),
        ({"return_real": {"mean": "good"}}, "row 4: 'mean' is 'good' where a number belongs"),
        ({"return_real": {"mean": -10.0, "low": -200.0, "high": -180.0}}, "does not lie in its interval"),
        ({"return_real": {"mean": -10.0, "returns": [-200.0, -180.0]}}, "is not that of the 2 returns beside it"),
        ({"curve": {"real_steps": 5}}, "'curve' is {'real_steps': 5} where a list belongs"),
        ({"curve": [7]}, "'curve[0]' is 7 where an object belongs"),
        ({"sweep": {"temperature": [1]}}, "'sweep temperature' is [1] where a number or a word belongs"),
        ({"model": 7}, "'model' is 7 where text belongs"),
        ({"seed": 0}, "rows 3 and 4 are both of SAC in the simulator, seed 0"),
        ({"fidelity": {"energy_score": "low"}}, "'energy_score' is 'low' where a number belongs"),
    ],
)
def test_a_file_edited_by_hand_is_refused_in_one_sentence(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    results = contrast([-180.0, -190.0, -200.0], [-930.0, -950.0, -970.0])
    results["rows"][4] |= change
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        written(tmp_path, results)
    assert str(tmp_path / "results.json") in str(refusal.value)
    assert str(refusal.value).endswith("take back the edit or run `sandbox contrast` again.")
    assert "\n" not in str(refusal.value)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in inside for found in [(*way, key), *places(each, (*way, key))]]


def test_whatever_is_edited_the_file_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    rng, whole = np.random.default_rng(0), json.dumps(swept([0.5, 1.0]))
    refused = []
    for _ in range(100):
        results = json.loads(whole)
        ways = places(results)
        *way, last = ways[rng.integers(len(ways))]
        holder = results
        for key in way:
            holder = holder[key]
        holder[last] = [None, "text", -1e300, 0, [], {}, [[1]], {"a": None}, True, 10**400][rng.integers(10)]
        try:
            parsed(written(tmp_path, results))
        except ValueError as refusal:
            refused.append(str(refusal))
    assert 10 < len(refused) < 90
    assert all(str(tmp_path) in words and "\n" not in words for words in refused)


def test_rows_from_before_the_new_columns_are_still_read(tmp_path: Path) -> None:
    assert not {"sweep", "log", "card", "simulator_seconds"} & SEPARATED["rows"][0].keys()
    assert "run the contrast again to measure them" in report.price(SEPARATED)
    assert "No break-even price" in written(tmp_path, SEPARATED)


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: str(path.relative_to(RESULTS)))
def test_every_published_result_is_a_report(tmp_path: Path, path: Path) -> None:
    results = json.loads(path.read_text())
    page = written(tmp_path, results)
    parsed(page)
    assert results["env"] in report.verdict(results)
    assert len(page.encode()) <= report.LARGEST


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    (tmp_path / "report.html" / "mine").write_text("kept")
    with pytest.raises(ValueError, match=re.escape("report.html cannot be written")):
        written(tmp_path, SEPARATED)
    assert (tmp_path / "report.html" / "mine").read_text() == "kept"


def test_the_report_needs_neither_torch_nor_a_plotting_library() -> None:
    code = "import sys, sandbox.report; print({'torch', 'numba', 'matplotlib', 'pandas'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


@pytest.mark.parametrize(("low", "high"), [(-1234.0, -3.0), (0.0, 0.004), (-1e-3, 5e6), (7.0, 7.0), (0.0, 500.0)])
def test_ticks_are_round_and_enclose_their_range(low: float, high: float) -> None:
    found = ticks(low, high, 5)
    steps = np.diff(found)
    assert found[0] - 1e-6 * steps[0] <= low <= high <= found[-1] + 1e-6 * steps[0]
    assert len(found) <= 9
    assert steps == pytest.approx(np.full(len(steps), steps[0]), rel=1e-6)
    assert round(float(steps[0] / 10 ** np.floor(np.log10(steps[0] * 1.0001))), 3) in (1.0, 2.0, 2.5, 5.0)


def test_labels_never_cover_each_other() -> None:
    labels = [Label(100.0, y, "a label", "tone") for y in (50.0, 52.0, 51.0, 298.0, 299.0)]
    rows = sorted(apart(labels, bottom=300.0))
    assert min(np.diff(rows)) >= LINE - 1e-9
    assert rows[-1] <= 300.0


def test_a_label_that_would_cover_another_mark_stands_elsewhere() -> None:
    label = Label(200.0, 50.0, "a label", "tone")
    behind, free = [(200.0, 50.0), (230.0, 55.0)], [(200.0, 50.0), (230.0, 90.0), (400.0, 50.0)]
    assert _clear_of(behind, label, (40.0, 700.0), 600.0).is_left
    assert _clear_of(free, label, (40.0, 700.0), 600.0) == label
    assert _clear_of(behind, label, (180.0, 700.0), 600.0) == label, "there is no room on the other side"
    assert _clear_of([*behind, (170.0, 48.0)], label, (40.0, 700.0), 600.0) == label, "there is a mark on either side"
    assert _clear_of(behind, label, (40.0, 700.0), 250.0).x == 250.0, "beyond the frame, whose edge is near"
    assert _clear_of(behind, label, (40.0, 260.0), 250.0).is_left, "the page ends there"


def test_contrasts_of_several_tasks_stand_side_by_side(tmp_path: Path) -> None:
    one, other = contrast([-150.0, -160.0, -140.0], [-145.0, -150.0, -140.0]), contrast([-90.0, -95.0], [-99.0, -98.0])
    other["env"], more = "Acrobot-v1", contrast([], [])
    more["rows"] = [row("upsample", None, "sac", 0, -700.0), row("plan", "gan", "mppi", 0, -300.0)]
    found = tasks.by_task([one, other, more])
    assert [(each.name, each.seeds) for each in found] == [("Pendulum-v1", 3), ("Acrobot-v1", 2)]
    assert [each.simulator.agent for each in found if each.simulator] == ["sac", "sac"]  # the best one alone
    assert {("dream", "rnn"), ("upsample", "log alone"), ("plan", "gan")} <= set(found[0].rows)
    drawn = tasks.draw(found)
    shown = ["".join(each.itertext()) for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    for words in ("−150", "−300", "random play −1,199", "2,000 real steps, 2 seeds", "−145 SAC", "log alone", "−92.5"):
        assert words in shown, words


@pytest.mark.parametrize("name", ["Task{}-v1", "AnUnusuallyLongNameOfATask{}-v1"])
def test_many_tasks_make_a_wider_drawing_in_which_no_heading_covers_another(name: str) -> None:
    contrasts = [contrast([-150.0, -160.0], [-145.0, -150.0]) | {"env": name.format(number)} for number in range(6)]
    tree = ElementTree.fromstring(tasks.draw(tasks.by_task(contrasts)))
    heads = [float(each.attrib["x"]) for each in tree.iter(f"{SVG}text") if "real steps, 2" in "".join(each.itertext())]
    letters = max(len("2,000 real steps, 2 seeds"), len(name.format(0)))
    assert min(np.diff(heads)) > letters * tasks.LETTER
    assert float(tree.attrib["viewBox"].split()[2]) > heads[-1] + letters * tasks.LETTER


def test_a_baseline_far_away_does_not_hide_the_differences() -> None:
    near, far = (contrast([-150.0, -160.0], [-145.0, -150.0]) for _ in range(2))
    far["rows"] = [*far["rows"], row("constant", None, "constant", 0, -9000.0)]
    near["rows"] = [*near["rows"], row("constant", None, "constant", 0, -220.0)]
    shown = []
    for each in (near, far):
        tree = ElementTree.fromstring(tasks.draw(tasks.by_task([each])))
        shown.append(["".join(words.itertext()) for words in tree.iter(f"{SVG}text")])
    assert "‹" in shown[1]
    assert "−9,000" in shown[1]
    assert "‹" not in shown[0]
    marks = [[words for words in each if words in ("−400", "−300", "−200", "−100", "0")] for each in shown]
    assert marks[0] == marks[1] == ["−400", "−200", "0"]


def test_contrasts_that_differ_in_budget_share_no_column() -> None:
    other = contrast([-90.0], [-99.0]) | {"real_steps": 5000}
    with pytest.raises(ValueError, match="different real steps"):
        tasks.by_task([contrast([-90.0], [-99.0]), other])
    with pytest.raises(ValueError, match="are both of"):
        tasks.by_task([contrast([-90.0], [-99.0])] * 2)
