"""Hostile inputs, kills and damage, counted: `./run.sh campaign`.

The counts by default are meant for 20 minutes on two idle cores. Exit code 1 where anything
happened that must not.
"""

import argparse
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from campaign import damage, kills, preparing, processes, serving, tally
from campaign.tally import Tally
from campaign.trained import Trained

Campaign = Callable[[argparse.Namespace, Path, Trained], Tally]


def main() -> int:
    """Runs the campaigns that were chosen; 1 where one of them has a fault."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(options.keep or tempfile.mkdtemp(prefix="mmvae-campaign-")).absolute()
    print(f"seed {options.seed}; --seed {options.seed} repeats it", flush=True)
    began, tallies, trained = time.monotonic(), [], Trained(folder / "trained")
    try:
        for name in options.only or CAMPAIGNS:
            print(f"{time.monotonic() - began:5.0f} s  {name} ...", flush=True)
            tallies.append(CAMPAIGNS[name](options, folder / name, trained))
            tally.write(Path(options.out), tallies, _about(options, began))
    finally:
        for one in processes.family(os.getpid())[1:]:  # commands have sessions of their own
            processes.kill(one.pid)
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{tally.table(tallies)}\n\n{time.monotonic() - began:.0f} s; as JSON in {options.out}")
    return int(any(one.faults for one in tallies))


def _about(options: argparse.Namespace, began: float) -> dict[str, object]:
    """What the counts are of."""
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "system": platform.platform()}
    return vars(options) | {"seconds": round(time.monotonic() - began), "machine": machine}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run.sh campaign", description=__doc__)
    add = parser.add_argument
    add("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of all chance")
    add("--only", nargs="+", choices=CAMPAIGNS, metavar="NAME", help=f"of {', '.join(CAMPAIGNS)}")
    add("--inputs", type=int, default=1000, help="hostile pairs through prepare")
    add("--samples", type=int, default=80, help="of them through the demo and generate --image")
    for name in kills.WORKS:
        add(f"--{name}-kills", type=int, default=KILLS[name], help=f"kill -9 of {name}")
    add("--flips", type=int, default=2, help="flipped bytes in each kind of file of a run")
    add("--cuts", type=int, default=40, help="logs that are cut")
    add("--seconds", type=int, default=180, help="of twenty clients")
    add("--out", default="campaign.json", help="the file of the counts")
    add("--keep", help="a folder for all files, which is kept")
    return parser


def _prepare(options, folder, trained):
    return preparing.run(options.seed, options.inputs, folder)


def _kills(options, folder, trained):
    numbers = {name: getattr(options, f"{name}_kills") for name in kills.WORKS}
    return kills.run(options.seed, numbers, trained, folder)


def _damage(options, folder, trained):
    return damage.run(options.seed, options.flips, options.cuts, trained, folder)


def _demo(options, folder, trained):
    return serving.endpoints(options.seed, options.samples, trained)


def _image(options, folder, trained):
    return serving.flags(options.seed, options.samples, trained, folder)


def _clients(options, folder, trained):
    return serving.clients(options.seed, options.seconds, trained)


KILLS = {"prepare": 20, "training": 20, "sweep": 8}
CAMPAIGNS: dict[str, Campaign] = {
    "prepare": _prepare,
    "image": _image,
    "demo": _demo,
    "clients": _clients,
    "damage": _damage,
    "kills": _kills,
}

if __name__ == "__main__":
    sys.exit(main())
