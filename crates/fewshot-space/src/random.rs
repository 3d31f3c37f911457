//! Random numbers from counters.
//!
//! A run must give the same bits whatever the timing of its threads and wherever it was interrupted. So no generator
//! is shared or carried along: whoever needs random numbers names what they are for and when, and gets a fresh stream.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The random stream that belongs to (`seed`, `purpose`, `a`, `b`): ChaCha with 8 rounds, at its first block.
///
/// `purpose` separates uses ("path", "augment", "init"); `a` and `b` are counters, by custom epoch and step. The 32-byte
/// key is four little-endian words: `seed`, `a`, `b`, and the 64-bit FNV-1a hash of `purpose`'s UTF-8 bytes. For one
/// purpose, different (`seed`, `a`, `b`) therefore never share a key. The mixing is part of the crate's interface: a
/// change would silently change every recorded run.
pub fn stream(seed: u64, purpose: &str, a: u64, b: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (slot, word) in key.chunks_exact_mut(8).zip([seed, a, b, fnv1a(purpose.as_bytes())]) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// FNV-1a, 64 bits. Written out because `std`'s hasher may change between releases.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of the FNV reference distribution.
    #[test]
    fn fnv1a_reference() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
