"""Data sets of papers, in tiny copies of their own layouts."""

import gzip
import io
import json
import struct

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mmvae.data import records
from mmvae.data.labels import Label
from mmvae.errors import UserError
from support.drawings import drawing, to_bytes
from support.preparing import account, card, pictures, put, read, rejected, run, stored

DIGITS = [7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6]
CUB = "CUB_200_2011"
BIRDS = ("001.Black_footed_Albatross/A_1.jpg", "002.Laysan_Albatross/B_2.jpg")


def idx(values) -> bytes:
    values = np.asarray(values, np.uint8)
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def scans(count=12):
    """Pictures [count, 28, 28], each with its number as one pixel's level."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 14, 14] = np.arange(count) + 100
    return images


def mnist(folder, packed=False):
    pack, ending = (gzip.compress, ".gz") if packed else (bytes, "")
    for part, count in (("train", len(DIGITS)), ("t10k", 3)):
        put(folder, f"{part}-images-idx3-ubyte{ending}", pack(idx(scans(count))))
        put(folder, f"{part}-labels-idx1-ubyte{ending}", pack(idx(DIGITS[:count])))


def pixels(pair):
    return np.asarray(Image.open(io.BytesIO(pair.image)))


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_pairs_pictures_with_their_digits(tmp_path, packed):
    mnist(tmp_path / "MNIST/raw", packed)
    pairs = read(f"mnist:{tmp_path}", image_size=28)
    assert len(pairs) == len(DIGITS) + 3
    assert [pair.split for pair in pairs[-4:]] == ["train", "test", "test", "test"]
    assert (pairs[1].caption, json.loads(pairs[1].attributes)) == ("two", {"digit": "2"})
    np.testing.assert_array_equal(pixels(pairs[1]), scans()[1])


def test_mnist_plain_and_packed_is_read_once(tmp_path):
    mnist(tmp_path)
    mnist(tmp_path, packed=True)
    pairs, ledger = account(f"mnist:{tmp_path}")
    assert len(pairs) == len(DIGITS) + 3
    assert ledger.facts()["not_read"] == {".gz": 4}
    assert pixels(pairs[0]).shape == (32, 32)


def test_mnist_becomes_a_set_with_labels(tmp_path):
    mnist(tmp_path / "in")
    flags = "--image-size 28 --vocab-size 300"
    assert run(tmp_path / "out", f"mnist:{tmp_path / 'in'}", more=flags) == 0
    assert rejected(tmp_path / "out") == {}
    assert card(tmp_path / "out")["counts"]["splits"] == {"train": 9, "val": 3, "test": 3}
    test = records.read(tmp_path / "out", "test")
    label = Label((("digit", tuple("0123456789")),))
    assert sorted(label.shown(label.stored(test))) == ["digit=1", "digit=2", "digit=7"]


def test_a_row_of_polymnist_is_five_pictures_of_one_group(tmp_path):
    for view in range(5):
        name = f"PolyMNIST/train/m{view}/12.8.png"
        put(tmp_path, name, to_bytes(drawing(view, 28, 28), "PNG"))
    put(tmp_path, "PolyMNIST/test/m0/3.1.png", b"no picture")
    pairs, ledger = account(f"polymnist:{tmp_path}", image_size=28)
    assert {(pair.caption, pair.group, pair.split) for pair in pairs} == {
        ("eight", "train/12", "train")
    }
    assert len({pair.picture for pair in pairs}) == 5
    assert pixels(pairs[0]).shape[:2] == (28, 28)
    ((_, why),) = ledger.refused
    assert why.reason == "picture unreadable"


def test_one_view_of_polymnist(tmp_path):
    for view in (0, 3):
        pictures(tmp_path, f"train/m{view}/0.5.png")
    pairs, ledger = account(f"polymnist:{tmp_path},m3")
    assert [pair.picture for pair in pairs] == ["train/m3/0.5.png"]
    assert ledger.facts()["not_read"] == {"0.5.png": 1}


def test_svhn_counts_zero_as_ten(tmp_path):
    images = np.zeros((32, 32, 3, 2), np.uint8)
    images[..., 0, 1] = 200
    savemat(tmp_path / "test_32x32.mat", {"X": images, "y": np.array([[3], [10]], np.uint8)})
    pairs = read(f"svhn:{tmp_path}")
    assert [(pair.caption, pair.split) for pair in pairs] == [("three", "test"), ("zero", "test")]
    np.testing.assert_array_equal(pixels(pairs[1]), images[..., 1])


def cub(folder):
    pictures(folder / CUB / "images", *BIRDS)
    put(folder, f"{CUB}/images.txt", "".join(f"{i} {name}\n" for i, name in enumerate(BIRDS, 1)))
    put(folder, f"{CUB}/classes.txt", "".join(f"{b[2]} {b.split('/')[0]}\n" for b in BIRDS))
    put(folder, f"{CUB}/image_class_labels.txt", "1 1\n2 2\n")
    put(folder, f"{CUB}/train_test_split.txt", "1 1\n2 0\n")


def test_cub_with_the_captions_beside_it(tmp_path):
    cub(tmp_path)
    for number, bird in enumerate(BIRDS):
        put(tmp_path, f"cub/text_c10/{bird[:-4]}.txt", f"a bird, {number}\nit is black\n")
    pairs = read(f"cub:{tmp_path}")
    assert [(pair.picture, pair.caption, pair.split) for pair in pairs] == [
        (BIRDS[0], "a bird, 0", "train"),
        (BIRDS[0], "it is black", "train"),
        (BIRDS[1], "a bird, 1", "test"),
        (BIRDS[1], "it is black", "test"),
    ]
    assert json.loads(pairs[0].attributes) == {"species": "Black footed Albatross"}
    assert pairs[0].image.is_file()


def test_cub_alone_tells_species(tmp_path):
    cub(tmp_path)
    pairs, ledger = account(f"cub:{tmp_path / CUB}")
    assert [pair.caption for pair in pairs] == ["Black footed Albatross", "Laysan Albatross"]
    assert "species are the captions" in ledger.facts()["notes"][0]


def celeba(folder, values="-1  1  1"):
    names = ["000001.jpg", "000002.jpg"]
    pictures(folder / "Img/img_align_celeba", *names)
    pictures(folder / "Img/img_celeba", *names, first=5)
    table = f"2\nMale Wavy_Hair Young\n000001.jpg {values}\n000002.jpg  1 -1 -1\n"
    put(folder, "Anno/list_attr_celeba.txt", table)
    put(folder, "Eval/list_eval_partition.txt", "000001.jpg 0\n000002.jpg 2\n")


def test_celeba_names_the_attributes_that_hold(tmp_path):
    celeba(tmp_path)
    pairs, ledger = account(f"celeba:{tmp_path}")
    said = [(pair.caption, pair.split) for pair in pairs]
    assert said == [("wavy hair, young", "train"), ("male", "test")]
    assert json.loads(pairs[0].attributes) == {"Male": "0", "Wavy_Hair": "1", "Young": "1"}
    assert {pair.image.parent.name for pair in pairs} == {"img_align_celeba"}
    assert ledger.facts()["not_read"] == {".jpg": 2}


def test_captions_of_celeba_pass_the_cleaning(tmp_path):
    celeba(tmp_path / "in")
    flags = "--val-fraction 0 --vocab-size 300"
    assert run(tmp_path / "out", f"celeba:{tmp_path / 'in'}", more=flags) == 0
    assert {caption for caption, _ in stored(tmp_path / "out").values()} == {
        "wavy hair, young",
        "male",
    }


def test_what_is_missing_or_damaged_is_said(tmp_path):
    mnist(tmp_path / "half")
    (tmp_path / "half/t10k-labels-idx1-ubyte").unlink()
    mnist(tmp_path / "cut", packed=True)
    put(tmp_path, "cut/train-images-idx3-ubyte.gz", gzip.compress(idx(scans()))[:-30])
    mnist(tmp_path / "short")
    put(tmp_path, "short/train-images-idx3-ubyte", idx(scans())[:-1])
    put(tmp_path, "mat/test_32x32.mat", b"no MATLAB")
    celeba(tmp_path / "values", values="1 1")
    cub(tmp_path / "cub")
    put(tmp_path, f"cub/{CUB}/train_test_split.txt", "1 1\n")
    wrong = {
        "mnist:{}/none": "needs train-images-idx3-ubyte",
        "mnist:{}/half": "lacks t10k-labels",
        "mnist:{}/cut": "download that file again",
        "mnist:{}/short": "not the 12 x 28 x 28",
        "polymnist:{}/half,m1": "of views it has: none",
        "svhn:{}/half": "no train_32x32.mat",
        "svhn:{}/mat": "cannot be read",
        "celeba:{}/half": "has no list_eval_partition.txt",
        "celeba:{}/values": "line 3 needs a picture and 1 or -1 for each of the 3",
        "cub:{}/half": "has no images.txt",
        "cub:{}/cub": "tell nothing of picture 002",
    }
    for spec, message in wrong.items():
        with pytest.raises(UserError) as error:
            read(spec.replace("{}", str(tmp_path)))
        assert message in str(error.value), spec
