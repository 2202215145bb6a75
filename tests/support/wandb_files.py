"""Reading back what an offline W&B run wrote; W&B itself offers no way."""

import json
import struct
import zlib


def scan(path, block=32768, header=7):
    """Records of a .wandb file, a LevelDB log."""
    from wandb.proto import wandb_internal_pb2 as pb

    data = path.read_bytes()
    position, record = 7, b""
    while position + header <= len(data):
        left = block - position % block
        crc, size, kind = (0, 0, 0)
        if left >= header:
            crc, size, kind = struct.unpack("<IHB", data[position : position + header])
        if kind == 0:
            position += left
            continue
        chunk = data[position + header : position + header + size]
        assert zlib.crc32(chunk, zlib.crc32(bytes([kind]))) == crc
        position += header + size
        record = chunk if kind in (1, 2) else record + chunk
        if kind in (1, 4):
            parsed = pb.Record()
            parsed.ParseFromString(record)
            yield parsed


def run_file(workdir):
    (path,) = workdir.glob("wandb/offline-run-*/run-*.wandb")
    return path


def items(entries):
    row = {}
    for item in entries:
        *path, name = [item.key] if item.key else item.nested_key
        inner = row
        for key in path:
            inner = inner.setdefault(key, {})
        inner[name] = json.loads(item.value_json)
    return row


def history(records):
    found = [items(r.history.item) for r in records if r.WhichOneof("record_type") == "history"]
    return [{k: v for k, v in row.items() if not k.startswith("_")} for row in found]
