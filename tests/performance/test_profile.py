"""A step's time by part: names of parts, and a real trace of a small step."""

import jax
import numpy as np
import pytest

from mmvae.performance import profile, speed, table
from mmvae.training.program import Program, on_devices
from support import tiny


@pytest.mark.parametrize(
    ("scopes", "part"),
    [
        ("jit(_fun)/jvp(MMVAE.encode)/encoders_image/Transformer_0/dot", "encoders image"),
        (
            "jit(_fun)/transpose(jvp(MMVAE.reconstruct))/decoders_image.loss/decoders_image/"
            "Upsampler_0/Dense_1/dot",
            "decoders image: upsampler",
        ),
        ("jit(_fun)/decoders_caption.loss/decoders_caption/trunk/add", "decoders caption"),
        ("jit(_fun)/jvp(MMVAE.velocity)/prior/hidden_0/dot", "prior"),
        ("jit(_fun)/optimizer/mul", "optimizer"),
        ("jit(_fun)/metrics/jit(norm)/sqrt", "metrics"),
        ("jit(_fun)/average/add", "average"),
        ("jit(_fun)/jvp(vmap(jit(_normal)))/erf_inv", "other"),
    ],
)
def test_an_operation_belongs_to_a_part(scopes, part):
    assert profile.part(scopes) == part


def test_what_runs_around_others_is_not_counted_twice():
    text = """
  %while.1 = (f32[]) while(%x), metadata={op_name="jit(f)/optimizer/while"}
  ROOT %add.2 = f32[] add(%a, %b), metadata={op_name="jit(f)/optimizer/add"}
  %plain = f32[] add(%a, %b)
"""
    assert profile.parts_of(text) == {"add.2": "optimizer"}


def test_a_trace_tells_the_parts_of_a_step(tmp_path):
    config = tiny.config().lock()
    program = Program(config, tiny.modalities(config), 100)
    batches = on_devices(speed.random_batches(program.modalities, config.train.batch_size))
    seconds = profile.profile(program, batches, tmp_path)
    sides = {
        f"{side} {name}" for side in ("encoders", "decoders") for name in tiny.modalities(config)
    }
    assert sides | {"optimizer", "metrics", "average", "prior"} <= set(seconds)
    assert min(seconds.values()) > 0
    assert list(seconds.values()) == sorted(seconds.values(), reverse=True)
    assert len(list(tmp_path.rglob("*.xplane.pb"))) == 1
    lines = list(table.parts(seconds))
    shares = [float(line.split()[-1].rstrip("%")) for line in lines[:-1]]
    assert np.sum(shares) == pytest.approx(100, abs=1)
    jax.clear_caches()
