#!/usr/bin/env python3
"""Writes the checksums that the tests of augmentation compare with: what Pillow, torchvision and SciPy make of small images.

    python -m venv .venv && .venv/bin/pip install numpy pillow==13.0.0 scipy==1.17.1 torch==2.15.0 torchvision==0.29.2
    .venv/bin/python tools/augment-golden.py > crates/fewshot-data/tests/golden/augment.csv

A line is: case, image, arguments, 64-bit FNV-1a over the bytes of the result, row by row. Images are made by a formula. `noise`,
`grad`, `low`, `flat` and `photo` have 32x32 pixels of 3 channels; `HxWxC` is any other size.
"""

import math
import warnings

import numpy
import torch
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage
from torchvision.transforms import CenterCrop, Resize
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import AutoAugment, AutoAugmentPolicy, InterpolationMode, _apply_op

warnings.simplefilter("ignore")
FILTERS = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC, "lanczos": InterpolationMode.LANCZOS}
NEAREST = InterpolationMode.NEAREST
SIGNED = {"ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness"}
LEVELLESS = {"AutoContrast", "Equalize", "Invert"}


def noise(count):
    """High bytes of a linear congruential generator, started at 1."""
    state, out = 1, numpy.empty(count, numpy.int64)
    for at in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out[at] = state >> 24
    return out


def image(name):
    height, width, channels = (32, 32, 3) if "x" not in name else map(int, name.split("x"))
    y, x, c = numpy.meshgrid(range(height), range(width), range(channels), indexing="ij")
    n = noise(height * width * channels).reshape(height, width, channels)
    pixels = {
        "noise": n,
        "grad": numpy.choose(c, [8 * x, 8 * y, 4 * (x + y)]) if channels == 3 else n,
        "low": 64 + (n >> 2),
        "flat": numpy.choose(c, [10, 128, 250]) if channels == 3 else n,
        "photo": numpy.clip(20 * c + 6 * x + 3 * y + (n >> 3) - 16, 0, 255),
    }.get(name, (20 * c + 6 * x + 3 * y + (n >> 3)) % 256)
    return pixels.astype(numpy.uint8)


def pillow(name):
    pixels = image(name)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def fnv(result):
    checksum = 0xCBF29CE484222325
    for byte in numpy.ascontiguousarray(numpy.array(result), dtype=numpy.uint8).tobytes():
        checksum = ((checksum ^ byte) * 0x100000001B3) % 2**64
    return f"{checksum:016x}"


def line(case, name, arguments, result):
    print(case, name, " ".join(map(str, arguments)), fnv(result), sep=",")


def magnitude(op, level, sign, size):
    height, width = size
    magnitudes, signed = AutoAugment(AutoAugmentPolicy.CIFAR10)._augmentation_space(10, (height, width))[op]
    return (sign if signed else 1) * float(magnitudes[level]) if magnitudes.ndim else 0.0


def operations(names, levels):
    for name in names:
        picture = pillow(name)
        for op in sorted(SIGNED | LEVELLESS | {"Posterize", "Solarize"}):
            for level in levels if op not in LEVELLESS else [0]:
                for sign in (1, -1) if op in SIGNED else (1,):
                    value = magnitude(op, level, sign, picture.size[::-1])
                    line("operation", name, [op, level, sign], _apply_op(picture, op, value, NEAREST, [0.0]))


def policies():
    for name in ("noise", "photo"):
        for index, steps in enumerate(AutoAugment(AutoAugmentPolicy.CIFAR10).policies):
            for sign in (1, -1):
                picture = pillow(name)
                for op, _, level in steps:
                    picture = _apply_op(picture, op, magnitude(op, level or 0, sign, (32, 32)), NEAREST, [0.0])
                line("policy", name, [index, sign], picture)


def tensorflow():
    """Steps of `tensorflow/models`: on images with an alpha channel, which tells what was left empty."""
    steps = {
        "ShearX": lambda p, k: p.transform(p.size, Image.Transform.AFFINE, (1, 0.3 * k / 10, 0, 0, 1, 0)),
        "ShearY": lambda p, k: p.transform(p.size, Image.Transform.AFFINE, (1, 0, 0, 0.3 * k / 10, 1, 0)),
        "TranslateX": lambda p, k: p.transform(p.size, Image.Transform.AFFINE, (1, 0, k, 0, 1, 0)),
        "TranslateY": lambda p, k: p.transform(p.size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, k)),
        "Rotate": lambda p, k: p.rotate(3 * k),
        "Solarize": lambda p, k: ImageOps.solarize(p.convert("RGB"), 256 - int(25.6 * k)).convert("RGBA"),
        "Posterize": lambda p, k: ImageOps.posterize(p.convert("RGB"), 4 - int(0.4 * k)).convert("RGBA"),
        "AutoContrast": lambda p, k: ImageOps.autocontrast(p.convert("RGB")).convert("RGBA"),
        "Equalize": lambda p, k: ImageOps.equalize(p.convert("RGB")).convert("RGBA"),
        "Invert": lambda p, k: ImageOps.invert(p.convert("RGB")).convert("RGBA"),
    }
    for enhancer in ("Color", "Contrast", "Brightness", "Sharpness"):
        steps[enhancer] = lambda p, k, e=enhancer: getattr(ImageEnhance, e)(p).enhance(k * 1.8 / 10 + 0.1)
    for first in ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"):
        for second in sorted(steps):
            for level in (3, 8):
                picture = steps[second](steps[first](pillow("photo").convert("RGBA"), level), level)
                line("tensorflow", "photo", [first, second, level], picture)


def splines():
    """Geometry of LaNet: level k, and where in its range the magnitude lies, in quarters.

    Sides are even: with odd ones, places lie on the border of the image, and the last bit of an offset decides.
    """
    for name in ("noise", "photo", "12x18x1", "2x8x3"):
        pixels = image(name)
        height, width, channels = pixels.shape
        centre = numpy.array([height / 2 + 0.5, width / 2 + 0.5])
        for op in ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"):
            most = {"S": 0.3, "T": 150 / 331, "R": 30}[op[0]]
            for level in (0, 2, 5, 8, 9):
                for quarter in (1, 3):
                    size = most * (2 * (level + quarter / 4) / 10 - 1)
                    angle = math.radians(size)
                    matrix = numpy.array({
                        "ShearX": [[1, size], [0, 1]],
                        "ShearY": [[1, 0], [size, 1]],
                        "Rotate": [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]],
                    }.get(op, [[1, 0], [0, 1]]))
                    shift = {"TranslateX": [0, width * size], "TranslateY": [height * size, 0]}.get(op, [0, 0])
                    offset = centre - matrix @ centre + shift
                    planes = [ndimage.affine_transform(pixels[..., c], matrix, offset) for c in range(channels)]
                    line("spline", name, [op, level, quarter], numpy.stack(planes, axis=2))


def sizes():
    for name in ("32x32x3", "23x41x3", "41x23x1", "60x7x3"):
        for height, width in ((32, 32), (16, 24), (50, 33), (7, 7), (1, 5), (23, 11)):
            for kind, mode in FILTERS.items():
                line("resize", name, [height, width, kind], F.resize(pillow(name), [height, width], mode))
    for name in ("40x57x3", "57x40x3", "33x33x1", "64x30x3"):
        for side in (16, 28, 33, 48):
            for kind, mode in FILTERS.items():
                resized = Resize(math.ceil(side / 0.875), interpolation=mode)(pillow(name))
                line("centre", name, [side, kind], CenterCrop(side)(resized))
    for name in ("40x57x3", "33x20x1"):
        for top, left, height, width in ((0, 0, 20, 20), (3, 7, 30, 11), (13, 2, 5, 18), (1, 1, 1, 1)):
            for side in (9, 24):
                for kind, mode in FILTERS.items():
                    cut = F.resized_crop(pillow(name), top, left, height, width, [side, side], mode)
                    line("part", name, [top, left, height, width, side, kind], cut)


def jitter():
    for name in ("noise", "photo", "grad", "17x24x1"):
        picture = pillow(name)
        for factor in (0.0, 0.5, 0.87451, 1.0, 1.125, 1.5, 2.0):
            line("brightness", name, [factor], F.adjust_brightness(picture, factor))
            line("contrast", name, [factor], F.adjust_contrast(picture, factor))
            line("saturation", name, [factor], F.adjust_saturation(picture, factor))
        for factor in (-0.5, -0.1, -0.003, 0.0, 0.05, 0.1, 0.33, 0.5):
            line("hue", name, [factor], F.adjust_hue(picture, factor))
    # All colours in steps of 5, and all there and back.
    levels = numpy.arange(0, 256, 5, dtype=numpy.uint8)
    colours = numpy.stack(numpy.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)
    for factor in (0.0, 0.2):
        line("hue", "colours", [factor], F.adjust_hue(Image.fromarray(colours), factor))


print("case,image,arguments,fnv1a64")
operations(["noise", "grad", "low", "flat", "photo"], range(10))
operations(["19x26x3", "24x17x1", "2x40x3", "5x2x1"], (1, 4, 9))
policies()
tensorflow()
splines()
sizes()
jitter()
