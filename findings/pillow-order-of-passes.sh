#!/usr/bin/env bash
# Pillow 13 resizes tall images to other pixels than Pillow 12 did, with the same filter and the same call.
#
# Seen (Linux, x86-64): from version 13 on, an image whose height shrinks by more than twice as much as its width is resampled
# down the columns first and along the rows second; up to 12 it was always rows first. Between the passes values are rounded
# and cut to 8 bits, so saturated edges come out differently, here by up to 19 grey levels, on shapes that are no edge case (a
# photograph in portrait format, fitted into a wide thumbnail). Images shrunk evenly are the same in both.
#
# What it means here: whoever prepares images for a network with another version than it was trained with feeds it other
# pixels, without a word. `fewshot` follows the newer order.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat > "$dir/resize.py" <<'PYTHON'
import hashlib, random, sys
import PIL
from PIL import Image

random.seed(1)
def image(width, height):
    made = Image.new("RGB", (width, height))
    made.putdata([tuple(random.choice((0, 255)) for _ in range(3)) for _ in range(width * height)])
    return made

tall = image(64, 512).resize((48, 48), Image.Resampling.LANCZOS)
even = image(256, 256).resize((48, 48), Image.Resampling.LANCZOS)
tall.save(sys.argv[1])
print(PIL.__version__, hashlib.sha256(even.tobytes()).hexdigest()[:16])
PYTHON

for version in 12.0.0 13.0.0; do
    python3 -m venv "$dir/$version"
    "$dir/$version/bin/pip" install -q "pillow==$version" 2> /dev/null
    "$dir/$version/bin/python" "$dir/resize.py" "$dir/$version.png" | tee "$dir/$version.txt"
done
"$dir/13.0.0/bin/python" - "$dir/12.0.0.png" "$dir/13.0.0.png" <<'PYTHON'
import sys
from PIL import Image
old, new = (Image.open(path).tobytes() for path in sys.argv[1:])
apart = [abs(a - b) for a, b in zip(old, new)]
print(f"tall image: {sum(value > 0 for value in apart)} of {len(apart)} values differ, by {max(apart)} at most")
sys.exit(0 if max(apart) >= 8 else 1)
PYTHON
[ "$(cut -d' ' -f2 "$dir/12.0.0.txt")" = "$(cut -d' ' -f2 "$dir/13.0.0.txt")" ] && echo "evenly shrunk image: the same"
