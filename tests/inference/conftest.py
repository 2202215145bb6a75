"""One session of a tiny model for all tests of this wing."""

import pytest


@pytest.fixture(scope="package")
def words(tmp_path_factory):
    """A tokenizer of `CAPTIONS`."""
    from data_prep.stages import vocabulary
    from mmvae.data.text import Tokenizer
    from support.sessions import CAPTIONS

    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    path.write_bytes(vocabulary.train(CAPTIONS * 20, 300))
    return Tokenizer(path)


@pytest.fixture(scope="package")
def session(words):
    """A Session of a model with noise as its parameters."""
    from support import sessions, tiny

    return sessions.session(tiny.config(), words)


@pytest.fixture(scope="package")
def labelled(words):
    """The same with a label as its third modality."""
    from support import sessions, tiny

    return sessions.session(tiny.with_label(), words)
