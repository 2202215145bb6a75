"""The demo as its visitors meet it: a server, clients, a browser.

`MMVAE_SCREENSHOTS=DIR` keeps what the browser saw.
"""

import base64
import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from support.places import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

LOGIN = ("me", "secret")
CLIENTS, SECONDS = 20, 60
PROMPT = "big red heart"


class Demo:
    """A running demo: its `url` and `process`, and a new `client` on request."""

    def __init__(self, run, log):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        flags = ["--workdir", str(run), "--port", str(port)]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "MMVAE_DEMO_AUTH": ":".join(LOGIN)}
        self._log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mmvae.demo", *flags],
                env=environment,
                cwd=log.parent,
                stdout=out,
                stderr=out,
            )

    def wait(self):
        for _ in range(1200):
            assert self.process.poll() is None, self.log()
            try:
                if httpx.get(self.url).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.25)
        raise AssertionError(self.log())

    def log(self):
        return self._log.read_text()

    def client(self):
        from gradio_client import Client

        return Client(self.url, auth=LOGIN, verbose=False)

    def browser(self):
        """A logged-in client of plain HTTP."""
        visitor = httpx.Client(base_url=self.url, follow_redirects=True, timeout=60)
        names = dict(zip(("username", "password"), LOGIN, strict=True))
        assert visitor.post("/login", data=names).status_code == 200
        return visitor


@pytest.fixture(scope="module")
def demo(sprites_run, tmp_path_factory):
    server = Demo(sprites_run, tmp_path_factory.mktemp("demo") / "log.txt")
    try:
        server.wait()
        yield server
    finally:
        server.process.terminate()
        server.process.wait(20)


@pytest.fixture(scope="module")
def client(demo):
    return demo.client()


def decoded(text):
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image)


# Programs


def test_every_tab_has_an_endpoint(client):
    pairs = client.predict(num=3, seed=5, api_name="/generate")
    assert [pair["seed"] for pair in pairs] == [5, 6, 7]
    assert decoded(pairs[0]["image"]).shape == (32, 32, 3)
    assert all(-1 <= pair["agreement"] <= 1 for pair in pairs)
    pictures = client.predict(caption=PROMPT, num=4, api_name="/draw")
    agreements = [pair["agreement"] for pair in pictures]
    assert agreements == sorted(agreements, reverse=True)
    assert {pair["prompt"] for pair in pictures} == {PROMPT}
    captioned = client.predict(picture=pairs[0]["image"], num=3, api_name="/caption")
    assert 1 <= len(captioned["captions"]) <= 3
    assert decoded(captioned["reconstruction"]).shape == (32, 32, 3)
    between = client.predict(start="5", end=PROMPT, steps=4, api_name="/interpolate")
    assert len(between["pairs"]) == 4
    assert base64.b64decode(between["gif"]).startswith(b"GIF8")
    assert between["pairs"][0]["image"] == pairs[0]["image"]
    for one in client.predict(num=2, api_name="/copying"):
        distances = [near["distance"] for near in one["nearest"]]
        assert len(distances) == 3
        assert distances == sorted(distances)
    assert "## Limits" in client.predict(api_name="/about")


def test_exploring_starts_at_the_start_and_moves_one_direction(client):
    (pair,) = client.predict(num=1, seed=9, api_name="/generate")
    start = client.predict(start="9", api_name="/explore")
    assert start["image"] == pair["image"]
    places = list(start["places"])
    places[0] = 2.5
    moved = client.predict(start="9", places=places, api_name="/explore")
    np.testing.assert_allclose(moved["places"], places, atol=1e-3)
    picture = f"data:image/png;base64,{pair['image']}"
    assert "image" in client.predict(start=picture, api_name="/explore")


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("/generate", {"num": 13}, "The number must be from 1 to 12"),
        ("/generate", {"num": 1.5}, "must be a whole number"),
        ("/generate", {"seed": -1}, "The seed must be from 0"),
        ("/generate", {"temperature": 99}, "The temperature must be from 0 to 2"),
        ("/generate", {"sampler": "flux"}, "choose one of flow, ancestral, gmm, prior"),
        ("/draw", {"caption": ""}, "Write the caption first"),
        ("/draw", {"caption": "x" * 201}, "at most 200 are read"),
        ("/draw", {"caption": "漢字"}, "no characters that this run's vocabulary knows"),
        ("/caption", {"picture": "%%%"}, "must be a file's bytes in base64"),
        ("/caption", {"picture": "QUJD"}, "not a picture in a known format"),
        ("/explore", {"start": "1", "places": [1.0]}, "one for each direction"),
        ("/interpolate", {"start": "1", "end": "2", "steps": 99}, "from 3 to 16"),
    ],
)
def test_mistakes_get_one_sentence(client, name, values, sentence):
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=sentence):
        client.predict(**values, api_name=name)


# Strangers


def test_nothing_without_a_password(demo):
    for path in ("/config", "/gradio_api/info", "/gradio_api/file=/etc/passwd"):
        assert httpx.get(demo.url + path).status_code == 401
    wrong = {"username": "me", "password": "guess"}
    assert httpx.post(f"{demo.url}/login", data=wrong).status_code == 400


def test_no_file_of_the_machine_is_served(demo, sprites_run):
    with contextlib.closing(demo.browser()) as visitor:
        for path in ("/etc/passwd", sprites_run / "config.json", ROOT / "pyproject.toml"):
            assert visitor.get(f"/gradio_api/file={path}").status_code in (403, 404)
        for path in ("http://127.0.0.1:1/", "../../../etc/passwd"):
            assert visitor.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_large_uploads_and_requests_are_refused(demo):
    def chunks():
        for _ in range(20):
            yield b"x" * 2**20

    with contextlib.closing(demo.browser()) as visitor:
        upload = {"files": ("big.png", b"x" * (5 * 2**20 + 1))}
        assert visitor.post("/gradio_api/upload", files=upload).status_code == 413
        body = {"data": ["x" * 2**24]}
        assert visitor.post("/gradio_api/call/draw", json=body).status_code == 413
        endless = visitor.post("/gradio_api/call/draw", content=chunks())
        assert endless.status_code >= 400, "also one that does not say how large it is"


def test_bodies_that_are_none_are_refused_in_a_sentence(demo):
    with contextlib.closing(demo.browser()) as visitor:
        for body in (b"\xff" * 1000, b"null", b"{", b'{"data": 1}'):
            answer = visitor.post("/gradio_api/call/draw", content=body)
            assert answer.status_code == 422, body
            assert answer.json() == {"detail": "the body is not what this address takes"}
        event = visitor.post("/gradio_api/call/draw", json={"data": ["a heart"]}).json()["event_id"]
        told = visitor.get(f"/gradio_api/call/draw/{event}").text
        assert "draw takes 4 values; 1 came." in told
    assert "Traceback" not in demo.log()


def test_decompression_bombs_are_refused(demo, client):
    from gradio_client.exceptions import AppError

    before = psutil.Process(demo.process.pid).memory_info().rss
    for side in (9_000, 30_000):
        picture = base64.b64encode(bomb(side)).decode()
        with pytest.raises(AppError, match="cannot be read as a picture"):
            client.predict(picture=picture, api_name="/caption")
    assert psutil.Process(demo.process.pid).memory_info().rss - before < 100 * 2**20


def bomb(side):
    """A small PNG file of side x side black pixels."""

    def chunk(kind, body):
        size, check = len(body).to_bytes(4, "big"), zlib.crc32(kind + body).to_bytes(4, "big")
        return size + kind + body + check

    head = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes(side * (side // 8 + 2)))
    body = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_twenty_clients_for_a_minute(demo):
    """Every answer is right, and the server's memory stays where it was."""
    errors, done, end = [], [], time.monotonic() + SECONDS
    want = {seed: pair["image"] for seed in range(4) for pair in _generate(demo.client(), seed)}

    def visit(number):
        try:
            client = demo.client()
            while time.monotonic() < end:
                seed = (number + len(done)) % 4
                (pair,) = _generate(client, seed)
                assert pair["image"] == want[seed]
                client.predict(caption=PROMPT, num=2, seed=seed, api_name="/draw")
                done.append(number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS / 3)
    server = psutil.Process(demo.process.pid)
    early = server.memory_info().rss
    for thread in threads:
        thread.join()
    growth = server.memory_info().rss - early
    print(f"{2 * len(done)} answers, memory {early / 2**20:.0f} MB {growth / 2**20:+.0f} MB")
    assert errors == []
    assert set(done) == set(range(CLIENTS)), "everybody was served"
    assert growth < 80 * 2**20
    assert "Traceback" not in demo.log()


def _generate(client, seed):
    return client.predict(num=1, seed=seed, api_name="/generate")


# A browser


@pytest.fixture(scope="module")
def page(demo):
    """A logged-in page; `page.elsewhere` lists requests that left this machine."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        except sync_api.Error as error:
            pytest.skip(f"no browser: apt-get install chromium ({str(error).splitlines()[0]})")
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(60_000)
        page.elsewhere, page.errors = [], []
        page.on("request", lambda request: _note(page.elsewhere, request.url, demo.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(demo.url)
        page.get_by_label("username").fill(LOGIN[0])
        page.get_by_label("password").fill(LOGIN[1])
        page.get_by_role("button", name="Login").click()
        page.get_by_role("tab", name="Generate").wait_for()
        yield page
        browser.close()


def _note(elsewhere, url, home):
    if not url.startswith((home, "data:", "blob:")):
        elsewhere.append(url)


@pytest.fixture
def shown(page, request):
    """Keeps a screenshot of the page after a test."""
    yield page
    folder = os.environ.get("MMVAE_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{request.node.name}.png", full_page=True)


def go(page, tab, button):
    page.get_by_role("tab", name=tab, exact=True).click()
    if button:
        page.get_by_role("button", name=button, exact=True).click()


def cards(page):
    """The cards that can be seen, once there are any."""
    found = page.locator("figure.card:visible")
    found.first.wait_for()
    return found


def upload(page, place, tmp_path):
    Image.new("RGB", (60, 40), "red").save(tmp_path / "red.png")
    page.locator("input[type=file]").nth(place).set_input_files(tmp_path / "red.png")


def test_generate_tab(shown):
    go(shown, "Generate", "Generate")
    assert cards(shown).count() == 8
    assert "seed 3" in cards(shown).nth(3).inner_text()
    shown.get_by_role("button", name="Use this seed").nth(3).click()
    field = shown.get_by_label("Seed").first
    shown.wait_for_function("field => field.value === '3'", arg=field.element_handle())
    with shown.expect_download() as download:
        cards(shown).nth(3).get_by_role("link", name="JSON").click()
    assert b'"seed": 3' in download.value.path().read_bytes()
    assert download.value.suggested_filename == "seed-3.json"


def test_caption_to_image_tab(shown):
    go(shown, "Caption to image", None)
    shown.get_by_label("Caption", exact=True).fill(PROMPT)
    shown.get_by_role("button", name="Generate pictures", exact=True).click()
    cards(shown).nth(7).wait_for()
    assert "reads as:" in cards(shown).first.inner_text()


def test_image_to_caption_tab(shown, tmp_path):
    go(shown, "Image to caption", None)
    upload(shown, 0, tmp_path)
    shown.get_by_role("button", name="Write captions").click()
    cards(shown).nth(1).wait_for()
    assert "what its latent keeps" in cards(shown).nth(1).inner_text()


def test_explore_tab(shown):
    go(shown, "Explore", "Start here")
    first = cards(shown).first.locator("img").get_attribute("src")
    slider = shown.locator("input[type=range]:visible").first
    slider.focus()
    for _ in range(3):
        shown.keyboard.press("PageUp")
    picture = cards(shown).first.locator("img").element_handle()
    shown.wait_for_function("([image, was]) => image.src !== was", arg=[picture, first])


def test_interpolate_tab(shown):
    go(shown, "Interpolate", "Interpolate")
    cards(shown).nth(8).wait_for()
    assert shown.locator("img[alt='there and back']").is_visible()


def test_copying_tab(shown):
    go(shown, "Is it copying?", "Generate and compare")
    cards(shown).nth(15).wait_for()
    assert "training:" in cards(shown).nth(1).inner_text()


def test_about_tab(shown):
    go(shown, "About", None)
    assert shown.get_by_role("heading", name="Limits").is_visible()


def test_history_loads_settings_and_results_back(shown):
    go(shown, "Generate", None)
    shown.get_by_label("Seed").first.fill("77")
    shown.get_by_role("button", name="Generate", exact=True).click()
    shown.get_by_text("seed 77").wait_for()
    go(shown, "About", None)
    shown.get_by_role("button", name="History of this session").click()
    shown.locator("label", has_text="Generate").last.click()
    shown.get_by_role("button", name="Load back").click()
    shown.get_by_text("seed 7", exact=False).first.wait_for()
    assert shown.get_by_label("Seed").first.input_value() == "0"


def test_a_mistake_is_told_on_the_page(shown):
    go(shown, "Caption to image", None)
    shown.get_by_label("Caption", exact=True).fill("漢字")
    shown.get_by_role("button", name="Generate pictures", exact=True).click()
    shown.get_by_text("no characters that this run's vocabulary knows").wait_for()


def test_the_page_needs_no_network_and_has_no_errors(page):
    assert page.elsewhere == []
    assert page.errors == []
