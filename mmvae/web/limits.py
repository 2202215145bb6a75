"""What the demo takes from strangers: numbers, texts and pictures within bounds."""

from typing import Any

import numpy as np
from jaxtyping import Float
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmvae.errors import UserError

CARDS = 12  # pairs at once
CAPTIONS = 6  # of one picture
FRAMES = (3, 16)
TEXT = 200  # characters
TEMPERATURE = 2.0
UPLOAD = 5 * 2**20  # bytes
BODY = 8 * 2**20  # bytes of a request: a picture in base64 and some words


def number(value: Any, least: int, most: int, name: str) -> int:
    """A whole number within bounds.

    Raises:
        UserError: it is none, or outside.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise UserError(f"{name} must be a whole number.")
    if not least <= value <= most:
        raise UserError(f"{name} must be from {least} to {most}.")
    return int(value)


def seed(value: Any) -> int:
    """A seed that leaves room for the seeds that follow it.

    Raises:
        UserError: it is no whole number, or outside.
    """
    return number(value, 0, 2**32 - 1 - CARDS, "the seed")


def temperature(value: Any) -> float:
    """A temperature from 0 to 2.

    Raises:
        UserError: it is no number, or outside.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError("the temperature must be a number.")
    if not 0 <= value <= TEMPERATURE:
        raise UserError(f"the temperature must be from 0 to {TEMPERATURE:g}.")
    return float(value)


def text(value: Any, name: str = "the caption") -> str:
    """A text of at least one and at most 200 characters, without spaces around it.

    Raises:
        UserError: it is empty or too long.
    """
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"write {name} first.")
    if len(value) > TEXT:
        raise UserError(f"{name} has {len(value)} characters; at most {TEXT} are read.")
    return value.strip()


def places(values: Any, count: int, reach: float) -> Float[np.ndarray, " n"]:
    """Places along n directions, in standard deviations.

    Raises:
        UserError: other than `count` numbers from -reach to reach.
    """
    try:
        numbers = np.asarray(values, float)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.shape != (count,) or not np.all(np.abs(numbers) <= reach):
        raise UserError(f"name {count} places from -{reach} to {reach}, one for each direction.")
    return numbers


class BodyLimit:
    """ASGI middleware: refuses requests larger than `most` bytes, also those that do not say."""

    def __init__(self, app: ASGIApp, most: int = BODY) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.most:
            return await _refuse(send)
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.most:
                raise _TooLarge
            return message

        try:
            return await self.app(scope, counted, send)
        except _TooLarge:  # bodies are read before anything is answered
            return await _refuse(send)


async def refuse_nonsense(request: Request, error: Exception) -> Response:
    """The answer to a body that is not what its address takes; FastAPI's own quotes the body,
    and fails where that is no text."""
    return JSONResponse({"detail": "the body is not what this address takes"}, 422)


class _TooLarge(Exception):
    pass


async def _refuse(send: Send) -> None:
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b"too large"})
