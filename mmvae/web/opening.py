"""A run as the Studio that the page is built around."""

from pathlib import Path

from mmvae.data.directory import INFO
from mmvae.inference.session import Session
from mmvae.packaging import model_card
from mmvae.web.nearest import Training
from mmvae.web.studio import Studio


def studio_of(run: str | Path, checkpoint: str = "best", directory: str | None = None) -> Studio:
    """The Studio of a run, everything compiled.

    Args:
        checkpoint: best, latest or a step.
        directory: of the data set with the training pairs; by default the run's own where it is
            still there.

    Raises:
        UserError: no such run, checkpoint or data set.
    """
    session = Session.load(run, checkpoint)
    training = _training(session, directory)
    studio = Studio(session, training, model_card.text(session, Path(run)))
    print("warming up ...", flush=True)
    studio.warm_up()
    return studio


def _training(session, directory):
    """The nearest training pairs, or None where they are not at hand."""
    folder = Path(directory or session.config.data.dir)
    if not directory and not (folder / INFO).exists():
        print(f"{folder} is gone: no nearest training pairs (--data names where it is)", flush=True)
        return None
    print(f"reading training pairs from {folder} ...", flush=True)
    return Training(folder, session)
