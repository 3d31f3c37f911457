"""Times full training steps in PyTorch: forward, loss, backward, gradient clipping, SGD. Prints one JSON object.

The counterpart of `fewshot bench step`: the same networks, random images and settings.
"""

import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F

from networks import build, count_parameters

MODES = ("nchw", "channels_last", "compile")


def peak_bytes():
    """The most memory that the process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Alphas:
    """What is searched by gradients, and how it is updated: first order, as in DARTS; no gradient of a weight is computed."""

    def __init__(self, alphas):
        self.alphas = alphas
        self.optimizer = torch.optim.Adam(alphas, lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)

    def step(self, loss):
        for alpha, slope in zip(self.alphas, torch.autograd.grad(loss, self.alphas)):
            alpha.grad = slope
        self.optimizer.step()


class Training:
    """A network, its optimizer and one batch, in one memory format."""

    def __init__(self, args, mode):
        torch.manual_seed(0)
        settings = {key: int(value) for key, value in (pair.split("=") for pair in args.set)}
        width, cells = settings.get("width", args.width), settings.get("cells", args.cells)
        self.net = build(args.space, None if args.mixed else args.arch or args.op, width, cells).train()
        self.alphas = Alphas(self.net.alphas) if args.mixed else None
        self.images = torch.randn(args.batch, 3, 32, 32)
        self.labels = torch.arange(args.batch) % 10
        if mode != "nchw":
            self.net = self.net.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        self.parameters = list(self.net.parameters())
        self.optimizer = torch.optim.SGD(self.parameters, lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
        self.run = torch.compile(self.net) if mode == "compile" else self.net

    def step(self):
        if self.alphas:
            self.alphas.step(F.cross_entropy(self.run(self.images), self.labels))
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.run(self.images), self.labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()
        return loss.item()

    def seconds(self, warmup, steps):
        """Sorted seconds of `steps` steps after `warmup` ones."""
        for _ in range(warmup):
            self.step()
        found = []
        for _ in range(steps):
            start = time.perf_counter()
            self.step()
            found.append(time.perf_counter() - start)
        return sorted(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="nasbench201", help="nasbench201, darts, separable or mbconv")
    parser.add_argument("--op", default="nor_conv_3x3", help="an operation for all edges, or an architecture")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--arch", help="an architecture of darts")
    parser.add_argument("--mixed", action="store_true", help="of darts: a step of a search by gradients")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="width and cells, in one more way")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--mode", choices=MODES, default="nchw")
    parser.add_argument("--probe", metavar="MODE[,MODE..]", help="print the seconds of the fastest step in each mode")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    if args.probe:
        timed = {mode: Training(args, mode).seconds(2, args.steps) for mode in args.probe.split(",")}
        print(json.dumps({mode: seconds[0] for mode, seconds in timed.items()}))
        return
    training = Training(args, args.mode)
    idle = peak_bytes()
    seconds = training.seconds(args.warmup, args.steps)
    peak = peak_bytes()
    print(json.dumps({
        "median_seconds": seconds[len(seconds) // 2], "min_seconds": seconds[0], "max_seconds": seconds[-1],
        "peak_bytes": peak, "step_bytes": peak - idle, "parameters": count_parameters(training.net),
        "threads": args.threads, "mode": args.mode, "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
