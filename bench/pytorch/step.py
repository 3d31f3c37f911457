"""Times full training steps in PyTorch: forward, loss, backward, gradient clipping, SGD. Prints one JSON object."""

import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F

from networks import build


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="nasbench201")
    parser.add_argument("--op", default="nor_conv_3x3", help="an operation for all edges, or an architecture")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--mode", choices=["nchw", "channels_last", "compile"], default="nchw")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    net = build(args.space, args.op, args.width, args.cells).train()
    images = torch.randn(args.batch, 3, 32, 32)
    labels = torch.arange(args.batch) % 10
    if args.mode != "nchw":
        net = net.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    parameters = list(net.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    run = torch.compile(net) if args.mode == "compile" else net

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(run(images), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        return loss.item()

    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for _ in range(args.warmup):
        step()
    seconds = []
    for _ in range(args.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    seconds.sort()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "median_seconds": seconds[len(seconds) // 2], "min_seconds": seconds[0], "max_seconds": seconds[-1],
        "peak_bytes": peak, "step_bytes": peak - idle, "mode": args.mode, "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
