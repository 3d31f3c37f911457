"""DARTS' networks, written the way a PyTorch user would write them: one alone, or all operations mixed.

Alone: a genotype as `fewshot cost --space darts --arch NAME` prints it, batch norms with their own scales. Mixed: the search
network, whose batch norms have none, with one more behind each pooling.
"""

import torch
import torch.nn.functional as F
from torch import nn

OPS = ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")


def norm(channels, alone):
    return nn.BatchNorm2d(channels, affine=alone)


class FactorizedReduce(nn.Module):
    """Half the size: two 1x1 convolutions of stride 2, one of them a pixel further."""

    def __init__(self, cin, cout, alone):
        super().__init__()
        self.even = nn.Conv2d(cin, cout // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(cin, cout - cout // 2, 1, 2, bias=False)
        self.norm = norm(cout, alone)

    def forward(self, x):
        x = F.relu(x)
        return self.norm(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], 1))


def fit(cin, cout, alone):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(cin, cout, 1, bias=False), norm(cout, alone))


def depthwise_separable(channels, kernel, stride, dilation, alone):
    pad = kernel // 2 * dilation
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, pad, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        norm(channels, alone),
    ]


def operation(op, channels, stride, alone):
    if "pool" in op:
        pool = nn.MaxPool2d(3, stride, 1) if op.startswith("max") else nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        return pool if alone else nn.Sequential(pool, norm(channels, alone))
    if op == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, alone)
    kernel = int(op[-1])
    if op.startswith("dil"):
        return nn.Sequential(*depthwise_separable(channels, kernel, stride, 2, alone))
    first = depthwise_separable(channels, kernel, stride, 1, alone)
    return nn.Sequential(*first, *depthwise_separable(channels, kernel, 1, 1, alone))


class Mixed(nn.Module):
    def __init__(self, channels, stride):
        super().__init__()
        self.ops = nn.ModuleList(operation(op, channels, stride, False) for op in OPS)

    def forward(self, x, shares):
        return sum(share * op(x) for share, op in zip(shares, self.ops))


class Cell(nn.Module):
    """Two inputs, four nodes, their concatenation. `nodes` lists the (operation, state) pairs of each; None: all mixed."""

    def __init__(self, nodes, before, previous, channels, reduces, reduced_before):
        super().__init__()
        alone = nodes is not None
        self.first = FactorizedReduce(before, channels, alone) if reduced_before else fit(before, channels, alone)
        self.second = fit(previous, channels, alone)
        self.states = [[state for _, state in node] for node in nodes] if alone else [range(2 + node) for node in range(4)]
        self.edges = nn.ModuleList()
        for node, states in enumerate(self.states):
            for place, state in enumerate(states):
                stride = 2 if reduces and state < 2 else 1
                self.edges.append(operation(nodes[node][place][0], channels, stride, True) if alone else Mixed(channels, stride))

    def forward(self, before, previous, shares):
        states, edges = [self.first(before), self.second(previous)], iter(self.edges)
        rows = None if shares is None else iter(shares)
        for sources in self.states:
            terms = [next(edges)(states[state], *([next(rows)] if rows else [])) for state in sources]
            states.append(sum(terms))
        return torch.cat(states[2:], 1)


class Darts(nn.Module):
    """Stem, cells of which two reduce, classifier, without auxiliary head and drop-path."""

    def __init__(self, genotype, width, cells, classes=10):
        super().__init__()
        self.alphas = None if genotype else [torch.randn(14, len(OPS)).mul(1e-3).requires_grad_() for _ in range(2)]
        self.stem = nn.Sequential(nn.Conv2d(3, 3 * width, 3, padding=1, bias=False), nn.BatchNorm2d(3 * width))
        self.reduces = [cell in (cells // 3, 2 * cells // 3) for cell in range(cells)]
        self.cells, before, previous, channels = nn.ModuleList(), 3 * width, 3 * width, width
        for cell, reduces in enumerate(self.reduces):
            channels *= 2 if reduces else 1
            nodes = genotype["reduce" if reduces else "normal"] if genotype else None
            self.cells.append(Cell(nodes, before, previous, channels, reduces, cell > 0 and self.reduces[cell - 1]))
            before, previous = previous, 4 * channels
        self.classifier = nn.Linear(previous, classes)

    def forward(self, x):
        before = previous = self.stem(x)
        shares = self.alphas and [alpha.softmax(1) for alpha in self.alphas]
        for cell, reduces in zip(self.cells, self.reduces):
            before, previous = previous, cell(before, previous, shares and shares[int(reduces)])
        return self.classifier(previous.mean((2, 3)))


def parse(text):
    """The pairs per node of `normal|op~state|op~state|+|..|reduce|..`."""
    cells = {}
    for name, part in zip(("normal", "reduce"), text.removeprefix("normal").split("reduce")):
        nodes = [[term.split("~") for term in node.split("|") if term] for node in part.split("+")]
        cells[name] = [[(op, int(state)) for op, state in node] for node in nodes]
    return cells
