"""Makes a data set of ImageNet's size without its bytes: some real JPEG files, and hard links to them.

    python bench/pytorch/imagenet_like.py shared/data/flowers5/train-00000-of-00001.parquet OUT --layout tar

Photographs of a Parquet file (column `img`) are enlarged to 500x375 with a little noise, so that their JPEG files have about
110 KB, as those of ImageNet have on average. `--layout folders` links them into 1,000 class folders; `tar` and `parquet` write
one shard of them and link it 1,024 times. `--images` says how many there are then, 1,281,167 unless told.
"""

import argparse
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

CLASSES = 1000
SHARDS = 1024
# Of the grey levels that are added: so that files of quality 90 have 110 KB.
NOISE = 26.0


def photographs(source, count):
    """`count` JPEG files, as bytes."""
    column = pq.read_table(source, columns=["img"])["img"]
    random = np.random.default_rng(0)
    files = []
    for row in range(count):
        image = Image.open(io.BytesIO(column[row % len(column)]["bytes"].as_py())).convert("RGB")
        pixels = np.asarray(image.resize((500, 375), Image.Resampling.BICUBIC), dtype=np.float32)
        noisy = pixels + random.normal(0, NOISE, pixels.shape[:2] + (1,))
        buffer = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def folders(out, files, images):
    """Class folders, each image a link to one of the files."""
    originals = out / ".originals"
    originals.mkdir(parents=True)
    for number, data in enumerate(files):
        (originals / f"{number}.jpg").write_bytes(data)
    for part, count in [("train", images), ("val", max(images // 25, CLASSES))]:
        for number in range(count):
            folder = out / part / f"n{number % CLASSES:08d}"
            if number < CLASSES:
                folder.mkdir(parents=True)
            os.link(originals / f"{number % len(files)}.jpg", folder / f"{folder.name}_{number // CLASSES}.JPEG")


def write_tar(path, files, start):
    with tarfile.open(path, "w") as archive:
        for number, data in enumerate(files):
            label = (start + number * 7919) % CLASSES
            for name, content in [(f"{number:06d}.jpg", data), (f"{number:06d}.cls", str(label).encode())]:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def write_parquet(path, files, start):
    labels = [(start + number * 7919) % CLASSES for number in range(len(files))]
    images = [{"bytes": data, "path": None} for data in files]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(images, kind), "label": pa.array(labels, pa.int64())})
    pq.write_table(table, path, row_group_size=100, compression="none")


def shards(out, files, images, write, extension):
    """One shard of each part, linked until there are as many images as wanted."""
    out.mkdir(parents=True)
    each = max(images // SHARDS, CLASSES)
    first = out / f"train-00000.{extension}"
    write(first, [files[number % len(files)] for number in range(each)], 0)
    for shard in range(1, images // each):
        os.link(first, out / f"train-{shard:05d}.{extension}")
    write(out / f"validation-00000.{extension}", [files[number % len(files)] for number in range(CLASSES)], 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--layout", choices=["folders", "tar", "parquet"], default="folders")
    parser.add_argument("--images", type=int, default=1_281_167)
    parser.add_argument("--files", type=int, default=256, help="different photographs")
    args = parser.parse_args()
    files = photographs(args.source, args.files)
    print(f"{len(files)} JPEG files, {sum(map(len, files)) / len(files) / 1000:.1f} kB on average")
    if args.layout == "folders":
        folders(args.out, files, args.images)
    elif args.layout == "tar":
        shards(args.out, files, args.images, write_tar, "tar")
    else:
        shards(args.out, files, args.images, write_parquet, "parquet")


if __name__ == "__main__":
    main()
