"""The one exception that the command turns into a sentence instead of a traceback."""


class InputError(ValueError):
    """Something the user gave is wrong; the message says what, and what to type instead."""
