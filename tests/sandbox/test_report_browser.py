"""The report in a real browser, headless Chromium: nothing in the console, every figure drawn, light and dark."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sandbox import report

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")
FAMILIES = ("rnn", "diffusion", "transformer", "vae", "gan", "autoregressive")
WAYS = {"dream": "ppo", "mix": "sac", "upsample": "sac", "plan": "mppi"}
PROBE = """<script>
addEventListener('error', told => problems.push(told.message));
const problems = [];
addEventListener('load', () => {
  const seen = [...document.querySelectorAll('figure svg[role=img]')].filter(svg => svg.getClientRects().length);
  const drawn = svg => [...svg.querySelectorAll('path, polygon, circle, text')].filter(
    mark => mark.getBBox().width + mark.getBBox().height > 0).length;
  const cut = svg => [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBBox(), view = svg.viewBox.baseVal;
    return box.x < -2 || box.x + box.width > view.width + 2 || box.y < -2 || box.y + box.height > view.height + 2;
  }).map(text => text.textContent);
  const told = {
    problems,
    figures: document.querySelectorAll('figure').length,
    reachable: [...document.querySelectorAll('figure')].every(figure => figure.tabIndex === 0 && figure.ariaLabel),
    charts: seen.map(svg => [svg.querySelector('title').textContent, drawn(svg)]),
    cut: seen.flatMap(cut),
    films: [...document.images].map(image => image.naturalWidth),
    wider: document.documentElement.scrollWidth > innerWidth,
    dark: matchMedia('(prefers-color-scheme: dark)').matches,
    paper: getComputedStyle(document.body).backgroundColor,
    headings: [...document.querySelectorAll('h1, h2, h3')].map(heading => Number(heading.tagName[1])),
    unnamed: [...document.querySelectorAll('img:not([alt]), th:not([scope]), table:not(:has(caption))')].length,
  };
  document.title = 'told ' + JSON.stringify(told);
});
</script>"""


def row(mode: str, model: str | None, agent: str, seed: int, mean: float, **other: Any) -> dict[str, Any]:
    """A cell with everything that a report can show."""
    rng = np.random.default_rng(seed)
    steps = 20_000 if mode == "ceiling" else 2000
    curve = [
        {
            "real_steps": steps * part // 10,
            "wall_seconds": 0.05 * steps * part / 10,
            "simulator_seconds": 0.04 * steps * part / 10,
            "return_real": mean - 80.0 * (10 - part),
            "return_dream": mean - 60.0 * (10 - part) if model else None,
        }
        for part in range(1, 11)
    ]
    scores = {"energy_score": 0.2, "persistence": 0.5, "climatology": 0.9, "coverage_90": 0.88}
    drift = {"dream": np.linspace(0, 1, 30).tolist(), "persistence": np.linspace(0, 3, 30).tolist()}
    return {
        "mode": mode,
        "model": model,
        "agent": agent,
        "seed": seed,
        "status": "done",
        "real_steps": 0 if mode == "random" else steps,
        "wall_seconds": {"collect": 1.0, "fit": 2.0, "learn": 3.0, "total": 0.05 * steps},
        "return_real": {"mean": mean, "low": mean - 5, "high": mean + 5, "episodes": 100},
        "return_dream": mean + 30 if model else None,
        "curve": [] if mode in ("random", "upsample") else curve,
        "fidelity": scores if model else {},
        "card": {"dimensions": {f"joint {i}": rng.random() for i in range(7)}, "drift": drift} if model else {},
        "log": f"log {seed}" if mode == "upsample" else None,
        "cell": f"{mode}-{model or agent}-{seed}",
    } | other


def everything() -> dict[str, Any]:
    """Every mode, six families, and a sweep: as much as one page ever has to show."""
    rows = []
    for seed in range(3):
        rows += [
            row("random", None, "random", seed, -1200.0 - seed),
            row("simulator", None, "sac", seed, -900.0 + seed),
        ]
        rows += [row("ceiling", None, "sac", seed, -150.0 + seed), row("upsample", None, "sac", seed, -700.0 - seed)]
        rows += [
            row("perfect", None, "ppo", seed, -160.0 - seed),
            row("persistence", None, "ppo", seed, -1100.0 + seed),
        ]
        for place, family in enumerate(FAMILIES):
            rows += [row(way, family, agent, seed, -200.0 - 90 * place - 9 * seed) for way, agent in WAYS.items()]
        for value in (0.1, 0.5, 1.0, 1.15, 1.3):
            swept = {"temperature": value}
            rows.append(row("dream", "rnn", "sac", seed, -900.0 + 500 * value + 7 * seed, sweep=swept))
    known = {"env": "An <Environment> & more", "real_steps": 2000, "ceiling_steps": 20_000, "step_seconds": 0.04}
    machine = {"platform": "Linux", "cores": 2}
    return known | {"rows": rows, "machine": machine, "command": "sandbox contrast …", "notes": ["cannot be seeded"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "results.json").write_text(json.dumps(everything()))
    frames = [Image.fromarray(np.full((48, 48, 3), shade, np.uint8)) for shade in (20, 120, 220)]
    for cell in ("dream-rnn-0", "dream-autoregressive-0"):
        (folder / "cells" / cell).mkdir(parents=True)
        for place in ("simulator", "dream"):
            frames[0].save(folder / "cells" / cell / f"{place}.webp", save_all=True, append_images=frames[1:])
        for part in ("model", "agent"):
            (folder / "cells" / cell / part).mkdir()
    wide = [frame.resize((96, 54)) for frame in frames]
    wide[0].save(folder / "mosaic.webp", save_all=True, append_images=wide[1:])
    (folder / "mosaic.json").write_text(json.dumps(["dream-rnn-0", "dream-autoregressive-0"]))
    report.write(folder)
    return folder


def browse(page: Path, home: Path, *flags: str) -> tuple[str, str]:
    """What Chromium prints and complains about when it opens a page."""
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--enable-logging=stderr",
    ]
    command += [f"--user-data-dir={home}", *flags, page.as_uri()]
    told = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return told.stdout.decode(), told.stderr.decode()


def probed(folder: Path, home: Path, width: int, scheme: int) -> dict[str, Any]:
    """What a script sees in the page: it is added to a copy, from which the policy that bars scripts is taken."""
    page = (folder / "report.html").read_text()
    page, count = re.subn(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", PROBE, page)
    assert count == 1
    copy = home / f"probed-{width}-{scheme}.html"
    copy.write_text(page)
    flags = (f"--window-size={width},900", f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom")
    dumped, _ = browse(copy, home / "profile", *flags)
    found = re.search(r"<title>told (.*?)</title>", dumped)
    assert found, dumped[:500]
    return dict(json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))


@needs_chromium
def test_the_console_stays_empty(folder: Path, tmp_path: Path) -> None:
    _, complaints = browse(folder / "report.html", tmp_path, "--dump-dom")
    assert "CONSOLE" not in complaints
    broken = tmp_path / "broken.html"
    broken.write_text("<script>nobody.there()</script>")
    assert "CONSOLE" in browse(broken, tmp_path, "--dump-dom")[1], "a console that says nothing proves nothing"


@needs_chromium
@pytest.mark.parametrize(("width", "scheme"), [(1200, 1), (1200, 0), (400, 0)])
def test_every_figure_is_drawn_in_light_and_dark_on_wide_and_narrow_screens(
    folder: Path, tmp_path: Path, width: int, scheme: int
) -> None:
    told = probed(folder, tmp_path, width, scheme)
    assert told["problems"] == []
    assert told["dark"] == (scheme == 0)
    assert told["paper"] == ("rgb(22, 23, 26)" if told["dark"] else "rgb(253, 253, 251)")
    charts = dict(told["charts"])
    for key in ("Return against real steps", "Return against wall-clock", "Return in the dream against", "How far"):
        assert any(title.startswith(key) for title in charts), key
    assert any("return against temperature" in title for title in charts)
    assert sum(count < 8 for _, count in told["charts"]) == 0, "every chart has its marks"
    assert told["films"] == [96] + [48] * 4
    assert not told["wider"], "the page itself never scrolls sideways"


@needs_chromium
def test_a_keyboard_and_a_screen_reader_find_their_way(folder: Path, tmp_path: Path) -> None:
    told = probed(folder, tmp_path, 1200, 1)
    assert told["figures"] >= 10
    assert told["reachable"]
    assert told["unnamed"] == 0
    assert told["headings"][0] == 1
    assert all(after - before <= 1 for before, after in zip(told["headings"], told["headings"][1:], strict=False))


@needs_chromium
@pytest.mark.parametrize("width", [1200, 400])
def test_no_word_of_a_chart_is_cut_off(folder: Path, tmp_path: Path, width: int) -> None:
    assert probed(folder, tmp_path, width, 1)["cut"] == []


@needs_chromium
def test_the_page_is_painted(folder: Path, tmp_path: Path) -> None:
    pictures = {}
    for scheme in (0, 1):
        picture = tmp_path / f"{scheme}.png"
        flags = (
            "--window-size=1000,4000",
            f"--blink-settings=preferredColorScheme={scheme}",
            f"--screenshot={picture}",
        )
        browse(folder / "report.html", tmp_path / "profile", *flags)
        pictures[scheme] = np.asarray(Image.open(io.BytesIO(picture.read_bytes())).convert("RGB"), np.float64)
    dark, light = pictures[0], pictures[1]
    assert dark.mean() < 60 < 200 < light.mean()
    assert len(np.unique(light[::5, ::5].reshape(-1, 3), axis=0)) > 100, "tones, text and rules"


@needs_chromium
def test_the_page_prints(folder: Path, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    browse(folder / "report.html", tmp_path / "profile", "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    assert paper.read_bytes()[:5] == b"%PDF-"
    assert len(re.findall(rb"/Type ?/Page\b", paper.read_bytes())) > 3


def test_the_fullest_page_stays_below_five_megabytes(folder: Path) -> None:
    assert (folder / "report.html").stat().st_size <= report.LARGEST


def test_a_machine_without_chromium_says_why_it_skips() -> None:
    hidden = "import shutil, pytest; shutil.which = lambda name: None; "
    code = f"{hidden}pytest.main(['-rs', '--noconftest', {__file__!r}, '-k', 'console'])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "no chromium on this machine: apt-get install chromium" in told.stdout
