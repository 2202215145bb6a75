"""The benchmark that the repository ships."""

from configs.bench import sprites
from mmvae.config import fields
from mmvae.objectives.family import OBJECTIVES
from mmvae.sweeps import sweep_file
from support.places import ROOT

FILE = sweep_file.read(str(ROOT / "configs" / "bench" / "objectives.yaml"))


def test_it_tries_every_objective_on_three_levels_with_three_seeds():
    assert sorted(FILE.space.choices["objective.name"]) == sorted(OBJECTIVES)
    assert len(FILE.space.choices["data.dir"]) == len(FILE.seeds) == 3


def test_its_configuration_has_the_fields_that_vary():
    config = fields(sprites.get_config())
    assert set(FILE.space.choices) <= set(config)
    assert config["data.dir"] in FILE.space.choices["data.dir"]
