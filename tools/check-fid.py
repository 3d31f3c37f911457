"""Compares the Fréchet distances and statistics files of `fewshot-fid` with those of NumPy and SciPy.

    python -m venv .venv && .venv/bin/pip install numpy scipy
    cargo build --release -p fewshot-fid --example fid
    .venv/bin/python tools/check-fid.py

Writes files as NumPy can (plain, compressed, in both byte orders, in single precision, by rows and columns), has each read and
written again, and reads that with NumPy: the bits must be the same. Then distances, of full rank, of fewer images than features,
with dead features and collapsed sets, against singular values of the samples themselves (the definition, with no covariance in
between) and against the matrix square root as pytorch-fid takes it. Ends with 1 if a file differs, or a distance by 1e-10.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import scipy.linalg

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-10
# Features, images on both sides.
SIZES = [(1, 50), (8, 40), (64, 20), (64, 500), (256, 100), (256, 1000)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "target/release/examples/fid"), help="reads and compares")
    parser.add_argument("--large", action="store_true", help="2048 features too; some minutes")
    return parser.parse_args()


def run(program, *words):
    return subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True).stdout


def statistics(rows):
    return {"mu": rows.mean(0), "sigma": numpy.cov(rows, rowvar=False)}


def check_files(program, folder, random):
    """How many of NumPy's files come back with other numbers."""
    whole = statistics(random.normal(size=(50, 20)))
    single = {name: value.astype(numpy.float32) for name, value in whole.items()}
    files = {
        "savez": lambda path: numpy.savez(path, **whole),
        "savez_compressed": lambda path: numpy.savez_compressed(path, **whole),
        "by columns": lambda path: numpy.savez(path, mu=whole["mu"], sigma=numpy.asfortranarray(whole["sigma"])),
        "big-endian": lambda path: numpy.savez(path, **{name: value.astype(">f8") for name, value in whole.items()}),
        "among others": lambda path: numpy.savez(path, arr_0=numpy.arange(5), **whole, labels=numpy.array(["a", "b"])),
        "single": lambda path: numpy.savez(path, **single),
        "single, compressed, by columns": lambda path: numpy.savez_compressed(
            path, mu=single["mu"], sigma=numpy.asfortranarray(single["sigma"])
        ),
    }
    failures = 0
    for name, save in files.items():
        before, after = folder / "before.npz", folder / "after.npz"
        save(before)
        run(program, "copy", before, after)
        with numpy.load(before) as given, numpy.load(after) as found:
            same = all(numpy.array_equal(given[key].astype("f8"), found[key]) for key in ("mu", "sigma"))
            plain = found["mu"].dtype == numpy.float64 and found["sigma"].shape == given["sigma"].shape
        print(f"{name}: {'the same bits' if same and plain else 'OTHER NUMBERS'}")
        failures += not (same and plain)
    return failures


def from_samples(left, right):
    centred = [(rows - rows.mean(0)) / numpy.sqrt(len(rows) - 1) for rows in (left, right)]
    between = ((left.mean(0) - right.mean(0)) ** 2).sum()
    common = numpy.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    return between + sum((rows**2).sum() for rows in centred) - 2 * common


def from_square_root(left, right):
    """As pytorch-fid: a general square root of the product, with 1e-6 on both diagonals where that fails."""
    first, second = (numpy.atleast_2d(made["sigma"]) for made in (left, right))
    root = scipy.linalg.sqrtm(first @ second)
    if not numpy.isfinite(root).all():
        offset = numpy.eye(len(first)) * 1e-6
        root = scipy.linalg.sqrtm((first + offset) @ (second + offset))
    between = left["mu"] - right["mu"]
    return between @ between + numpy.trace(first) + numpy.trace(second) - 2 * numpy.trace(root).real


def kinds(random, features, images):
    """Pairs of sets by name. Spread and scale of features are uneven, as those of a network are."""
    mixing = random.normal(size=(features, features)) * numpy.exp(random.normal(size=features) * 2)
    left = numpy.maximum(random.normal(size=(images, features)) @ mixing / numpy.sqrt(features), 0)
    right = numpy.maximum(0.3 + random.normal(size=(images, features)) @ mixing / numpy.sqrt(features), 0)
    yield "plain", left, right
    yield "same", left, left
    dead = right.copy()
    dead[:, :: 3] = 0
    yield "dead features", left, dead
    yield "collapsed", left, numpy.tile(right[:1], (images, 1))


def main():
    given = arguments()
    random = numpy.random.default_rng(1)
    sizes = SIZES + ([(2048, 1000), (2048, 5000)] if given.large else [])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        failures = check_files(given.program, folder, random)
        for features, images in sizes:
            for kind, left, right in kinds(random, features, images):
                paths = [folder / "left.npz", folder / "right.npz"]
                made = [statistics(left), statistics(right)]
                for path, values in zip(paths, made):
                    numpy.savez(path, **values)
                start = time.perf_counter()
                found = float(run(given.program, "distance", *paths))
                seconds = time.perf_counter() - start
                exact = from_samples(left, right)
                scale = max(abs(exact), numpy.trace(numpy.atleast_2d(made[0]["sigma"])))
                off = abs(found - exact) / scale
                root = abs(from_square_root(*made) - exact) / scale
                print(
                    f"{features} features, {images} images, {kind}: {found:.6g}, off by {off:.1e} "
                    f"({root:.1e} by the square root), {seconds:.2f} s"
                )
                failures += not off <= TOLERANCE
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
