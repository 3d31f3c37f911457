"""Images a second that are decoded, cut, flipped and normalised: our stream beside torchvision's loader, A B A B.

    cargo build --release -p fewshot-data --example stream_speed
    python bench/pytorch/imagenet_like.py shared/data/flowers5/train-00000-of-00001.parquet OUT --images 4000
    python bench/pytorch/loader.py OUT

Both read the same class folders with the same number of workers, cut a random part to 224x224, flip, normalise, and hand over
batches of 64; neither trains. Time counts from the first batch on; processor time, of all threads and processes, tells more where
other programs run. torchvision: `ImageFolder` with Pillow, `RandomResizedCrop`,
`RandomHorizontalFlip`, `ToTensor`, `Normalize`, `DataLoader`. With `--jitter` both change colours too (ProxylessNAS's strengths).
"""

import argparse
import json
import resource
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
    chosen = torch.randperm(len(data))[: args.images].tolist()
    data = torch.utils.data.Subset(data, chosen)
    before = time.process_time()
    loader = torch.utils.data.DataLoader(data, args.batch, shuffle=True, num_workers=args.workers)
    images = 0
    for batch, _ in loader:
        if images == 0:
            start = time.perf_counter()
        images += len(batch)
    speed = (images - args.batch) / (time.perf_counter() - start)
    # The workers have ended with the epoch, and count as children.
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = time.process_time() - before + workers.ru_utime + workers.ru_stime
    print(json.dumps({"images_per_second": speed, "processor_ms": 1000 * processor / images, "images": images}))


def run(command):
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    return result["images_per_second"], result["processor_ms"]


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
    ours_command = [args.example.resolve(), args.data, *sizes, *([] if args.jitter else ["--plain"])]
    torch_command = [sys.executable, __file__, args.data, *sizes, "--torch", *(["--jitter"] if args.jitter else [])]
    ours, theirs = [], []
    for number in range(args.rounds):
        ours.append(run(ours_command))
        theirs.append(run(torch_command))
        (speed, work), (other_speed, other_work) = ours[-1], theirs[-1]
        print(
            f"round {number}: {speed:.0f} and {other_speed:.0f} images/s, {speed / other_speed:.2f}x; "
            f"{work:.2f} and {other_work:.2f} ms of processor time an image, {other_work / work:.2f}x",
            flush=True,
        )
    ratios = [one[0] / other[0] for one, other in zip(ours, theirs)]
    works = [other[1] / one[1] for one, other in zip(ours, theirs)]
    print(
        f"median of {args.rounds} with {args.workers} workers: {median(ratios):.2f}x images/s ({min(ratios):.2f} to {max(ratios):.2f}), "
        f"{median(works):.2f}x less processor time ({min(works):.2f} to {max(works):.2f})"
    )


if __name__ == "__main__":
    main()
