#!/usr/bin/env python3
"""Makes the file of Inception v3 that `gan.judge.model` takes from PyTorch's weights, and holds the program against PyTorch.

    python -m venv .venv && .venv/bin/pip install torch torchvision pytorch-fid
    .venv/bin/python tools/inception.py convert pt_inception-2015-12-05-6726825d.pth --out inception.safetensors
    .venv/bin/python tools/inception.py convert inception_v3_google-0cc3c7bd.pth --out torchvision.safetensors

    cargo build --release -p fewshot-nas --example inception
    .venv/bin/python tools/inception.py check pt_inception-2015-12-05-6726825d.pth    # layer by layer, in the network of that file
    .venv/bin/python tools/inception.py check --random tensorflow                     # with random weights: none are needed
    .venv/bin/python tools/inception.py golden                                        # the numbers of the unit test

State dicts of 1008 classes are the ported graph of 2015 that published scores look through (pytorch-fid's and torch-fidelity's
files), those of 1000 classes torchvision's. Batch norms are multiplied into the convolutions before them, in double precision.
`check` ends with 1 where the output of a block differs by more than 1e-3 of its largest value.
"""

import argparse
import hashlib
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
import torchvision

ROOT = Path(__file__).resolve().parent.parent
EPSILON = 1e-3
SIDE = 299
TOLERANCE = 1e-3
FORMS = {1008: "tensorflow", 1000: "torchvision"}
BLOCKS = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "Mixed_5b", "Mixed_5c", "Mixed_5d",
          "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    convert = commands.add_parser("convert", help="write the file that the program reads")
    convert.add_argument("state", type=Path)
    convert.add_argument("--out", type=Path, required=True)
    convert.add_argument("--form", choices=FORMS.values(), help="where the number of classes does not tell")
    check = commands.add_parser("check", help="compare the outputs of all blocks")
    check.add_argument("state", type=Path, nargs="?")
    check.add_argument("--form", choices=FORMS.values())
    check.add_argument("--random", choices=FORMS.values(), help="random weights of this form in place of a file's")
    check.add_argument("--program", default=str(ROOT / "target/release/examples/inception"))
    commands.add_parser("golden", help="print the numbers of the unit test")
    return parser.parse_args()


def read(path):
    """A state dict without the second head, which judges nothing."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    return {name: value for name, value in state.items() if not name.startswith("AuxLogits")}


def form_of(state, said):
    classes = state["fc.bias"].shape[0]
    if said is None and classes not in FORMS:
        sys.exit(f"{classes} classes tell of no known form: give --form")
    return said or FORMS[classes]


def folded(state):
    """Weights `[height, width, in, out]` and biases, with the batch norms multiplied in."""
    arrays = {name: value.numpy().astype(numpy.float64) for name, value in state.items()}
    tensors = {"fc.weight": arrays["fc.weight"].T, "fc.bias": arrays["fc.bias"]}
    for name in arrays:
        if not name.endswith(".conv.weight"):
            continue
        layer = name.removesuffix(".conv.weight")
        norm = {part: arrays[f"{layer}.bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
        scale = norm["weight"] / numpy.sqrt(norm["running_var"] + EPSILON)
        tensors[f"{layer}.weight"] = arrays[name].transpose(2, 3, 1, 0) * scale
        tensors[f"{layer}.bias"] = norm["bias"] - norm["running_mean"] * scale
    return {name: numpy.ascontiguousarray(value, dtype="<f4") for name, value in sorted(tensors.items())}


def write(path, tensors, form):
    """The program's own form of safetensors: its facts and a checksum stand in the metadata (docs/formats.md)."""
    facts = {"classes": len(tensors["fc.bias"]), "form": form, "network": "inception-v3"}
    meta = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256()

    def part(data):
        digest.update(struct.pack("<Q", len(data)) + data)

    part(meta.encode())
    header, offset = {}, 0
    for name, value in tensors.items():
        part(name.encode())
        part(struct.pack(f"<{value.ndim}Q", *value.shape))
        part(value.tobytes())
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    header["__metadata__"] = {"fewshot": f"1 {digest.hexdigest()} {meta}"}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(value.tobytes())


def network(form):
    """PyTorch's network of that form."""
    classes = {form: classes for classes, form in FORMS.items()}[form]
    net = torchvision.models.inception_v3(weights=None, num_classes=classes, aux_logits=False, init_weights=False)
    if form == "tensorflow":
        from pytorch_fid import inception as ported
        for name, channels in [("5b", 192), ("5c", 256), ("5d", 288)]:
            pooled = {"5b": 32, "5c": 64, "5d": 64}[name]
            setattr(net, f"Mixed_{name}", ported.FIDInceptionA(channels, pool_features=pooled))
        for name, narrow in [("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)]:
            setattr(net, f"Mixed_{name}", ported.FIDInceptionC(768, channels_7x7=narrow))
        net.Mixed_7b, net.Mixed_7c = ported.FIDInceptionE_1(1280), ported.FIDInceptionE_2(2048)
    return net.eval()


def random_state(form):
    torch.manual_seed(1)
    net = network(form)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, torch.nn.BatchNorm2d):
            for value, low, high in [(module.weight, 0.7, 1.3), (module.bias, -0.2, 0.2), (module.running_mean, -0.3, 0.3),
                                     (module.running_var, 0.5, 1.5)]:
                torch.nn.init.uniform_(value, low, high)
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def pixels(image, form):
    """`[1, 3, 299, 299]`, as the network takes it, of bytes `[height, width, 3]`."""
    values = torch.from_numpy(image.astype(numpy.float32)).permute(2, 0, 1)[None]
    if form == "torchvision":
        large = torch.nn.functional.interpolate(values, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return large / 127.5 - 1.0
    # TensorFlow 1: corner to corner, no centres of pixels.
    for axis in (2, 3):
        size = values.shape[axis]
        source = torch.arange(SIDE, dtype=torch.float32) * torch.tensor(size / SIDE, dtype=torch.float32)
        low = source.long().clamp(max=size - 1)
        high = (low + 1).clamp(max=size - 1)
        share = (source - low).view([-1, 1] if axis == 2 else [-1])
        below, above = values.index_select(axis, low), values.index_select(axis, high)
        values = below + (above - below) * share
    return (values - 128.0) / 128.0


def outputs(state, image, form):
    """Features, probabilities, and the output of each block."""
    net = network(form)
    net.load_state_dict(state)
    seen = {}
    for name in BLOCKS:
        getattr(net, name).register_forward_hook(lambda _, __, y, name=name: seen.update({name: y[0].permute(1, 2, 0).numpy()}))
    with torch.no_grad():
        net.transform_input = False
        net(pixels(image, form))
        features = torch.from_numpy(seen["Mixed_7c"]).mean((0, 1))
        bias = net.fc.bias if form == "torchvision" else 0.0
        probabilities = torch.softmax((features @ net.fc.weight.T + bias).double(), 0)
    return features.numpy(), probabilities.numpy(), seen


def tensors_of(path):
    """The tensors of a safetensors file."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    header.pop("__metadata__", None)
    found = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        found[name] = numpy.frombuffer(content[8 + size + begin:8 + size + end], "<f4").reshape(tensor["shape"])
    return found


def check(state, form, program):
    image = numpy.random.default_rng(1).integers(0, 256, (32, 40, 3), dtype=numpy.uint8)
    features, probabilities, seen = outputs(state, image, form)
    with tempfile.TemporaryDirectory() as folder:
        weights, raw, out = (Path(folder) / name for name in ("weights.safetensors", "image.raw", "out.safetensors"))
        write(weights, folded(state), form)
        raw.write_bytes(image.tobytes())
        subprocess.run([program, weights, raw, "32", "40", out], check=True)
        found = tensors_of(out)
    wanted = {**seen, "features": features, "probabilities": probabilities}
    worst = 0.0
    for name, expected in wanted.items():
        difference = float(numpy.abs(found[name].reshape(expected.shape) - expected).max() / numpy.abs(expected).max())
        print(f"{name:15} {str(expected.shape):17} {difference:.1e}")
        worst = max(worst, difference)
    print(f"{form}: the largest difference is {worst:.1e} of the largest value")
    return worst <= TOLERANCE


def drawn(count, number):
    """Numbers of -0.5 to 0.5 that the unit test makes in the same way."""
    with numpy.errstate(over="ignore"):
        h = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(number * 40503 + 12345)
        h ^= h >> numpy.uint32(15)
        h *= numpy.uint32(2246822519)
        h ^= h >> numpy.uint32(13)
    return h.astype(numpy.float64) / 2**32 - 0.5


def golden():
    for form in FORMS.values():
        state = network(form).state_dict()
        names = sorted(name for name in folded(state) if name.endswith(".weight"))
        for number, name in enumerate(names):
            layer = name.removesuffix(".weight")
            key = name if layer == "fc" else f"{layer}.conv.weight"
            wanted = state[key]
            shape = (wanted.shape[1], wanted.shape[0]) if layer == "fc" else tuple(wanted.permute(2, 3, 1, 0).shape)
            fan_in = int(numpy.prod(shape[:-1]))
            weight = torch.from_numpy((drawn(int(numpy.prod(shape)), number) * (24 / fan_in) ** 0.5).astype("f4").reshape(shape))
            state[key] = weight.T.contiguous() if layer == "fc" else weight.permute(3, 2, 0, 1).contiguous()
            bias = torch.from_numpy((drawn(shape[-1], number + 1000) * 0.2).astype("f4"))
            state["fc.bias" if layer == "fc" else f"{layer}.bn.bias"] = bias
            if layer != "fc":
                state[f"{layer}.bn.weight"] = torch.ones_like(bias)
                state[f"{layer}.bn.running_mean"] = torch.zeros_like(bias)
                state[f"{layer}.bn.running_var"] = torch.full_like(bias, 1 - EPSILON)
        rows, columns, channels = numpy.ogrid[:20, :28, :3]
        image = ((rows * 7 + columns * 13 + channels * 29) % 256).astype(numpy.uint8)
        features, probabilities, _ = outputs(state, image, form)
        print(form, "features", [float(features[at]) for at in (0, 1, 500, 2047)], "sum", float(features.astype("f8").sum()))
        print(form, "probabilities", [float(probabilities[at]) for at in (0, 1, 999)], "best", int(probabilities.argmax()))


def main():
    given = arguments()
    torch.set_grad_enabled(False)
    if given.command == "golden":
        golden()
    elif given.command == "convert":
        state = read(given.state)
        form = form_of(state, given.form)
        write(given.out, folded(state), form)
        print(f"{given.out}: Inception v3 in the form `{form}`")
    else:
        if (given.state is None) == (given.random is None):
            sys.exit("give either a file or --random FORM")
        state = random_state(given.random) if given.random else read(given.state)
        if not check(state, given.random or form_of(state, given.form), given.program):
            sys.exit(1)


if __name__ == "__main__":
    main()
