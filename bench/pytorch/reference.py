"""Trains three hand-made networks at a limit: what one would do by hand instead of searching.

    python bench/pytorch/reference.py --data flowers --image-size 32 --max-macs 3M --minutes 10 --out reference.jsonl
    python bench/pytorch/reference.py --data flowers --image-size 32 --max-macs 3M --measure

A plain, a residual and a depthwise-separable network, each as wide as the limit allows. Per network the learning rate
is chosen on a held-out fifth of the training images in shorter runs (`--lr-share` of the epochs each), then it trains
on all training images once per seed; the test images are looked at once, after the last epoch. `--minutes` is the time
of one training on this machine, measured before; choosing the learning rate is not counted, which favours them.

`--data` is a folder with Parquet shards as on Hugging Face (train-*.parquet, test-*.parquet), one folder of images per
class (with train and test above, else a fifth of each class is the test part), or the four files of MNIST's format.
Each finished piece of work is one line of `--out`; a restart does what is missing there. On a busy machine give
`--epochs` and `--threads 1`: there, two threads that wait for each other were seen to take ten times as long as one.
"""

import argparse
import gzip
import io
import json
import math
import statistics
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import nn


def conv(cin, cout, kernel=3, stride=1, groups=1, act=True):
    layers = [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *[nn.ReLU(inplace=True)] * act)


class Residual(nn.Module):
    """The basic block of ResNet."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.body = nn.Sequential(conv(cin, cout, stride=stride), conv(cout, cout, act=False))
        self.shortcut = nn.Identity() if cin == cout and stride == 1 else conv(cin, cout, 1, stride, act=False)

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class Inverted(nn.Module):
    """The block of MobileNetV2: widen, filter each channel by itself, narrow."""

    def __init__(self, cin, cout, stride, widen=4):
        super().__init__()
        wide = cin * widen
        self.body = nn.Sequential(conv(cin, wide, 1), conv(wide, wide, 3, stride, wide), conv(wide, cout, 1, act=False))
        self.adds = cin == cout and stride == 1

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def plain_block(cin, cout, stride):
    return nn.Sequential(*[nn.MaxPool2d(2)] * (stride - 1), conv(cin, cout))


BLOCKS = {"plain": plain_block, "residual": Residual, "separable": Inverted}
ENOUGH = 12  # channels of a first stage that is wide enough


def build(network, channels, classes, stride, pools, blocks, widths):
    """A stem, then three stages of `blocks` blocks, each half as large as the one before it."""
    layers, cin = [conv(channels, widths[0], stride=stride), *[nn.MaxPool2d(2)] * pools], widths[0]
    for stage, cout in enumerate(widths):
        for block in range(blocks):
            layers.append(BLOCKS[network](cin, cout, 2 if stage and not block else 1))
            cin = cout
    if network == "separable":
        layers.append(conv(cin, 4 * cin, 1))
        cin *= 4
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(cin, classes))


def count(net, channels, size):
    """Multiply-adds of convolutions and linear layers for one image, and trainable parameters."""
    macs = []
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(lambda layer, _, out: macs.append(out.numel() * layer.weight[0].numel()))
    net.eval()(torch.zeros(1, channels, size, size, device="meta"))
    return sum(macs), sum(weights.numel() for weights in net.parameters())


def fit(network, channels, classes, size, max_macs, max_params):
    """The shape within the limits, its multiply-adds and parameters.

    The stem halves images of 48 pixels and more. Each stage is twice as wide as the one before it, in multiples of 4.
    The first of these, from costly to cheap, counts whose first stage is wide enough; where none is, the widest."""
    found = []
    for pools, blocks in ((0, 2), (1, 2), (1, 1), (2, 2), (2, 1)):
        low, high = 15, 4096  # quarters of a channel: the last width that fits, the first that does not
        while high - low > 1:
            middle = (low + high) // 2
            widths = [middle // 16 * 4, round(middle / 8) * 4, round(middle / 4) * 4]
            shape = {"stride": 2 if size >= 48 else 1, "pools": pools, "blocks": blocks, "widths": widths}
            with torch.device("meta"):
                cost = count(build(network, channels, classes, **shape), channels, size)
            if cost[0] <= (max_macs or math.inf) and cost[1] <= (max_params or math.inf):
                low, best = middle, (shape, *cost)
            else:
                high = middle
        if low > 15:
            found.append(best)
    if not found:
        raise SystemExit(f"no {network} network is within the limits")
    return max(found, key=lambda found: min(found[0]["widths"][0], ENOUGH))  # the first of equals


def decode(files, labels, size):
    """All images, cut to squares and scaled, in one array (image, row, column, channel); all labels."""
    images = []
    for file in files:
        image = file if isinstance(file, Image.Image) else Image.open(file)
        image = image.convert("L" if image.mode in ("1", "L") else "RGB")
        images.append(np.atleast_3d(np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS))))
    channels = max(image.shape[2] for image in images)  # grey ones among coloured ones get three
    images = np.stack([np.broadcast_to(image, (size, size, channels)) for image in images])
    return images, np.array(labels, dtype=np.int64)


def read_parquet(shards, size):
    table = pyarrow.concat_tables(map(pyarrow.parquet.read_table, sorted(shards)))
    column = table["img" if "img" in table.column_names else "image"]
    return decode((io.BytesIO(cell["bytes"].as_py()) for cell in column), table["label"].to_pylist(), size)


def read_classes(folder, size):
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [file for path in classes for file in sorted(path.glob("[!.]*"))]
    return decode(files, [classes.index(file.parent) for file in files], size)


def read_idx(folder, part, size):
    def numbers(kind):
        file = next(folder.glob(f"{part}-{kind}-idx*"))
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(np.frombuffer(data, ">u4", data[3], 4))

    return decode(map(Image.fromarray, numbers("images")), numbers("labels"), size)


def hold_out(labels, seed=0):
    """Indices of four fifths of each class, and of the other fifth."""
    random, held = np.random.default_rng(seed), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = random.permutation(np.flatnonzero(labels == label))
        held[of_class[: len(of_class) // 5]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def read(folder, size):
    """Training and test part, each images (bytes) and labels."""
    if any(folder.glob("train-*.parquet")):
        return [read_parquet(folder.glob(f"{part}-*.parquet"), size) for part in ("train", "test")]
    if any(folder.glob("train-images-idx*")):
        return [read_idx(folder, part, size) for part in ("train", "t10k")]
    if (folder / "test").is_dir():
        return [read_classes(folder / part, size) for part in ("train", "test")]
    images, labels = read_classes(folder / "train" if (folder / "train").is_dir() else folder, size)
    return [(images[part], labels[part]) for part in hold_out(labels)]


class Images:
    """Images and labels in memory, given out in normalised batches."""

    def __init__(self, images, labels, mean, std):
        self.labels, self.mean, self.std = torch.from_numpy(labels), mean, std
        size, self.pad = images.shape[1], images.shape[1] // 8
        padded = F.pad(torch.from_numpy(images).permute(0, 3, 1, 2), (self.pad,) * 4)
        self.crops = padded.unfold(2, size, 1).unfold(3, size, 1)  # a view: image, channel, down, right, row, column

    def normal(self, images):
        return ((images.float() - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def training(self, size, random):
        """In random order, padded and cropped, half of them flipped; the last ones, which fill no batch, left out."""
        for indices in torch.randperm(len(self.labels), generator=random).split(size)[: len(self.labels) // size]:
            down, right = torch.randint(2 * self.pad + 1, (2, size), generator=random)
            flip = torch.rand(size, 1, 1, 1, generator=random) < 0.5
            crops = self.crops[indices, :, down, right]
            yield self.normal(torch.where(flip, crops.flip(3), crops)), self.labels[indices]

    def in_order(self, size=250):
        for indices in torch.arange(len(self.labels)).split(size):
            yield self.normal(self.crops[indices, :, self.pad, self.pad]), self.labels[indices]


def rate(step, total):
    """Factor of the learning rate: a short linear warm-up, then a cosine down to zero."""
    warm_up = total // 20 + 1
    return min((step + 1) / warm_up, 0.5 + 0.5 * math.cos(math.pi * step / total))


def train(net, data, batch, epochs, lr, seed):
    """Trains, and yields after each step."""
    net.to(memory_format=torch.channels_last).train()
    random = torch.Generator().manual_seed(seed)
    total = epochs * (len(data.labels) // batch)
    optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, total))
    for _ in range(epochs):
        for images, labels in data.training(batch, random):
            optimizer.zero_grad()
            F.cross_entropy(net(images), labels).backward()
            optimizer.step()
            schedule.step()
            yield


def seconds_per_epoch(net, data, batch, warm_up=5, steps=30):
    """By the median of some steps."""
    training, times = train(net, data, batch, warm_up + steps, 0.01, 0), [time.perf_counter()]
    for _ in range(warm_up + steps):
        next(training)
        times.append(time.perf_counter())
    return statistics.median(np.diff(times)[warm_up:]) * (len(data.labels) // batch)


@torch.inference_mode()
def accuracy(net, data):
    """In percent."""
    net.eval()
    right = sum((net(images).argmax(1) == labels).sum().item() for images, labels in data.in_order())
    return 100 * right / len(data.labels)


class Record:
    """The lines of a file, one for each piece of work: what is there already isn't done again."""

    def __init__(self, path, setting):
        self.path, self.setting = path, setting
        self.lines = [json.loads(line) for line in path.read_text().splitlines()] if path and path.exists() else []

    def once(self, key, work):
        key = {**self.setting, **key}
        for line in self.lines:
            if line.items() >= key.items():
                return line
        line = {**key, **work()}
        print(", ".join(f"{name} {value}" for name, value in line.items() if name not in self.setting), flush=True)
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps(line) + "\n")
        return line


def compete(network, args, record, train_part, test_part):
    """All work for one network; returns its lines of test accuracy."""
    images, labels = train_part
    batch = min(args.batch, len(labels) // 2)
    channels, classes = images.shape[3], int(labels.max()) + 1
    shape, macs, params = fit(network, channels, classes, args.image_size, args.max_macs, args.max_params)
    about = {"network": network, **shape, "macs": macs, "params": params}
    some = images[:: len(images) // 5000 + 1]
    mean, std = (torch.tensor(f(some, (0, 1, 2)), dtype=torch.float32).view(-1, 1, 1) for f in (np.mean, np.std))
    everything, tested = Images(images, labels, mean, std), Images(*test_part, mean, std)

    def fresh(seed):
        torch.manual_seed(seed)
        return build(network, channels, classes, **shape)

    def epochs_within(minutes):
        return 60 * minutes / seconds_per_epoch(fresh(0), everything, batch)

    def trained(on, tested, epochs, lr, seed):
        net, start = fresh(seed), time.perf_counter()
        for _ in train(net, on, batch, epochs, lr, seed):
            pass
        seconds = time.perf_counter() - start
        return {"accuracy": accuracy(net, tested), "seconds": seconds}

    if args.measure:
        print(json.dumps({**about, "epochs_per_minute": epochs_within(1)}), flush=True)
        return []
    epochs = args.epochs or record.once({"work": "measure", **about, "minutes": args.minutes, "threads": args.threads},
                                        lambda: {"epochs": max(1, int(epochs_within(args.minutes)))})["epochs"]
    lr = args.lr
    if lr is None:
        kept, held = (Images(images[part], labels[part], mean, std) for part in hold_out(labels))
        short = max(1, round(args.lr_share * epochs))
        tried = [record.once({"work": "choose", **about, "epochs": short, "lr": lr},
                             lambda: trained(kept, held, short, lr, 0)) for lr in args.lrs]
        lr = max(tried, key=lambda line: line["accuracy"])["lr"]
    return [record.once({"work": "test", **about, "epochs": epochs, "lr": lr, "seed": seed},
                        lambda: trained(everything, tested, epochs, lr, seed)) for seed in args.seeds]


def summarize(contests):
    """The table, from one list of lines per network."""
    means = {}
    for lines in contests:
        found = [line["accuracy"] for line in lines]
        mean = means[lines[0]["network"]] = statistics.mean(found)
        about = "{network:9} {macs:>9} multiply-adds, {params} parameters, {epochs} epochs, lr {lr}".format(**lines[0])
        print(f"{about}: {mean:.2f} % ({min(found):.2f} to {max(found):.2f})")
    best = max(means, key=means.get)
    print(f"best: {best}, {means[best]:.2f} % of the test images")


def number(text):
    """Of 3M, 50k or 3e6."""
    return float(text.rstrip("kM")) * {"k": 1e3, "M": 1e6}.get(text[-1], 1)


def listed(text):
    return json.loads(f"[{text}]")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--image-size", type=int, default=32, help="cut to a square and scaled to it [default: 32]")
    parser.add_argument("--network", choices=[*BLOCKS, "all"], default="all")
    parser.add_argument("--max-macs", type=number, metavar="N", help="multiply-adds for one image: 3M, 3e6")
    parser.add_argument("--max-params", type=number, metavar="N", help="trainable parameters: 50k")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, help="time of one training on this machine, which should be idle")
    length.add_argument("--epochs", type=int, help="length of one training, whatever time it takes")
    length.add_argument("--measure", action="store_true", help="print epochs per minute and do nothing else")
    parser.add_argument("--lrs", type=listed, default=[0.02, 0.05, 0.1], help="tried [default: 0.02,0.05,0.1]")
    parser.add_argument("--lr", type=float, help="the learning rate, not chosen")
    parser.add_argument("--lr-share", type=float, default=0.25, help="of the epochs, for each tried [default: 0.25]")
    parser.add_argument("--seeds", type=listed, default=[0, 1, 2], help="[default: 0,1,2]")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, metavar="FILE", help="lines of JSON; what is there is not done again")
    args = parser.parse_args()
    if not args.max_macs and not args.max_params:
        parser.error("give --max-macs, --max-params or both")

    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # which would take time and change nothing
    parts = read(args.data, args.image_size)
    setting = {"data": str(args.data.resolve()), "image_size": args.image_size, "max_macs": args.max_macs,
               "max_params": args.max_params, "batch": args.batch}
    record = Record(args.out, setting)
    networks = BLOCKS if args.network == "all" else [args.network]
    lines = [compete(network, args, record, *parts) for network in networks]
    if not args.measure:
        summarize(lines)


if __name__ == "__main__":
    main()
