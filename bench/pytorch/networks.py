"""The networks of the comparison, written the way a PyTorch user would write them.

Same layers, shapes and order of operations as the Rust program's `fewshot bench`; weights are random, since only the
time is compared.
"""

import torch
import torch.nn.functional as F
from torch import nn

import darts

EDGES = [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]


def parse_cell(text):
    """Operations per edge of `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`, or of one operation's name for all edges."""
    if "|" not in text:
        return [text] * len(EDGES)
    nodes = [[term.split("~") for term in node.strip("|").split("|")] for node in text.split("+")]
    found = {(to + 1, int(source)): op for to, node in enumerate(nodes) for op, source in node}
    return [found[edge] for edge in EDGES]


class ReluConvNorm(nn.Sequential):
    def __init__(self, cin, cout, kernel, stride=1, affine=False):
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(cout, affine=affine, track_running_stats=affine),
        )


def edge(op, channels):
    return {
        "none": nn.Identity,  # never run
        "skip_connect": nn.Identity,
        "nor_conv_1x1": lambda: ReluConvNorm(channels, channels, 1),
        "nor_conv_3x3": lambda: ReluConvNorm(channels, channels, 3),
        "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        "max_pool_3x3": lambda: nn.MaxPool2d(3, 1, 1),
    }[op]()


class Cell(nn.Module):
    """A NAS-Bench-201 cell. Edges that carry nothing to the output hold their weights but are not run."""

    def __init__(self, ops, channels):
        super().__init__()
        self.edges = nn.ModuleList(edge(op, channels) for op in ops)
        used = [(to, source) for (to, source), op in zip(EDGES, ops) if op != "none"]
        fed, reaching = {0}, {3}
        for node in (1, 2, 3):
            fed |= {to for to, source in used if to == node and source in fed}
        for node in (2, 1, 0):
            reaching |= {source for to, source in used if source == node and to in reaching}
        self.live = [(to, source) for to, source in used if source in fed and to in reaching]

    def forward(self, x):
        nodes = [x, None, None, None]
        for index, (to, source) in enumerate(EDGES):
            if (to, source) in self.live:
                term = self.edges[index](nodes[source])
                nodes[to] = term if nodes[to] is None else nodes[to] + term
        return torch.zeros_like(x) if nodes[3] is None else nodes[3]


class Reduction(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.first = ReluConvNorm(cin, cout, 3, 2, affine=True)
        self.second = ReluConvNorm(cout, cout, 3, affine=True)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(cin, cout, 1, bias=False))

    def forward(self, x):
        return self.shortcut(x) + self.second(self.first(x))


class NasBench201(nn.Module):
    """One path of the supernet: cells without affine batch norms and without running statistics."""

    def __init__(self, architecture, width, cells, classes=10):
        super().__init__()
        ops = parse_cell(architecture)
        layers = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        for stage in range(3):
            channels = width << stage
            if stage:
                layers.append(Reduction(channels // 2, channels))
            layers += [Cell(ops, channels) for _ in range(cells)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.BatchNorm2d(width * 4), nn.ReLU())
        self.classifier = nn.Linear(width * 4, classes)

    def forward(self, x):
        return self.classifier(self.head(self.body(x)).mean((2, 3)))


class SepConv(nn.Sequential):
    """DARTS' separable (two blocks) or dilated (one block) convolution."""

    def __init__(self, channels, kernel, stride=1, dilation=1, blocks=1):
        layers = []
        for block in range(blocks):
            layers += [
                nn.ReLU(),
                nn.Conv2d(channels, channels, kernel, stride if block == 0 else 1, dilation * (kernel // 2), dilation,
                          groups=channels, bias=False),
                nn.Conv2d(channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels, affine=False),
            ]
        super().__init__(*layers)


class SeparableCell(nn.Module):
    """A path through the normal cell of the DARTS search network: two preprocessed inputs, four nodes of two edges
    each (the operations in turn), output their concatenation."""

    OPS = ((3, 1, 2), (5, 1, 2), (3, 2, 1), (5, 2, 1))
    INPUTS = ((0, 1), (0, 2), (1, 3), (2, 4))

    def __init__(self, before, previous, channels):
        super().__init__()
        self.pre = nn.ModuleList(ReluConvNorm(cin, channels, 1) for cin in (before, previous))
        ops = (self.OPS[i % 4] for i in range(8))
        self.edges = nn.ModuleList(SepConv(channels, k, 1, d, blocks) for k, d, blocks in ops)

    def forward(self, before, previous):
        states = [self.pre[0](before), self.pre[1](previous)]
        for node, (a, b) in enumerate(self.INPUTS):
            states.append(self.edges[2 * node](states[a]) + self.edges[2 * node + 1](states[b]))
        return torch.cat(states[2:], 1)


class SeparableNet(nn.Module):
    """Stem and `cells` normal cells of `width` channels at 32x32, then the classifier."""

    def __init__(self, width, cells, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 3 * width, 3, padding=1, bias=False), nn.BatchNorm2d(3 * width))
        cins = [3 * width] * 2 + [4 * width] * cells
        self.cells = nn.ModuleList(SeparableCell(cins[i], cins[i + 1], width) for i in range(cells))
        self.classifier = nn.Linear(4 * width, classes)

    def forward(self, x):
        before = previous = self.stem(x)
        for cell in self.cells:
            before, previous = previous, cell(before, previous)
        return self.classifier(previous.mean((2, 3)))


def divisible_by_8(channels):
    """The nearest multiple of 8, at least 8 and at least nine tenths of `channels`."""
    near = max((channels + 4) // 8 * 8, 8)
    return near + 8 if near < 0.9 * channels else near


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = divisible_by_8(channels // 4)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x):
        y = F.relu(self.reduce(x.mean((2, 3), keepdim=True)))
        return x * F.hardsigmoid(self.expand(y))


class MbConv(nn.Module):
    def __init__(self, cin, cout, kernel, expand, stride, act, excite):
        super().__init__()
        mid = cin * expand
        layers = []
        if expand > 1:
            layers += [nn.Conv2d(cin, mid, 1, bias=False), nn.BatchNorm2d(mid), act()]
        layers += [nn.Conv2d(mid, mid, kernel, stride, kernel // 2, groups=mid, bias=False), nn.BatchNorm2d(mid), act()]
        if excite:
            layers.append(SqueezeExcite(mid))
        layers += [nn.Conv2d(mid, cout, 1, bias=False), nn.BatchNorm2d(cout)]
        self.body = nn.Sequential(*layers)
        self.residual = cin == cout and stride == 1

    def forward(self, x):
        y = self.body(x)
        return x + y if self.residual else y


class MbConvNet(nn.Module):
    """The small Once-for-All space: stages of 24, 40 and 80 channels, every slot with one kernel, expansion, depth."""

    def __init__(self, kernel=5, expand=4, depth=2, classes=10):
        super().__init__()
        swish, relu = nn.Hardswish, nn.ReLU
        layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), swish()]
        layers.append(MbConv(16, 16, 3, 1, 1, relu, False))
        cin = 16
        for cout, act, excite in ((24, relu, False), (40, swish, True), (80, swish, True)):
            for block in range(depth):
                layers.append(MbConv(cin, cout, kernel, expand, 2 if block == 0 else 1, act, excite))
                cin = cout
        layers += [nn.Conv2d(80, 240, 1, bias=False), nn.BatchNorm2d(240), swish()]
        self.body = nn.Sequential(*layers)
        self.mix = nn.Sequential(nn.Linear(240, 320, bias=False), nn.Hardswish())
        self.classifier = nn.Linear(320, classes)

    def forward(self, x):
        return self.classifier(self.mix(self.body(x).mean((2, 3))))


def build(space, architecture, width, cells):
    """`darts` with an architecture of None is the search network."""
    if space == "nasbench201":
        return NasBench201(architecture, width, cells)
    if space == "darts":
        return darts.Darts(architecture and darts.parse(architecture), width, cells)
    if space == "separable":
        return SeparableNet(width, cells)
    if space == "mbconv":
        return MbConvNet()
    raise SystemExit(f"unknown space {space}: nasbench201, darts, separable or mbconv")


def count_parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())
