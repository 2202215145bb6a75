"""The page: tabs, history and endpoints around a Studio."""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware

from mmvae.errors import UserError
from mmvae.web import api, cards, entrance, limits
from mmvae.web.fields import Tab
from mmvae.web.history import History
from mmvae.web.studio import Studio
from mmvae.web.tabs import (
    about,
    caption_to_image,
    copying,
    explore,
    generate,
    image_to_caption,
    interpolate,
)

_AT_ONCE = 2  # requests that compute; the others wait
_WAITING = 64
_CLEAN = (600, 3600)  # seconds: how often, and how old uploads may get
_SESSIONS = 500  # whose histories are kept
_OPTIONS = {"concurrency_id": "model", "concurrency_limit": _AT_ONCE}
# Fonts of the visitor's system: nothing is fetched from elsewhere.
_THEME = gr.themes.Default(
    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300")


class _Page(gr.Blocks):
    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """A wrong number of values is the caller's mistake: told, and no traceback in the log."""
        try:
            super().validate_inputs(block_fn, inputs)
        except ValueError as error:
            wanted = f"{block_fn.api_name} takes {len(block_fn.inputs)} values"
            raise gr.Error(f"{wanted}; {len(inputs)} came.", print_exception=False) from error


def build(studio: Studio) -> gr.Blocks:
    """The page of a Studio."""
    name = studio.session.config.name
    with _Page(title=f"mmvae: {name}", delete_cache=_CLEAN, analytics_enabled=False) as app:
        gr.Markdown(f"# {name}\nOne continuous latent for a picture and its caption.")
        parts = []
        with gr.Tabs() as tabs:
            for title, make in TABS.items():
                with gr.Tab(title, id=title):
                    parts += make(studio)
        history = History(tabs, parts)
        for part in parts:
            _connect(part, history)
        history.connect(_shown, api_visibility="private", **_OPTIONS)
        api.register(studio, _shown, **_OPTIONS)
    return app.queue(max_size=_WAITING)


def launch(
    app: gr.Blocks, host: str, port: int, auth: tuple[str, str] | None = None, block: bool = True
) -> str:
    """Serve an app; returns when it is stopped, or at once its address where not `block`.

    Raises:
        UserError: it cannot listen there.
    """
    try:
        _, url, _ = app.launch(
            server_name=host,
            server_port=port,
            auth=auth,
            share=False,
            prevent_thread_lock=not block,
            quiet=True,
            footer_links=["api"],
            allowed_paths=[],
            max_file_size=limits.UPLOAD,
            state_session_capacity=_SESSIONS,
            app_kwargs={
                "middleware": [Middleware(limits.BodyLimit)],
                "exception_handlers": {RequestValidationError: limits.refuse_nonsense},
            },
            theme=_THEME,
            css=cards.CSS,
            ssr_mode=False,
            mcp_server=False,
        )
    except OSError as error:
        entrance.check_port(
            host, port
        )  # Gradio does not tell why, and nobody may be in the way now
        raise UserError(f"the page cannot be served at {host}, port {port}: {error}") from error
    return url


def _connect(part: Tab, history: History) -> None:
    def live(*settings: Any) -> list[Any]:
        return list(part.run(*settings))

    def recorded(*values: Any) -> list[Any]:
        *settings, past = values
        return [*part.run(*settings), *history.after(past, part, settings)]

    quiet = {"show_progress": "hidden", "trigger_mode": "always_last"} if part.live else {}
    inputs = part.inputs if part.live else [*part.inputs, history.state]
    outputs = part.outputs if part.live else [*part.outputs, *history.outputs]
    run = _shown(live if part.live else recorded)
    gr.on(part.triggers, run, inputs, outputs, api_visibility="private", **quiet, **_OPTIONS)


def _shown(function: Callable) -> Callable:
    """The function with UserErrors as messages on the page."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except UserError as error:
            sentence = str(error)[:1].upper() + str(error)[1:]
            raise gr.Error(sentence, print_exception=False) from error

    return wrapped


TABS = {
    "Generate": generate.build,
    "Caption to image": caption_to_image.build,
    "Image to caption": image_to_caption.build,
    "Explore": explore.build,
    "Interpolate": interpolate.build,
    "Is it copying?": copying.build,
    "About": about.build,
}
