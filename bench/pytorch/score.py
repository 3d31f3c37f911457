"""Scores architectures in PyTorch: accuracy on random images under `inference_mode`. Prints one JSON object.

The counterpart of `fewshot bench score`, whose `--json` output is what `--archs-file` wants. Building the networks is
not timed. In `eval` mode the stem, the reductions and the head use running statistics; the batch norms of the cells
keep none and use those of the batch, as a supernet's do.
"""

import argparse
import json
import time

import torch

from networks import build
from step import peak_bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archs-file", required=True, help="JSON object whose `architectures` are to be scored")
    parser.add_argument("--first", type=int, help="score only so many of them")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mode", choices=["nchw", "channels_last"], default="nchw")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    with open(args.archs_file) as file:
        archs = json.load(file)["architectures"][: args.first]
    images = torch.randn(args.images, 3, 32, 32)
    labels = torch.arange(args.images) % 10
    if args.mode == "channels_last":
        images = images.to(memory_format=torch.channels_last)

    def network(arch):
        net = build("nasbench201", arch, args.width, args.cells).eval()
        return net.to(memory_format=torch.channels_last) if args.mode == "channels_last" else net

    @torch.inference_mode()
    def accuracy(net):
        correct = 0
        for begin in range(0, args.images, args.batch):
            logits = net(images[begin : begin + args.batch])
            correct += (logits.argmax(1) == labels[begin : begin + args.batch]).sum().item()
        return correct / args.images

    accuracy(network("nor_conv_3x3"))
    seconds = 0.0
    for arch in archs:
        net = network(arch)
        start = time.perf_counter()
        accuracy(net)
        seconds += time.perf_counter() - start
    print(json.dumps({
        "seconds": seconds, "architectures_per_second": len(archs) / seconds, "peak_bytes": peak_bytes(),
        "threads": args.threads, "mode": args.mode, "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
