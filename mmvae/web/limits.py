"""What the demo takes from strangers: numbers, texts and pictures within bounds."""

import numpy as np

from mmvae.errors import UserError

CARDS = 12  # pairs at once
CAPTIONS = 6  # of one picture
FRAMES = (3, 16)
TEXT = 200  # characters
TEMPERATURE = 2.0
UPLOAD = 5 * 2**20  # bytes
BODY = 8 * 2**20  # bytes of a request: a picture in base64 and some words


def number(value, least, most, name):
    """A whole number within bounds, int.

    Raises:
        UserError: it is none, or outside.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise UserError(f"{name} must be a whole number.")
    if not least <= value <= most:
        raise UserError(f"{name} must be from {least} to {most}.")
    return int(value)


def seed(value):
    """A seed that leaves room for the seeds that follow it."""
    return number(value, 0, 2**32 - 1 - CARDS, "the seed")


def temperature(value):
    """A temperature from 0 to 2, float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError("the temperature must be a number.")
    if not 0 <= value <= TEMPERATURE:
        raise UserError(f"the temperature must be from 0 to {TEMPERATURE:g}.")
    return float(value)


def text(value, name="the caption"):
    """A text of at least one and at most 200 characters."""
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"write {name} first.")
    if len(value) > TEXT:
        raise UserError(f"{name} has {len(value)} characters; at most {TEXT} are read.")
    return value.strip()


def places(values, directions):
    """Places along `Directions`, an array [n]."""
    reach = directions.REACH
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != (directions.count,) or not np.all(np.abs(found) <= reach):
        raise UserError(
            f"name {directions.count} places from -{reach} to {reach}, one for each direction."
        )
    return found


class BodyLimit:
    """ASGI middleware: refuses requests larger than `most` bytes, also those that do not say."""

    def __init__(self, app, most=BODY):
        self.app, self.most = app, most

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > self.most:
            return await _refuse(send)
        size = 0

        async def counted():
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


class _TooLarge(Exception):
    pass


async def _refuse(send):
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b"too large"})
