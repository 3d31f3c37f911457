"""Runs an exported network in ONNX Runtime and in PyTorch, and compares with `fewshot predict`; of a generator, the two with each other.

    python -m venv .venv && .venv/bin/pip install onnxruntime torch pillow
    cargo build --release
    .venv/bin/python tools/check-onnx.py runs/search-1 [IMAGE ..]

Images are first brought to the network's size and stored as PNG, so that all see the same pixels; without any, noise is used.
Prints the largest difference of logits and probabilities, and ends with 1 if a difference of logits is above the tolerance. A generator
gets latent numbers (`--noise` of them), and the images that come out are compared: those of the program itself are no floats.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnxruntime
import torch
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a run's folder, or a model.safetensors")
    parser.add_argument("images", nargs="*", type=Path, help="JPEG or PNG files")
    parser.add_argument("--program", default=str(ROOT / "target/release/fewshot"), help="the program to compare with")
    parser.add_argument("--noise", type=int, default=32, help="images of noise where none are given")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    return parser.parse_intermixed_args()


def pixels(images, noise, channels, height, width):
    """Images as bytes, [N, height, width, channels]."""
    if not images:
        return numpy.random.default_rng(0).integers(0, 256, (noise, height, width, channels), dtype=numpy.uint8)
    mode = "L" if channels == 1 else "RGB"
    fitted = [ImageOps.fit(ImageOps.exif_transpose(Image.open(path)).convert(mode), (width, height)) for path in images]
    return numpy.stack([numpy.asarray(image).reshape(height, width, channels) for image in fitted])


def predicted(program, model, batch, folder):
    """Logits of the program."""
    files = [folder / f"{index}.png" for index in range(len(batch))]
    for image, path in zip(batch, files):
        Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(path)
    output = subprocess.run([program, "predict", "--json", model, *files], check=True, capture_output=True, text=True)
    return numpy.array([image["logits"] for image in json.loads(output.stdout)["images"]], dtype=numpy.float32)


def softmax(logits):
    powers = numpy.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def export(kind, name, *flags):
            command = [options.program, "export", options.model, "--format", kind, "--out", folder / name, *flags]
            subprocess.run(command, check=True, capture_output=True)

        export("onnx", "folded.onnx")
        export("onnx", "norms.onnx", "--keep-norms")
        export("pytorch", "pytorch")

        sessions = {name: onnxruntime.InferenceSession(folder / f"{name}.onnx") for name in ("folded", "norms")}
        spec = importlib.util.spec_from_file_location("model", folder / "pytorch/model.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        compare = generated if sessions["folded"].get_inputs()[0].name == "latent" else classified
        worst = compare(options, sessions, module.load(), folder)
        sys.exit(0 if worst <= options.tolerance else 1)


def named(session):
    """The network that an ONNX file holds."""
    metadata = session.get_modelmeta().custom_metadata_map
    return f"{metadata['arch']} of {metadata['space']}"


def classified(options, sessions, network, folder):
    """The largest difference of logits to the program's."""
    _, channels, height, width = sessions["folded"].get_inputs()[0].shape
    batch = pixels(options.images, options.noise, channels, height, width)
    wanted = predicted(options.program, options.model, batch, folder)
    images = batch.transpose(0, 3, 1, 2).astype(numpy.float32) / 255
    found = {}
    for name, session in sessions.items():
        found[f"ONNX Runtime {onnxruntime.__version__}, {name}"] = session.run(None, {"images": images})
    with torch.no_grad():
        logits = network(torch.from_numpy(images))
        found[f"PyTorch {torch.__version__}"] = [logits.numpy(), logits.softmax(1).numpy()]
    print(f"{named(sessions['folded'])}, {len(batch)} images of {height}x{width}x{channels}")
    print(f"logits from {wanted.min():.3f} to {wanted.max():.3f}; largest differences to fewshot predict:")
    worst = 0.0
    for name, (logits, probabilities) in found.items():
        difference = numpy.abs(logits - wanted).max()
        worst = max(worst, difference)
        print(f"  {name:32} logits {difference:.2e}, probabilities {numpy.abs(probabilities - softmax(wanted)).max():.2e}")
    return worst


def generated(options, sessions, network, _):
    """The largest difference of a generator's images to PyTorch's."""
    numbers = sessions["folded"].get_inputs()[0].shape[1]
    latent = numpy.random.default_rng(0).standard_normal((options.noise, numbers), dtype=numpy.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(latent)).numpy()
    count, channels, height, width = wanted.shape
    print(f"{named(sessions['folded'])}, {count} images of {height}x{width}x{channels}")
    print(f"values from {wanted.min():.3f} to {wanted.max():.3f}; largest differences to PyTorch {torch.__version__}:")
    worst = 0.0
    for name, session in sessions.items():
        (images,) = session.run(None, {"latent": latent})
        difference = numpy.abs(images - wanted).max()
        worst = max(worst, difference)
        print(f"  ONNX Runtime {onnxruntime.__version__}, {name:18} values {difference:.2e}")
    return worst


if __name__ == "__main__":
    main()
