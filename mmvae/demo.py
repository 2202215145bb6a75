"""A run in the browser: `python -m mmvae.demo --workdir RUN`.

Listens on this machine only, unless --host says otherwise; then --auth is required.
"""

import os
import sys

from mmvae import command_line

_EXAMPLES = """examples:
  python -m mmvae.demo --workdir runs/quickstart
  python -m mmvae.demo --workdir runs/quickstart --data datasets/sprites --port 8000
  MMVAE_DEMO_AUTH=me:secret python -m mmvae.demo --workdir runs/quickstart --host 0.0.0.0
"""


def main(argv: list[str]) -> int:
    """Serve a run's checkpoint until interrupted."""
    options = _parser().parse_args(argv)
    from mmvae.web import entrance

    auth = entrance.credentials(options.host, options.auth)
    entrance.check_port(options.host, options.port)
    # What follows loads JAX and Gradio.
    from mmvae.machine.startup import start_up

    start_up(multihost=False)
    entrance.keep_private()
    from mmvae.web import app, opening

    page = app.build(opening.studio_of(options.workdir, options.checkpoint, options.data))
    print(f"open http://{options.host}:{options.port}   (Ctrl-C stops it)", flush=True)
    app.launch(page, options.host, options.port, auth)
    return 0


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
