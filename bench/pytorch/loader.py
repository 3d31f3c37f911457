"""Images a second that are decoded, cut, flipped and normalised: our stream beside torchvision's loader, A B A B.

    cargo build --release -p fewshot-data --example stream_speed
    python bench/pytorch/imagenet_like.py shared/data/flowers5/train-00000-of-00001.parquet OUT --images 4000
    python bench/pytorch/loader.py OUT

Both read the same class folders with the same number of workers, cut a random part to 224x224, flip, normalise, and hand over
batches of 64; neither trains. Time counts from the first batch on. torchvision: `ImageFolder` with Pillow, `RandomResizedCrop`,
`RandomHorizontalFlip`, `ToTensor`, `Normalize`, `DataLoader`. With `--jitter` both change colours too (ProxylessNAS's strengths).
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median


def torch_speed(args):
    """One run of torchvision's loader."""
    import torch
    from torchvision import datasets, transforms

    torch.set_num_threads(1)
    jitter = [transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)] if args.jitter else []
    changes = transforms.Compose(
        [
            transforms.RandomResizedCrop(224),
            transforms.RandomHorizontalFlip(),
            *jitter,
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    data = datasets.ImageFolder(args.data / "train", changes)
    loader = torch.utils.data.DataLoader(data, args.batch, shuffle=True, num_workers=args.workers)
    images = 0
    for batch, _ in loader:
        if images == 0:
            start = time.perf_counter()
        images += len(batch)
        if images >= args.images:
            break
    speed = (images - args.batch) / (time.perf_counter() - start)
    print(json.dumps({"images_per_second": speed, "images": images}))


def run(command):
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["images_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--example", type=Path, default=Path("target/release/examples/stream_speed"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jitter", action="store_true")
    parser.add_argument("--torch", action="store_true", help="one run of torchvision's loader")
    args = parser.parse_args()
    if args.torch:
        return torch_speed(args)
    sizes = ["--workers", args.workers, "--batch", args.batch, "--images", args.images]
    ours, theirs = [], []
    for number in range(args.rounds):
        ours.append(run([args.example.resolve(), args.data, *sizes, *([] if args.jitter else ["--plain"])]))
        torch = [sys.executable, __file__, args.data, *sizes, "--torch", *(["--jitter"] if args.jitter else [])]
        theirs.append(run(torch))
        print(f"round {number}: {ours[-1]:.0f} and {theirs[-1]:.0f} images/s, {ours[-1] / theirs[-1]:.2f}x", flush=True)
    ratios = [one / other for one, other in zip(ours, theirs)]
    print(
        f"median of {args.rounds}: {median(ours):.0f} and {median(theirs):.0f} images/s; ratio {median(ratios):.2f}x "
        f"({min(ratios):.2f} to {max(ratios):.2f}), {args.workers} workers"
    )


if __name__ == "__main__":
    main()
