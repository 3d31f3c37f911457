"""Builds a network of the space `darts` in PyTorch from its description alone, gives it the weights of a model file, and compares its
logits with `fewshot predict`.

    python -m venv .venv && .venv/bin/pip install numpy torch pillow
    cargo build --release
    target/release/fewshot train --space darts --arch few-shot --epochs 1 --limit 200 --set width=36 --set cells=20 --out runs/few-shot
    .venv/bin/python tools/check-darts.py runs/few-shot

Nothing here comes from the exporter: cells, layers and sizes are those of Liu et al. (ICLR 2019), with the standardised pointwise
filters of the released few-shot networks where the model has them. Prints the largest difference of logits over images of noise
(in units of the largest logit, where that is above 1), and ends with 1 if it is above the tolerance or a weight is left over.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
EPS = 1e-5


def read_model(path):
    """The card and the tensors of a safetensors file of 32-bit floats."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    # Version, checksum, card.
    card = json.loads(header.pop("__metadata__")["fewshot"].split(" ", 2)[2])
    body = memoryview(data)[8 + size :]
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(body[begin:end], dtype="<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return card, tensors


class Weights:
    """Tensors by name; notes which were asked for."""

    def __init__(self, tensors):
        self.tensors = tensors
        self.asked = set()

    def __getitem__(self, name):
        self.asked.add(name)
        return self.tensors[name]

    def left_over(self):
        return sorted(name for name in self.tensors if name not in self.asked and not name.startswith("auxiliary."))


class Darts(torch.nn.Module):
    """Stem, cells, head. Weights lie as [height, width, input, output]."""

    def __init__(self, weights, genotype, width, cells, standardise):
        super().__init__()
        self.weights = weights
        self.genotype = genotype
        self.width = width
        self.cells = cells
        self.standardise = standardise

    def dense(self, name):
        """Filters [output, input, height, width] of a convolution."""
        return self.weights[f"{name}.weight"].permute(3, 2, 0, 1)

    def pointwise(self, name):
        filters = self.dense(name)
        if not self.standardise:
            return filters
        rows = filters.flatten(1)
        rows = (rows - rows.mean(1, keepdim=True)) / (rows.std(1, keepdim=True) + 1e-5)
        return rows.view_as(filters)

    def norm(self, name, x):
        mean, variance = self.weights[f"{name}.running_mean"], self.weights[f"{name}.running_var"]
        return F.batch_norm(x, mean, variance, self.weights[f"{name}.scale"], self.weights[f"{name}.shift"], eps=EPS)

    def separable(self, name, x, kernel, stride, dilation):
        filters = self.weights[f"{name}.depthwise.weight"].permute(2, 0, 1).unsqueeze(1)
        x = F.conv2d(F.relu(x), filters, None, stride, kernel // 2 * dilation, dilation, x.shape[1])
        return self.norm(f"{name}.norm", F.conv2d(x, self.pointwise(f"{name}.pointwise")))

    def reduce(self, name, x):
        x = F.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        halves = [F.conv2d(part, self.dense(f"{name}.{half}"), stride=2) for half, part in (("even", x), ("odd", shifted))]
        return self.norm(f"{name}.norm", torch.cat(halves, 1))

    def operation(self, name, op, x, stride):
        if op == "max_pool_3x3":
            return F.max_pool2d(x, 3, stride, 1)
        if op == "avg_pool_3x3":
            return F.avg_pool2d(x, 3, stride, 1, count_include_pad=False)
        if op == "skip_connect":
            return x if stride == 1 else self.reduce(name, x)
        kind, kernel = re.fullmatch(r"(sep|dil)_conv_(\d)x\d", op).groups()
        if kind == "dil":
            return self.separable(f"{name}.0", x, int(kernel), stride, 2)
        x = self.separable(f"{name}.0", x, int(kernel), stride, 1)
        return self.separable(f"{name}.1", x, int(kernel), 1, 1)

    def cell(self, index, before, previous, reduces, reduced_before):
        name = f"cells.{index}"
        fit = lambda side, x: self.norm(f"{name}.{side}.norm", F.conv2d(F.relu(x), self.pointwise(f"{name}.{side}")))
        states = [
            self.reduce(f"{name}.input0", before) if reduced_before else fit("input0", before),
            fit("input1", previous),
        ]
        for node, pairs in enumerate(self.genotype["reduce" if reduces else "normal"], 2):
            terms = []
            for op, state in pairs:
                stride = 2 if reduces and state < 2 else 1
                terms.append(self.operation(f"{name}.{state}-{node}.{op}", op, states[state], stride))
            states.append(sum(terms))
        return torch.cat(states[-4:], 1)

    def forward(self, x):
        x = self.norm("stem.norm", F.conv2d(x, self.dense("stem"), padding=1))
        before = previous = x
        reductions = (self.cells // 3, 2 * self.cells // 3)
        reduced_before = False
        for index in range(self.cells):
            reduces = index in reductions
            before, previous = previous, self.cell(index, before, previous, reduces, reduced_before)
            reduced_before = reduces
        x = previous.mean((2, 3))
        return x @ self.weights["head.linear.weight"] + self.weights["head.linear.bias"]


def cells_of(text):
    """`normal|op~state|op~state|+|..|reduce|..` as pairs per node."""
    cells = {}
    for cell in ("normal", "reduce"):
        part = text.split(cell, 1)[1].split("reduce", 1)[0] if cell == "normal" else text.split(cell, 1)[1]
        pairs = [(op, int(state)) for op, state in re.findall(r"([a-z0-9_]+)~(\d)", part)]
        cells[cell] = [pairs[at : at + 2] for at in range(0, len(pairs), 2)]
    return cells


def predicted(program, model, batch, folder):
    files = [folder / f"{index}.png" for index in range(len(batch))]
    for image, path in zip(batch, files):
        Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(path)
    output = subprocess.run([program, "predict", "--json", model, *files], check=True, capture_output=True, text=True)
    return numpy.array([image["logits"] for image in json.loads(output.stdout)["images"]], dtype=numpy.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a run's folder, or a model.safetensors")
    parser.add_argument("--program", default=str(ROOT / "target/release/fewshot"), help="the program to compare with")
    parser.add_argument("--noise", type=int, default=16, help="images of noise")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    path = options.model / "model.safetensors" if options.model.is_dir() else options.model
    card, tensors = read_model(path)
    if card["space"] != "darts":
        sys.exit(f"{path}: a network of `{card['space']}`, not of `darts`")
    skeleton = card["skeleton"]
    settings = skeleton.get("settings", skeleton)
    weights = Weights(tensors)
    network = Darts(weights, cells_of(card["arch"]), settings["width"], settings["cells"], settings["standardise"]).eval()
    shape = (options.noise, skeleton["image_height"], skeleton["image_width"], skeleton["channels_in"])
    batch = numpy.random.default_rng(0).integers(0, 256, shape, dtype=numpy.uint8)
    with tempfile.TemporaryDirectory() as folder:
        wanted = predicted(options.program, options.model, batch, Path(folder))
    images = torch.from_numpy(batch.astype(numpy.float32) / 255).permute(0, 3, 1, 2)
    mean, std = (torch.tensor(card[key]).view(1, -1, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        found = network((images - mean) / std).numpy()
    left_over = weights.left_over()
    # Of logits that are large, as those of a network that is hardly trained, in units of the largest.
    difference = numpy.abs(found - wanted).max() / max(1.0, numpy.abs(wanted).max())
    print(f"{card['arch']}\nwidth {settings['width']}, {settings['cells']} cells, {len(weights.asked)} tensors, torch {torch.__version__}")
    print(f"logits from {wanted.min():.3f} to {wanted.max():.3f}; largest difference {difference:.2e}")
    if left_over:
        print(f"weights that the network does not use: {', '.join(left_over)}")
    sys.exit(0 if difference <= options.tolerance and not left_over else 1)


if __name__ == "__main__":
    main()
