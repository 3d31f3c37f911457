#!/usr/bin/env bash
# thop counts a transposed convolution stride x stride times too high: a generator's multiply-adds come out several times over.
#
# Seen (Linux, x86-64, Python 3.11): thop 0.1.1.post2209072238 with torch 2.15.0. A transposed convolution multiplies each value of its
# input by every filter once: height x width x channels in x channels out x kernel x kernel. thop takes the size of the output in
# place of the input's, as is right for a plain convolution, so one of stride 2 counts four times and one of stride 4 sixteen times.
# With stride 1 and for plain convolutions, strided and depthwise ones too, it is right, which is why nobody notices on classifiers.
# fvcore 0.1.5.post20221221 and torch's own FlopCounterMode (halved: it counts additions too) count the same networks right.
#
# What it means here: published multiply-adds of generators that were counted by thop cannot be compared with those of others, nor
# with what `fewshot cost` prints.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q torch==2.15.0 numpy thop==0.1.1.post2209072238 fvcore==0.1.5.post20221221
cat > "$dir/count.py" <<'PYTHON'
import logging, sys, warnings
import torch
from fvcore.nn import FlopCountAnalysis
from thop import profile
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
image = torch.zeros(1, 8, 16, 16)
layers = {
    "plain, stride 2": (nn.Conv2d(8, 8, 4, 2, 1, bias=False), 8 * 8 * 8 * 8 * 16, 1),
    "transposed, stride 1": (nn.ConvTranspose2d(8, 8, 3, 1, 1, bias=False), 16 * 16 * 8 * 8 * 9, 1),
    "transposed, stride 2": (nn.ConvTranspose2d(8, 8, 4, 2, 1, bias=False), 16 * 16 * 8 * 8 * 16, 4),
    "transposed, stride 4": (nn.ConvTranspose2d(8, 8, 4, 4, bias=False), 16 * 16 * 8 * 8 * 16, 16),
}
as_seen = True
for name, (layer, right, times) in layers.items():
    net = nn.Sequential(layer).eval()
    with FlopCounterMode(display=False) as counter:
        net(image)
    own, by_fvcore = counter.get_total_flops() // 2, int(FlopCountAnalysis(net, image).total())
    by_thop = int(profile(net, (image,), verbose=False)[0])
    print(f"{name:22} right {right:>8}  torch {own:>8}  fvcore {by_fvcore:>8}  thop {by_thop:>8}  ({by_thop / right:g} times)")
    as_seen &= own == by_fvcore == right and by_thop == times * right
sys.exit(not as_seen)
PYTHON
"$dir/venv/bin/python" "$dir/count.py"
