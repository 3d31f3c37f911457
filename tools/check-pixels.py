"""Compares the pixels that `fewshot predict` sees with those of an exported `model.py` and of the lines in docs/guide.md.

    python -m venv .venv && .venv/bin/pip install numpy pillow onnxruntime torch
    cargo build --release -p fewshot-data --example pixels
    .venv/bin/python tools/check-pixels.py [--model runs/search-1/model.onnx] [IMAGE ..]

Without images, photographs are made up: noise and discs, of many sizes, stored in every way that JPEG and PNG know. For each
kind of file one line tells how far apart the decoded pixels are, what resizing adds to that when both start from the same
pixels, and the whole; in grey levels, mean over all values and the largest. With a model it tells the largest difference of
its logits too. Ends with 1 if resizing differs at all, or the pixels of a PNG, or if the guide's lines and `model.py` differ.
Resizing is that of Pillow 13 or later: older ones take their two steps in another order where the height shrinks most.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs/guide.md"
MODEL = ROOT / "crates/fewshot-nas/src/export/model.py.in"
SIZES = [(97, 131), (131, 97), (152, 240), (240, 320), (300, 200), (333, 500), (480, 640), (640, 480), (101, 101)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", type=Path, help="JPEG or PNG files")
    parser.add_argument("--program", default=str(ROOT / "target/release/examples/pixels"), help="prints pixels")
    parser.add_argument("--model", help="a model.onnx, whose shape images get")
    parser.add_argument("--shape", default="64x64x3", help="without a model: height x width x channels")
    return parser.parse_args()


def photograph(random, height, width):
    """Smooth and fine noise under discs of full colours."""
    image = numpy.full((height, width, 3), 128.0)
    for grid, strength in [(4, 60), (12, 40), (40, 25), (120, 12)]:
        noise = random.normal(size=(3, grid, grid)).astype(numpy.float32) * strength
        for channel in range(3):
            layer = Image.fromarray(noise[channel]).resize((width, height), Image.Resampling.BICUBIC)
            image[..., channel] += numpy.asarray(layer)
    y, x = numpy.mgrid[:height, :width]
    for _ in range(12):
        row, column, radius = random.uniform(0, height), random.uniform(0, width), random.uniform(0.03, 0.2) * height
        image[(y - row) ** 2 + (x - column) ** 2 < radius**2] = random.uniform(0, 255, 3)
    return Image.fromarray((image + random.normal(size=image.shape) * 6).clip(0, 255).astype(numpy.uint8))


def upright(text):
    """The function `upright` that a text of Python, or one with Python in it, defines."""
    import torch

    code = text[text.index("def upright(") :]
    end = min(place for place in (code.find("\n\n\n"), code.find("\n\nnetwork"), len(code)) if place > 0)
    # A model without a colour under what is transparent.
    names = {"GROUND": None, "torch": torch, "numpy": numpy, "Image": Image, "ImageOps": ImageOps}
    exec(code[:end], names)
    return names["upright"]


def png16(path, pixels, colour, transparent=b"", exif=b""):
    """A PNG of 16 bits a sample, which Pillow does not write of all kinds: `pixels` [height, width, samples]."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
    extra = (chunk(b"eXIf", exif) if exif else b"") + (chunk(b"tRNS", transparent) if transparent else b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def make(folder):
    """Made-up photographs: files by kind."""
    random, files = numpy.random.default_rng(0), {}
    for number, (height, width) in enumerate(SIZES):
        colour = photograph(random, height, width)
        turned = Image.Exif()
        turned[0x0112] = 6
        grey = colour.convert("L")
        kinds = [
            ("PNG", colour, "png", {}),
            ("PNG with alpha", colour.convert("RGBA"), "png", {}),
            ("PNG with palette", colour.quantize(64), "png", {}),
            ("PNG, grey", grey, "png", {}),
            ("PNG, turned", colour, "png", {"exif": turned}),
            ("PNG, grey, turned", grey, "png", {"exif": turned}),
            ("PNG, grey with alpha", colour.convert("LA"), "png", {}),
            ("PNG, black and white", colour.convert("1"), "png", {}),
            ("PNG, transparent palette", colour.quantize(64), "png", {"transparency": bytes(range(64))}),
            ("PNG, transparent grey", grey, "png", {"transparency": 100}),
            ("PNG, transparent colour", colour, "png", {"transparency": (0, 0, 0)}),
            ("JPEG 4:4:4", colour, "jpg", {"quality": 90, "subsampling": "4:4:4"}),
            ("JPEG 4:2:2", colour, "jpg", {"quality": 90, "subsampling": "4:2:2"}),
            ("JPEG 4:2:0", colour, "jpg", {"quality": 90, "subsampling": "4:2:0"}),
            ("JPEG 4:2:0, turned", colour, "jpg", {"quality": 90, "subsampling": "4:2:0", "exif": turned}),
            ("JPEG 4:2:0, progressive", colour, "jpg", {"quality": 90, "subsampling": "4:2:0", "progressive": True}),
            ("JPEG, grey", grey, "jpg", {"quality": 90}),
            ("JPEG, CMYK", colour.convert("CMYK"), "jpg", {"quality": 90}),
        ]
        for place, (kind, image, suffix, options) in enumerate(kinds):
            path = folder / f"{number}-{place}.{suffix}"
            image.save(path, **options)
            files.setdefault(kind, []).append(path)
        wide = numpy.asarray(colour).astype(numpy.uint16) * 256 + random.integers(0, 256, (height, width, 3)).astype(numpy.uint16)
        samples = [
            ("PNG, grey, 16 bit", wide[..., :1], 0, {}),
            ("PNG, grey, 16 bit, turned", wide[..., :1], 0, {"exif": turned.tobytes().removeprefix(b"Exif\0\0")}),
            ("PNG, grey, 16 bit, transp.", wide[..., :1], 0, {"transparent": b"\x12\x34"}),
            ("PNG, grey, 16 bit, alpha", wide[..., :2], 4, {}),
            ("PNG, 16 bit", wide, 2, {}),
            ("PNG, 16 bit, alpha", numpy.concatenate([wide, wide[..., :1]], 2), 6, {}),
        ]
        for kind, pixels, colours, options in samples:
            path = folder / f"{number}-16-{colours}-{len(options)}-{'exif' in options}.png"
            png16(path, pixels, colours, **options)
            files.setdefault(kind, []).append(path)
    return files


def program(path, file, height, width, channels):
    """The program's pixels of an image file."""
    output = subprocess.run([path, str(height), str(width), str(channels), file], check=True, capture_output=True).stdout
    pixels = numpy.frombuffer(output, dtype=numpy.uint8)
    return pixels.reshape((height, width) if channels == 1 else (height, width, channels))


def main():
    options = arguments()
    session = None
    height, width, channels = map(int, options.shape.split("x"))
    if options.model:
        import onnxruntime

        session = onnxruntime.InferenceSession(options.model)
        _, channels, height, width = session.get_inputs()[0].shape
    of_model, of_guide = (upright(path.read_text()) for path in (MODEL, GUIDE))

    def logits(pixels):
        images = pixels.reshape(1, height, width, channels).transpose(0, 3, 1, 2).astype(numpy.float32) / 255
        return session.run(["logits"], {"images": images})[0]

    def fit(image):
        return numpy.asarray(ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS))

    failed = False
    with tempfile.TemporaryDirectory() as folder:
        files = {"given": options.images} if options.images else make(Path(folder))
        print(f"{height}x{width}x{channels}; grey levels apart, mean and largest")
        print(f"{'':26} {'decoded':>14} {'resized':>14} {'both':>14}" + ("     logits" if session else ""))
        for kind, paths in files.items():
            parts, off = [[], [], []], 0.0
            for path in paths:
                pillow = of_model(path, channels)
                if of_guide(path, channels).tobytes() != pillow.tobytes():
                    print(f"the guide's lines make other pixels than model.py: {kind}, {path}")
                    failed = True
                decoded = program(options.program, path, pillow.height, pillow.width, channels)
                ours = program(options.program, path, height, width, channels)
                pairs = [(decoded, numpy.asarray(pillow)), (ours, fit(Image.fromarray(decoded))), (ours, fit(pillow))]
                for part, (one, other) in zip(parts, pairs):
                    part.append(numpy.abs(one.astype(int) - other).ravel())
                if session:
                    off = max(off, numpy.abs(logits(ours) - logits(fit(pillow))).max())
            parts = [numpy.concatenate(part) for part in parts]
            columns = " ".join(f"{part.mean():10.4f} {part.max():3}" for part in parts)
            print(f"{kind:26} {columns}" + (f" {off:10.2e}" if session else ""))
            failed |= parts[1].max() > 0 or (kind.startswith("PNG") and parts[2].max() > 0)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
