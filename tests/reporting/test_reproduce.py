"""Commands that make a run again, read back by the commands' own parsers."""

import shlex
from types import SimpleNamespace

from configs import base
from mmvae import command_line
from mmvae.config import fields
from mmvae.reporting import reproduce


def test_commands_to_reproduce_give_the_same_settings(tmp_path):
    settings = {"sources": ["folder:x"], "groups": ["1", "2"], "without_groups": []}
    settings |= {"test_fraction": 0.0, "keep_uncaptioned": False, "tokenizer": "", "channels": 1}
    config = fields(base.get_config()) | {
        "train.freeze": ["*", "!*/adapter_*"],
        "data.augment": False,
    }
    run = SimpleNamespace(card={"settings": settings}, config=config, path=tmp_path)
    (_, preparing), (_, training), _ = reproduce.commands(run)
    words = shlex.split(preparing.replace("\\\n", ""))
    assert words[words.index("--source") :] == [
        *("--source", "folder:x", "--groups", "1", "2", "--test-fraction", "0.0"),
        *("--channels", "1", "--out", "datasets/engravings"),
    ]
    again = base.get_config()
    flags = shlex.split(training.replace("\\\n", ""))
    command_line.override(again, [flag for flag in flags if flag.startswith("--config.")])
    assert again.train.freeze == ("*", "!*/adapter_*")
    assert not again.data.augment
