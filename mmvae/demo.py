"""A run in the browser: `python -m mmvae.demo --workdir RUN`.

Listens on this machine only, unless --host says otherwise; then --auth is required.
"""

import os
import sys
import tempfile
from pathlib import Path

from mmvae import command_line
from mmvae.errors import UserError

_LOCAL = ("127.0.0.1", "localhost", "::1")
_EXAMPLES = """examples:
  python -m mmvae.demo --workdir runs/quickstart
  python -m mmvae.demo --workdir runs/quickstart --data datasets/sprites --port 8000
  MMVAE_DEMO_AUTH=me:secret python -m mmvae.demo --workdir runs/quickstart --host 0.0.0.0
"""


def main(argv: list[str]) -> int:
    """Serve a run's checkpoint until interrupted."""
    options = _parser().parse_args(argv)
    auth = credentials(options.host, options.auth)
    _prepare()
    from mmvae.web import app

    studio = load(options.workdir, options.checkpoint, options.data)
    page = app.build(studio)
    print(f"open http://{options.host}:{options.port}   (Ctrl-C stops it)", flush=True)
    app.launch(page, options.host, options.port, auth)
    return 0


def credentials(host, text):
    """(name, password) of "NAME:PASSWORD", or None where nobody needs any.

    Raises:
        UserError: the text has another form, or is missing where others can reach the demo.
    """
    if text == "anyone" or (not text and host in _LOCAL):
        return None
    if not text:
        raise UserError(
            f"--host {host} lets others in: add --auth NAME:PASSWORD (or set MMVAE_DEMO_AUTH), "
            f"or --auth anyone if that is meant."
        )
    name, _, password = text.partition(":")
    if not name or not password:
        raise UserError("--auth must be NAME:PASSWORD, or anyone.")
    return name, password


def load(workdir, checkpoint="best", directory=None):
    """The Studio of a run, everything compiled; training pairs come from a data set's
    `directory`, by default the run's own where it is still there."""
    from mmvae.data.directory import INFO
    from mmvae.inference.session import Session
    from mmvae.packaging import model_card
    from mmvae.web.studio import Studio

    session = Session.load(workdir, checkpoint)
    found = Path(directory or session.config.data.dir)
    training = None
    if directory or (found / INFO).exists():
        print(f"reading training pairs from {found} ...", flush=True)
        from mmvae.web.nearest import Training

        training = Training(found, session)
    studio = Studio(session, training, model_card.text(session, Path(workdir)))
    print("warming up ...", flush=True)
    studio.warm_up()
    return studio


def _prepare():
    """Settings that must stand before Gradio and JAX start."""
    from mmvae.machine.startup import start_up

    start_up(multihost=False)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # A folder of its own for uploads, which other programs of this machine cannot read.
    os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="mmvae-demo-"))


def _parser():
    parser = command_line.Parser(prog="python -m mmvae.demo", description=__doc__, epilog=_EXAMPLES)
    parser.add_argument("--workdir", required=True, help="the run's directory")
    parser.add_argument("--checkpoint", default="best", help="best, latest or a step")
    parser.add_argument("--data", help="the prepared data set, for the nearest training pairs")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument(
        "--auth",
        default=os.environ.get("MMVAE_DEMO_AUTH", ""),
        metavar="NAME:PASSWORD",
        help="who may come in; better in the variable MMVAE_DEMO_AUTH; anyone: everybody",
    )
    return parser


if __name__ == "__main__":
    sys.exit(command_line.run(main))
