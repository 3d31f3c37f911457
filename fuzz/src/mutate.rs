//! Small and large changes of bytes.

use rand::{Rng, RngExt};

/// Bytes that an input may grow to.
const LARGEST: usize = 1 << 20;
/// Numbers at which code goes wrong.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

/// Changes `bytes` in one to about six places. `other` is a second input to take pieces of, `tokens` are pieces that mean something
/// to the reader.
pub fn mutate(rng: &mut impl Rng, bytes: &mut Vec<u8>, other: &[u8], tokens: &[&[u8]]) {
    loop {
        once(rng, bytes, other, tokens);
        bytes.truncate(LARGEST);
        if rng.random_range(0..3) == 0 {
            break;
        }
    }
}

fn once(rng: &mut impl Rng, bytes: &mut Vec<u8>, other: &[u8], tokens: &[&[u8]]) {
    let at = place(rng, bytes.len() + 1);
    match rng.random_range(0..10) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = rng.random(),
        2 => bytes.truncate(at),
        3 => {
            let end = (at + 1 + place(rng, 64)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        4 => {
            let end = (at + 1 + place(rng, 256)).min(bytes.len());
            let piece = bytes[at.min(end)..end].to_vec();
            let times = 1 << rng.random_range(0..6);
            insert(bytes, at, &piece.repeat(times));
        }
        5 => {
            let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
            let width = 1 << rng.random_range(0..4);
            let little = number.to_le_bytes();
            let mut piece = little[..width].to_vec();
            if rng.random() {
                piece.reverse();
            }
            let end = (at + width).min(bytes.len());
            bytes.splice(at.min(end)..end, piece);
        }
        6 if !tokens.is_empty() => insert(bytes, at, tokens[rng.random_range(0..tokens.len())]),
        7 if !other.is_empty() => {
            let from = place(rng, other.len());
            let piece = &other[from..(from + 1 + place(rng, 512)).min(other.len())];
            insert(bytes, at, piece);
        }
        8 if !other.is_empty() => {
            bytes.truncate(at);
            bytes.extend(&other[at.min(other.len())..]);
        }
        _ => {
            let end = (at + 1 + place(rng, 16)).min(bytes.len());
            for byte in &mut bytes[at.min(end)..end] {
                *byte = rng.random();
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    if bytes.len() + piece.len() <= LARGEST {
        bytes.splice(at..at, piece.iter().copied());
    }
}

/// A place below `end`, or 0; headers are tried more often than what follows them.
fn place(rng: &mut impl Rng, end: usize) -> usize {
    let end = if rng.random_range(0..3) == 0 { end.min(128) } else { end };
    if end == 0 { 0 } else { rng.random_range(0..end) }
}

/// Makes the checksums of a PNG right again, so that what is in its chunks is looked at.
pub fn sign_png(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(end) = at.checked_add(length).and_then(|end| end.checked_add(8)).filter(|end| end + 4 <= bytes.len())
        else {
            return;
        };
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[at + 4..end]);
        bytes[end..end + 4].copy_from_slice(&crc.sum().to_be_bytes());
        at = end + 4;
    }
}
