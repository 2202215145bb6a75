"""Sweep files as W&B has them."""

from mmvae.sweeps import sweep_file
from mmvae.sweeps.space import Range


def test_wandb_files_are_understood(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "method: random\nrun_cap: 7\nmetric: {name: val/image_mse}\nparameters:\n"
        "  config.optimizer.learning_rate:\n"
        "    {min: 1e-4, max: 0.01, distribution: log_uniform_values}\n"
        "  train:\n    parameters:\n      batch_size: {values: [8, 16]}\n"
        "  data.augment: {value: false}\n  seed: {values: [3, 4]}\n"
    )
    content = sweep_file.read(path)
    assert content.space.ranges == {"optimizer.learning_rate": Range(1e-4, 0.01, True, False)}
    assert content.space.choices == {"train.batch_size": [8, 16], "data.augment": [False]}
    assert (content.method, content.count, content.metric, content.seeds) == (
        "random",
        7,
        "val/image_mse",
        [3, 4],
    )
