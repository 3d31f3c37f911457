#!/usr/bin/env bash
# zune-jpeg 0.5.15 returns other colours, and no error, for JPEG files whose colours are sampled more finely than their luma.
#
# Seen (Linux, x86-64): a baseline file with sampling factors 1x1 for the first component and 2x2 for the other two is legal
# (ITU-T T.81, A.1.1: factors 1 to 4 for each component), libjpeg-turbo writes (`cjpeg -sample 1x1,2x2,2x2`) and reads it. The
# strict mode of zune-jpeg reads it too, reports the right size, and is up to 180 grey levels off; its pixels for the usual
# 2x2,1x1,1x1 are right, and so are those of `jpeg-decoder` 0.3.2 for both files.
#
# What it means here: programs that decode with the `image` crate (which uses zune-jpeg) see other pixels than Pillow. `fewshot`
# reads such files with `jpeg-decoder`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat > "$dir/make.py" <<'PYTHON'
"""A baseline JPEG of flat 8x8 blocks: luma at half the resolution of the colours (1x1 against 2x2)."""
import struct, sys

# Huffman codes of 4 bits for the DC categories 0 to 11, and one code for "no other coefficients".
DC = bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))
AC = bytes([0, 1] + [0] * 14) + b"\0"

def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data

def bits_of(difference):
    size = abs(difference).bit_length()
    value = difference if difference >= 0 else difference + (1 << size) - 1
    return f"{size:04b}" + (f"{value:0{size}b}" if size else "") + "00"

def encode(side, sampling, colour_at):
    out = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
    frame = b"".join(bytes([name, (across << 4) | down, 0]) for name, (across, down) in zip((1, 2, 3), sampling))
    out += segment(0xC0, struct.pack(">BHHB", 8, side, side, 3) + frame)
    out += segment(0xC4, b"\0" + DC) + segment(0xC4, b"\x10" + AC)
    out += segment(0xDA, b"\3" + bytes([1, 0, 2, 0, 3, 0]) + bytes([0, 63, 0]))
    widest = max(across for across, _ in sampling)
    stream, before = "", [0, 0, 0]
    for row in range(0, side, 8 * widest):
        for column in range(0, side, 8 * widest):
            for channel, (across, down) in enumerate(sampling):
                step = 8 * widest // across
                for y in range(down):
                    for x in range(across):
                        value = 8 * (colour_at(row + y * step, column + x * step)[channel] - 128)
                        stream += bits_of(value - before[channel])
                        before[channel] = value
    stream += "1" * (-len(stream) % 8)
    data = bytes(int(stream[at:at + 8], 2) for at in range(0, len(stream), 8))
    return out + data.replace(b"\xff", b"\xff\0") + b"\xff\xd9"

def colour_at(y, x):
    # Quarters of 16x16 pixels in their own colour (luma, blue, red difference).
    return [(90, 100, 160), (140, 160, 100), (180, 120, 140), (60, 140, 120)][2 * (y >= 16) + (x >= 16)]

open(sys.argv[1], "wb").write(encode(32, [(2, 2), (1, 1), (1, 1)], colour_at))
open(sys.argv[2], "wb").write(encode(32, [(1, 1), (2, 2), (2, 2)], colour_at))
PYTHON
python3 "$dir/make.py" "$dir/usual.jpg" "$dir/finer.jpg"

mkdir -p "$dir/src"
cat > "$dir/Cargo.toml" <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2021"
[dependencies]
zune-jpeg = "=0.5.15"
jpeg-decoder = { version = "=0.3.2", default-features = false }
[workspace]
TOML
cat > "$dir/src/main.rs" <<'RUST'
use zune_jpeg::zune_core::{bytestream::ZCursor, options::DecoderOptions};
fn main() {
    let file = std::env::args().nth(1).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let options = DecoderOptions::default().set_strict_mode(true);
    let mut zune = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(&bytes), options);
    std::fs::write(format!("{file}.zune-jpeg"), zune.decode().unwrap()).unwrap();
    let pixels = jpeg_decoder::Decoder::new(&bytes[..]).decode().unwrap();
    std::fs::write(format!("{file}.jpeg-decoder"), pixels).unwrap();
}
RUST
cargo build --quiet --manifest-path "$dir/Cargo.toml"
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q "pillow==13.0.0"
cat > "$dir/compare.py" <<'PYTHON'
import sys
from PIL import Image
image = Image.open(sys.argv[1]).convert("RGB").tobytes()
for decoder in ("zune-jpeg", "jpeg-decoder"):
    other = open(f"{sys.argv[1]}.{decoder}", "rb").read()
    assert len(other) == len(image)
    print(f"{decoder}: up to {max(abs(a - b) for a, b in zip(image, other))} grey levels from Pillow")
PYTHON
for file in usual finer; do
    echo "$file:"
    "$dir/target/debug/seen" "$dir/$file.jpg"
    "$dir/venv/bin/python" "$dir/compare.py" "$dir/$file.jpg" | tee "$dir/$file.txt"
done
apart() { grep "^$1: " "$dir/$2.txt" | sed 's/.*up to \([0-9]*\) .*/\1/'; }
# The usual layout is interpolated where the colours are coarser, so decoders differ at the edges of the quarters.
[ "$(apart jpeg-decoder usual)" -le 10 ] && [ "$(apart zune-jpeg usual)" -le 10 ]
[ "$(apart jpeg-decoder finer)" -le 10 ] && [ "$(apart zune-jpeg finer)" -ge 50 ] && echo "zune-jpeg: other pixels, no error"
