"""KID of torch-fidelity, which ours is compared with."""

import importlib
import importlib.util

import pytest

from mmvae.evaluation import features

# Operators that torchvision describes as it is imported.
OPERATORS = ("nms", "qnms")
BOXES = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def load():
    """The module; skips the test where torch-fidelity is not installed.

    It imports torchvision, which fails beside a CPU build of PyTorch where its own build is for
    accelerators: its compiled operators cannot be loaded. They are declared then; none is called.
    """
    for package in ("torch", "torchvision", "torch_fidelity"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is absent: {features.INSTALL}")
    import torch

    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in OPERATORS:
            torch.library.define(f"torchvision::{name}", BOXES)
    return importlib.import_module("torch_fidelity.metric_kid")
