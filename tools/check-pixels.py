"""Compares the pixels that `fewshot predict` sees with those of the lines for Pillow in docs/guide.md.

    python -m venv .venv && .venv/bin/pip install numpy pillow onnxruntime
    cargo build --release -p fewshot-data --example pixels
    .venv/bin/python tools/check-pixels.py [--model runs/search-1/model.onnx] [IMAGE ..]

Without images, photographs are made up: noise and discs, of many sizes, stored in every way that JPEG and PNG know. For each
kind of file one line tells how far apart the decoded pixels are, what resizing adds to that when both start from the same
pixels, and the whole; in grey levels, mean over all values and the largest. With a model it tells the largest difference of
its logits too. Ends with 1 if resizing differs at all, or the pixels of a PNG (other than 16-bit grey, which Pillow clips).
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
            ("PNG, grey, 16 bit", Image.fromarray(numpy.asarray(grey).astype(numpy.uint16) * 257), "png", {}),
            ("JPEG 4:4:4", colour, "jpg", {"quality": 90, "subsampling": "4:4:4"}),
            ("JPEG 4:2:2", colour, "jpg", {"quality": 90, "subsampling": "4:2:2"}),
            ("JPEG 4:2:0", colour, "jpg", {"quality": 90, "subsampling": "4:2:0"}),
            ("JPEG 4:2:0, turned", colour, "jpg", {"quality": 90, "subsampling": "4:2:0", "exif": turned}),
            ("JPEG 4:2:0, progressive", colour, "jpg", {"quality": 90, "subsampling": "4:2:0", "progressive": True}),
            ("JPEG, grey", grey, "jpg", {"quality": 90}),
        ]
        for place, (kind, image, suffix, options) in enumerate(kinds):
            path = folder / f"{number}-{place}.{suffix}"
            image.save(path, **options)
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
    mode = "L" if channels == 1 else "RGB"

    def logits(pixels):
        images = pixels.reshape(1, height, width, channels).transpose(0, 3, 1, 2).astype(numpy.float32) / 255
        return session.run(["logits"], {"images": images})[0]

    def fit(image):
        return numpy.asarray(ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS))

    failed = False
    with tempfile.TemporaryDirectory() as folder:
        files = {"given": options.images} if options.images else make(Path(folder))
        print(f"{height}x{width}x{channels}; grey levels apart, mean and largest")
        print(f"{'':24} {'decoded':>14} {'resized':>14} {'both':>14}" + ("     logits" if session else ""))
        for kind, paths in files.items():
            parts, off = [[], [], []], 0.0
            for path in paths:
                pillow = ImageOps.exif_transpose(Image.open(path)).convert(mode)
                decoded = program(options.program, path, pillow.height, pillow.width, channels)
                ours = program(options.program, path, height, width, channels)
                pairs = [(decoded, numpy.asarray(pillow)), (ours, fit(Image.fromarray(decoded))), (ours, fit(pillow))]
                for part, (one, other) in zip(parts, pairs):
                    part.append(numpy.abs(one.astype(int) - other).ravel())
                if session:
                    off = max(off, numpy.abs(logits(ours) - logits(fit(pillow))).max())
            parts = [numpy.concatenate(part) for part in parts]
            columns = " ".join(f"{part.mean():10.4f} {part.max():3}" for part in parts)
            print(f"{kind:24} {columns}" + (f" {off:10.2e}" if session else ""))
            exact = kind.startswith("PNG") and "16 bit" not in kind and (channels == 3 or "grey" in kind)
            failed |= parts[1].max() > 0 or (exact and parts[2].max() > 0)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
