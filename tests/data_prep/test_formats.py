"""Sources in the formats that people of the field come with; each written here, tiny."""

import io
import json
import tarfile

import pyarrow
import pytest
from pyarrow import parquet

from mmvae.errors import UserError
from support.drawings import drawing, to_bytes
from support.preparing import account, captions, pictures, put, read, run, told

JPEG = to_bytes(drawing(1), "JPEG")
PNG = to_bytes(drawing(2))


def shard(path, *files):
    """A tar file of (name, content) or of TarInfo without content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def fact(**values):
    return json.dumps(values).encode()


@pytest.mark.parametrize("name", ["train-0000.tar", "TRAIN-0000.TAR", "train-0000.tar.gz"])
def test_shards(tmp_path, name):
    path = shard(
        tmp_path / name,
        ("0000.jpg", JPEG),
        ("0000.txt", b"A ship"),
        ("0000.json", fact(caption="ignored", url="http://x")),
        ("a/0001.png", PNG),
        ("a/0001.json", fact(caption=["A boat", "A cart"])),
        ("0002.webp", PNG),
        ("0002.cls", b"7"),
        ("0003.txt", b"A lamp without a picture"),
        ("0004.jpg", JPEG),
        ("0004.txt", "A caf\u00e9".encode("cp1252")),
    )
    pairs, ledger = account(f"webdataset:{path}")
    assert captions(pairs) == {
        f"{name}/0000.jpg": "A ship",
        f"{name}/a/0001.png": "A boat",
        f"{name}/a/0001.png#2": "A cart",
        f"{name}/0002.webp": "",
        f"{name}/0004.jpg": "",
    }
    assert pairs[0].image == JPEG and pairs[1].image == pairs[2].image == PNG
    assert {pair.named_split for pair in pairs} == {"train"}
    assert pairs[-1].fault.reason == "caption file cannot be read"
    ((row, refused),) = ledger.refused
    assert (row.id, refused.reason) == (f"{name}/0003", "sample has no picture")
    assert ledger.facts()["not_read"] == {"0002.cls": 1}


def test_shards_in_a_folder_and_lines_of_captions(tmp_path):
    for split in ("train", "val"):
        shard(tmp_path / split / "00000.tar", ("1.jpg", JPEG), ("1.txt", b"One\nTwo\n"))
    put(tmp_path, "00000_stats.json", "{}")
    pairs, ledger = account(f"webdataset:{tmp_path}", lines="captions")
    assert [(pair.caption, pair.named_split) for pair in pairs] == [
        ("One", "train"),
        ("Two", "train"),
        ("One", "val"),
        ("Two", "val"),
    ]
    assert ledger.facts()["not_read"] == {"00000_stats.json": 1}


def test_samples_of_one_key_in_two_places_stay_two(tmp_path):
    path = shard(
        tmp_path / "a.tar", ("1.jpg", JPEG), ("1.txt", b"A"), ("2.jpg", PNG), ("1.jpg", PNG)
    )
    pairs = read(f"webdataset:{path}")
    assert len({pair.picture for pair in pairs}) == 3


def test_a_second_picture_of_a_sample_and_links_are_told_of(tmp_path):
    path = shard(tmp_path / "a.tar", ("1.jpg", JPEG), ("1.seg.png", PNG), ("1.txt", b"A"))
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("2.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    pairs, ledger = account(f"webdataset:{path}")
    assert captions(pairs) == {"a.tar/1.jpg": "A"}
    assert ledger.facts()["not_read"] == {"1.seg.png": 1, "links": 1}


def test_a_shard_that_is_cut_off_is_said_to_be(tmp_path):
    path = shard(tmp_path / "a.tar", ("1.jpg", JPEG), ("1.txt", b"A"), ("2.jpg", JPEG))
    content = path.read_bytes()
    end = content.rindex(JPEG)
    path.write_bytes(content[: end + 100])
    with pytest.raises(UserError, match="a.tar cannot be read to its end"):
        read(f"webdataset:{path}")
    path.write_bytes(content[: end + 512 * -(-len(JPEG) // 512)])  # all but the mark of the end
    pairs, ledger = account(f"webdataset:{path}")
    assert len(pairs) == 2 and "is it cut off?" in ledger.facts()["notes"][0]


def column_of_pictures(kind):
    if kind == "bytes":
        return [PNG, PNG, JPEG]
    if kind == "struct":
        pictures = [("1.png", PNG), ("other.png", PNG), ("2.jpg", JPEG)]
        return [{"bytes": content, "path": name} for name, content in pictures]
    return ["1.png", "1.png", "2.jpg"]


@pytest.mark.parametrize("kind", ["bytes", "struct", "paths"])
@pytest.mark.parametrize("source", ["parquet:{}/validation-00000-of-00001.parquet", "parquet:{}"])
def test_parquet(tmp_path, kind, source):
    columns = {"picture": column_of_pictures(kind), "text": [["A ship", "A boat"], ["C"], [None]]}
    table = pyarrow.table(columns | {"book": [7, 7, 8]})
    parquet.write_table(table, tmp_path / "validation-00000-of-00001.parquet")
    put(tmp_path, "1.png", PNG)
    put(tmp_path, "2.jpg", JPEG)
    columns = {"image_column": "picture", "caption_column": "text", "group_column": "book"}
    pairs, ledger = account(source.format(tmp_path), **columns)
    assert [(p.caption, p.group) for p in pairs] == [
        ("A ship", "7"),
        ("A boat", "7"),
        ("C", "7"),
        ("", "8"),
    ]
    assert len({pair.picture for pair in pairs}) == 2  # equal bytes are one picture
    assert {pair.named_split for pair in pairs} == {"val"}
    content = [p.image if isinstance(p.image, bytes) else p.image.read_bytes() for p in pairs]
    assert content == [PNG, PNG, PNG, JPEG]
    unread = {".png": 1, ".jpg": 1} if source.endswith("{}") and kind != "paths" else {}
    assert sum(ledger.facts()["not_read"].values()) == sum(unread.values())


def test_parquet_whose_captions_are_objects(tmp_path):
    table = pyarrow.table({"image": [PNG], "caption": [[{"raw": "A ship"}]]})
    parquet.write_table(table, tmp_path / "a.parquet")
    pairs, ledger = account(f"parquet:{tmp_path}")
    assert pairs == []
    assert ledger.refused[0][1].detail == "a.parquet row 1: caption is an object, not a text"


def test_parquet_whose_captions_are_bytes(tmp_path):
    table = pyarrow.table({"image": [PNG, JPEG], "caption": ["Größe".encode(), b"\xff"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    pairs, ledger = account(f"parquet:{tmp_path}")
    assert [pair.caption for pair in pairs] == ["Größe"]
    assert "caption is bytes that are no UTF-8 text" in ledger.refused[0][1].detail


def test_metadata_in_parquet(tmp_path):
    for split in ("train", "test"):
        put(tmp_path, f"{split}/1.png", PNG)
        table = pyarrow.table({"file_name": ["1.png"], "caption": [f"A {split}"]})
        parquet.write_table(table, tmp_path / split / "metadata.parquet")
    pairs = read(f"imagefolder:{tmp_path}")
    assert [(p.id, p.caption, p.named_split) for p in pairs] == [
        ("test/1.png", "A test", "test"),
        ("train/1.png", "A train", "train"),
    ]


@pytest.mark.parametrize("where", ["metadata.csv", "train/metadata.csv"])
def test_imagefolder_with_csv(tmp_path, where):
    put(tmp_path, "train/1.png", PNG)
    name = "1.png" if "/" in where else "train/1.png"
    put(tmp_path, where, f'file_name,text\n{name},"A ship, at sea"\n')
    (pair,), ledger = account(f"imagefolder:{tmp_path}")
    assert f"{where}: captions are in the column text" in ledger.facts()["notes"]
    assert (pair.caption, pair.named_split, pair.image.exists()) == (
        "A ship, at sea",
        "train",
        True,
    )


def karpathy(folder="", **more):
    names = [("1.jpg", "train"), ("2.jpg", "restval"), ("3.jpg", "val"), ("4.jpg", "test")]
    images = [
        {"filename": name, "split": split, "sentences": [{"raw": f"{split} a"}, {"raw": "b"}]}
        | ({"filepath": folder} if folder else {})
        for name, split in names
    ]
    return json.dumps({"dataset": "tiny", "images": images} | more)


@pytest.mark.parametrize(("folder", "there"), [("", ""), ("val2014", "val2014/"), ("", "Images/")])
def test_karpathy(tmp_path, folder, there):
    file = put(tmp_path, "dataset_tiny.json", karpathy(folder))
    for i in range(1, 6):
        put(tmp_path, f"pictures/{there}{i}.jpg", JPEG)
    pairs, ledger = account(f"karpathy:{file},{tmp_path}/pictures")
    assert [pair.split for pair in pairs] == [*["train"] * 4, *["val"] * 2, *["test"] * 2]
    assert [pair.caption for pair in pairs[:2]] == ["train a", "b"]
    assert pairs[0].picture == pairs[1].picture and all(pair.image.exists() for pair in pairs)
    assert ledger.facts()["not_read"] == {"5.jpg": 1}


def coco(**more):
    content = {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in (1, 2)],
        "annotations": [{"image_id": 1, "caption": "A ship"}],
    }
    return json.dumps(content | more)


def test_coco_accounts_for_all_of_its_pictures(tmp_path):
    for name in ("val2014/1.jpg", "val2014/2.jpg", "val2014/3.jpg", "notes.txt"):
        put(tmp_path, f"pictures/{name}", JPEG)
    file = put(tmp_path, "captions_val2014.json", coco())
    pairs, ledger = account(f"coco:{file},{tmp_path}/pictures")
    assert captions(pairs) == {"1.jpg": "A ship", "2.jpg": ""}
    assert {pair.named_split for pair in pairs} == {"val"}
    assert all(pair.image.exists() for pair in pairs)
    assert ledger.facts()["not_read"] == {"3.jpg": 1, "notes.txt": 1}


def test_coco_with_captions_that_are_no_text_and_ids_given_twice(tmp_path):
    images = [{"id": i // 2, "file_name": f"{i}.jpg"} for i in (1, 2, 3)]
    told = [(0, ["A", "B"]), (0, {"en": "C"}), (1, "D")]
    told = [{"image_id": image_id, "caption": caption} for image_id, caption in told]
    file = put(tmp_path, "a.json", coco(images=images, annotations=told))
    pairs, ledger = account(f"coco:{file},{tmp_path}")
    assert [(pair.picture, pair.caption) for pair in pairs] == [("1.jpg", "A"), ("1.jpg", "B")]
    assert [(row.id, refused.reason) for row, refused in ledger.refused] == [
        ("1.jpg#3", "cell is not a text"),
        ("3.jpg", "picture's id is not its own"),
        ("2.jpg", "picture's id is not its own"),
        ("3.jpg#2", "picture's id is not its own"),
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("webdataset:{}/none", "is no .tar file"),
        ("webdataset:{}/empty", "is no .tar file"),
        ("webdataset:{}/broken.tar", "cannot be read to its end"),
        ("parquet:{}/none.parquet", "is no .parquet file"),
        ("parquet:{}/empty", "is no .parquet file"),
        ("parquet:{}/broken.parquet", "cannot be read as Parquet"),
        ("parquet:{}/columns.parquet", "has no column image; it has: caption, jpg"),
        ("karpathy:{}/a.json", "type karpathy:DATASET.json,IMAGES"),
        ("karpathy:{}/a.json,{}", "is not a file of Karpathy's"),
        ("karpathy:{}/deep.json,{}", "nested too deep"),
        ("coco:{}/list.json,{}", "is not a COCO captions file"),
        ("coco:{}/a.json,{}/none", "is not a folder"),
        ("imagefolder:{}/none", "is not a folder"),
    ],
)
def test_wrong_sources_are_explained(tmp_path, spec, message):
    (tmp_path / "empty").mkdir()
    put(tmp_path, "broken.tar", b"no tar file" * 100)
    put(tmp_path, "broken.parquet", b"PAR1 but no more PAR1")
    table = pyarrow.table({"jpg": [JPEG], "caption": ["A ship"]})
    parquet.write_table(table, tmp_path / "columns.parquet")
    put(tmp_path, "a.json", '{"images": [{"filename": "1.jpg"}]}')
    put(tmp_path, "deep.json", "[" * 100_000)
    put(tmp_path, "list.json", "[1, 2]")
    with pytest.raises(UserError) as error:
        read(spec.replace("{}", str(tmp_path)))
    assert message in str(error.value)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_set_of_tfds_is_told_in_one_sentence(tmp_path, damage):
    pictures(tmp_path / "in", *(f"{number}.png" for number in range(6)))
    for number in range(6):
        put(tmp_path / "in", f"{number}.txt", told(number))
    assert run(tmp_path / "set", f"folder:{tmp_path / 'in'}") == 0
    (path, *_) = sorted((tmp_path / "set").glob("*train.tfrecord*"))
    content = path.read_bytes()
    flipped = content[:200] + bytes([content[200] ^ 1]) + content[201:]
    path.write_bytes({"flipped": flipped, "cut": content[:-9], "gone": b""}[damage])
    if damage == "gone":
        path.unlink()
    with pytest.raises(UserError, match=r"train cannot be read after \d rows .*; download or prep"):
        read(f"tfds:{tmp_path / 'set'}", caption_column="caption")


def test_json_that_would_lose_a_value_is_refused(tmp_path):
    put(
        tmp_path, "captions.jsonl", '{"image": "a.png", "caption": "A ship", "caption": "A boat"}\n'
    )
    with pytest.raises(UserError, match="line 1: caption is there twice"):
        read(f"folder:{tmp_path}")
    path = shard(
        tmp_path / "a.tar", ("1.png", PNG), ("1.json", b'{"caption": "A", "caption": "B"}')
    )
    (pair,) = read(f"webdataset:{path}")
    assert pair.fault.reason == "caption file cannot be read"


def test_a_damaged_file_among_several_is_refused_and_the_others_are_read(tmp_path):
    for number in range(2):
        shard(
            tmp_path / "tars" / f"{number}.tar",
            (f"{number}.png", PNG),
            (f"{number}.txt", b"A ship"),
        )
        table = pyarrow.table({"image": [PNG, JPEG], "caption": ["A boat", "A cart"]})
        (tmp_path / "tables").mkdir(exist_ok=True)
        parquet.write_table(table, tmp_path / "tables" / f"{number}.parquet")
        put(tmp_path / "folders", f"{number}/captions.csv", "image,caption\n1.png,A tower\n")
        put(tmp_path / "folders", f"{number}/1.png", PNG)
    put(tmp_path, "tars/2.tar", b"\xff" * 1024)
    put(tmp_path, "tables/2.parquet", b"PAR1" + b"\xff" * 64 + b"PAR1")
    put(tmp_path, "folders/2/captions.csv", b"image,caption\n1.png,caf\xe9\n")
    kinds = {"webdataset:tars/2.tar": "shard", "parquet:tables/2.parquet": "table"}
    kinds["folder:folders/2/captions.csv"] = "table"
    for name, kind in kinds.items():
        source, _, file = name.partition(":")
        folder, _, file = file.partition("/")
        pairs, ledger = account(f"{source}:{tmp_path / folder}")
        ((row, refused),) = ledger.refused
        assert pairs and (row.id, refused.reason) == (file, f"{kind} cannot be read")
        with pytest.raises(UserError):
            account(f"{source}:{tmp_path / folder / file}")
