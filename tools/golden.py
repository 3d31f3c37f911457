#!/usr/bin/env python3
"""Says what a build of `fewshot` makes of some small runs: checksums of every weight and result, a line each.

    python tools/golden.py target/release/fewshot > before.txt    # and with another build, then: diff before.txt after.txt
    python tools/golden.py target/release/fewshot --truth cifar10.csv    # with the runs on the table of NAS-Bench-201

For changes of shape that must not change a value. Seconds, paths and formats of files are left out of account: weights are
compared by name and value, results by key and value. The builds run on one machine, since bits depend on its instruction set.
"""

import hashlib
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SEARCH = ["--limit", "300", "--image-size", "16", "--randoms", "1", "--alone-epochs", "3"]
TRUTH = ["--truth", "{truth}", "--truth-columns", "true_acc"]
RUNS = {
    "quick": ["search", "--preset", "quick", *SEARCH, "--width", "8", "--epochs", "2", "--child-epochs", "1"],
    "nasbench201": ["search", "--preset", "quick", "--space", "nasbench201", *SEARCH, "--width", "4", "--cells", "1",
                    "--epochs", "2", "--child-epochs", "1", "--alone-width", "8", "--alone-cells", "1"],
    "train": ["train", "--preset", "quick", "--limit", "300", "--image-size", "16", "--alone-epochs", "3", "--arch", "{found}"],
    "proof-of-concept": ["reproduce", "proof-of-concept", "--scale", "smoke"],
    "gradient": ["reproduce", "gradient", "--scale", "smoke"],
    # These need the table of NAS-Bench-201: PROGRAM splits strategies --truth FILE.
    "splits": ["reproduce", "splits", "--scale", "smoke", *TRUTH],
    "strategies": ["reproduce", "strategies", "--scale", "smoke", *TRUTH],
}
WITHOUT_TABLES = ["quick", "nasbench201", "train", "proof-of-concept", "gradient"]
# What tells the time, the place or the form of a file, and no value.
NO_VALUES = {"seconds", "measured_ms", "model", "format", "path", "version", "microseconds"}


def values(thing):
    """The same without what is no value."""
    if isinstance(thing, dict):
        return {key: values(value) for key, value in thing.items() if key not in NO_VALUES}
    return [values(value) for value in thing] if isinstance(thing, list) else thing


def of_weights(file):
    """Of the tensors of a safetensors file, by name."""
    content = file.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    header.pop("__metadata__", None)
    digest = hashlib.sha256()
    for name, tensor in sorted(header.items()):
        begin, end = tensor["data_offsets"]
        digest.update(f"{name} {tensor['dtype']}".encode() + content[8 + size + begin:8 + size + end])
    return digest.hexdigest()


def of_result(file):
    return hashlib.sha256(json.dumps(values(json.loads(file.read_text())), sort_keys=True).encode()).hexdigest()


def main():
    arguments, truth, found = sys.argv[2:], "", ""
    if "--truth" in arguments:
        *arguments, _, truth = arguments
    program, wanted = Path(sys.argv[1]).resolve(), arguments or (RUNS if truth else WITHOUT_TABLES)
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            run = Path(folder) / name
            arguments = [argument.format(found=found, truth=Path(truth).resolve()) for argument in RUNS[name]]
            done = subprocess.run([program, *arguments, "--out", run], capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{name} failed: {done.stderr.splitlines()[-1]}")
            result = json.loads((run / "result.json").read_text())
            found = result.get("arch", found) if name == "quick" else found
            print(name, "result", of_result(run / "result.json"), flush=True)
            for file in sorted(run.rglob("*.safetensors")):
                print(name, file.relative_to(run), of_weights(file), flush=True)
            for file in sorted(run.glob("*.onnx")):
                print(name, file.name, hashlib.sha256(file.read_bytes()).hexdigest(), flush=True)


if __name__ == "__main__":
    main()
