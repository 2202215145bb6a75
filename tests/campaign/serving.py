"""The demo and `generate --image` given hostile inputs, and a demo under many clients."""

import base64
import contextlib
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client
from gradio_client.exceptions import AppError

from campaign import hostile
from campaign.doors import Doors
from campaign.processes import Sandbox, family, kill, memory
from campaign.tally import Tally
from campaign.trained import Trained

CLIENTS = 20
_GROWTH = 150  # MB that a server may grow after its first third
_PROMPT = "big red heart"


def endpoints(seed: int, samples: int, trained: Trained) -> Tally:
    """Hostile pictures and captions through the demo's endpoints."""
    tally, uploads = Tally("demo"), trained.box.folder / "tmp"
    before = trained.run and trained.box.files(uploads)
    with _demo(trained) as (url, process):
        client, quiet = Client(url, verbose=False), memory(process.pid)
        for number in range(samples):
            pair = hostile.make(seed, number)
            picture = base64.b64encode(pair.picture).decode()
            start = f"data:image/png;base64,{picture}"
            _ask(tally, client, pair, "/caption", picture=picture, num=1)
            _ask(tally, client, pair, "/draw", caption=pair.text, num=1)
            _ask(tally, client, pair, "/interpolate", start=pair.text, end=start, steps=3)
            tally.measures["peak MB"] = max(memory(process.pid), tally.measures.get("peak MB", 0))
        tally.measures["MB at first"] = quiet
    _no_trace(tally, trained)
    for name in sorted(dict(trained.box.files(uploads).items() ^ before.items())):
        tally.fault(f"the demo changed {name}")
    return tally


def _ask(tally: Tally, client: Client, pair: hostile.Hostile, name: str, **values: Any) -> None:
    what = f"{name} {pair.kind[1] if name == '/draw' else pair.kind[0]}"
    try:
        client.predict(**values, api_name=name)
        tally.add(what, "answered")
    except AppError as error:
        unsaid = "error" in str(error)[:60].lower() and "Traceback" in str(error)
        tally.add(what, "refused in a sentence", str(error) if unsaid else "")
    except httpx.HTTPStatusError as error:
        large = error.response.status_code == 413
        tally.add(what, "refused as too large" if large else "failed", "" if large else str(error))
    except Exception as error:
        large = "too large" in str(error)
        end = "refused as too large" if large else "failed"
        tally.add(what, end, "" if large else f"{pair.name!r}: {error!r:.300}")


def flags(seed: int, samples: int, trained: Trained, folder: Path) -> Tally:
    """Hostile pictures through `generate --image`."""
    tally, doors = Tally("generate --image"), Doors(trained.box)
    run, pictures, out = trained.run, folder / "pictures", folder / "out"
    pictures.mkdir(parents=True)
    before = trained.box.files(out)
    for number in range(samples):
        pair = hostile.make(seed, number)
        path = pictures / pair.name
        path.write_bytes(pair.picture)
        end = doors.call("generate", "--workdir", str(run), "--image", str(path), "--out", str(out))
        word = {0: "read", 2: "refused in a sentence"}.get(end.code, "failed")
        tally.add(pair.kind[0], word, end.wrong and f"{pair.name!r}: {end.wrong}")
        shutil.rmtree(out, ignore_errors=True)
    tally.measures["peak MB"] = doors.peak
    doors.close()
    for name in sorted(dict(trained.box.files(out).items() ^ before.items())):
        tally.fault(f"generate --image changed {name}")
    return tally


def clients(seed: int, seconds: int, trained: Trained) -> Tally:
    """Twenty clients for a time, one of which misbehaves."""
    tally = Tally(f"{CLIENTS} clients")
    with _demo(trained) as (url, process):
        want = _answers(Client(url, verbose=False))
        end = time.monotonic() + seconds
        visits = [_rude(seed), *[_polite(want)] * (CLIENTS - 1)]
        threads = [threading.Thread(target=_visit, args=(tally, url, v, end)) for v in visits]
        for thread in threads:
            thread.start()
        time.sleep(seconds / 3)
        early = memory(process.pid)
        for thread in threads:
            thread.join()
        growth = memory(process.pid) - early
        tally.measures |= {"MB": early, "MB grown": growth}
        if growth > _GROWTH:
            tally.fault(f"memory grew by {growth:.0f} MB")
        if _answers(Client(url, verbose=False)) != want:
            tally.fault("answers after the visit are others")
    _no_trace(tally, trained)
    return tally


def _answers(client: Client) -> dict[int, str]:
    return {n: client.predict(num=1, seed=n, api_name="/generate")[0]["image"] for n in range(4)}


def _visit(tally: Tally, url: str, once: Callable, end: float) -> None:
    client = Client(url, verbose=False)
    while time.monotonic() < end:
        once(tally, client, url)


def _polite(want: dict[int, str]) -> Callable:
    def once(tally, client, url):
        seed = random.randrange(4)
        try:
            (pair,) = client.predict(num=1, seed=seed, api_name="/generate")
            wrong = "" if pair["image"] == want[seed] else "another picture"
            client.predict(caption=_PROMPT, num=2, seed=seed, api_name="/draw")
        except Exception as error:
            wrong = f"{error!r:.300}"
        tally.add("the polite 19", "failed" if wrong else "answered", wrong)

    return once


def _rude(seed: int) -> Callable:
    """One visitor who sends hostile pictures, endless bodies, nonsense, and hangs up."""
    chance = random.Random(f"{seed}/rude")

    def hostile_picture(client, url):
        pair = hostile.make(seed, chance.randrange(10_000))
        client.predict(picture=base64.b64encode(pair.picture).decode(), api_name="/caption")

    def large(client, url):
        httpx.post(f"{url}/gradio_api/call/draw", json={"data": ["x" * 2**24]})

    def nonsense(client, url):
        body = chance.choice((b"{", b"\xff" * 1000, b'{"data": 1}', b'{"data": [[[[]]]]}', b"null"))
        name = chance.choice(("draw", "caption", "explore", "../../etc/passwd", "nothing"))
        httpx.post(f"{url}/gradio_api/call/{name}", content=body)

    def hang_up(client, url):
        with contextlib.suppress(httpx.TimeoutException):
            httpx.post(f"{url}/gradio_api/queue/join", json={"fn_index": 0}, timeout=0.05)
        place = httpx.URL(url)
        with socket.create_connection((place.host, place.port)) as line:
            line.sendall(b"POST /gradio_api/upload HTTP/1.1\r\nContent-Length: 999\r\n\r\nx")

    def files(client, url):
        httpx.get(f"{url}/gradio_api/file=/etc/passwd").raise_for_status()

    def once(tally, client, url):
        try:
            chance.choice((hostile_picture, large, nonsense, hang_up, files))(client, url)
            end = "answered"
        except Exception:
            end = "refused"
        tally.add("the rude one", end)

    return once


@contextlib.contextmanager
def _demo(trained: Trained) -> Iterator[tuple[str, Any]]:
    """(address, process) of a demo of the run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, box = f"http://127.0.0.1:{port}", trained.box
    names = ("--workdir", str(trained.run), "--port", str(port))
    with _log(box).open("w") as log:
        process = box.start("mmvae.demo", *names, out=log)
    try:
        _wait(url, process, box)
        yield url, process
    finally:
        for one in reversed(family(process.pid)):
            kill(one.pid)
        process.wait()


def _log(box: Sandbox) -> Path:
    return box.folder / "log.txt"


def _wait(url, process, box):
    for _ in range(1200):
        if process.poll() is not None:
            raise RuntimeError(f"the demo did not start: {_log(box).read_text()[-2000:]}")
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.25)
    raise RuntimeError("the demo did not start in five minutes")


def _no_trace(tally: Tally, trained: Trained) -> None:
    said = _log(trained.box).read_text(errors="replace")
    if "Traceback" in said:
        last = said[said.rindex("Traceback") :].strip().splitlines()[-1]
        tally.fault(f"{said.count('Traceback')} tracebacks in the demo's log, the last: {last}")
