use fewshot_space::random::stream;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeSet;

/// Recorded runs depend on these numbers. An independent implementation of ChaCha8, with the key as documented, gives them
/// too.
#[test]
fn first_outputs_are_pinned() {
    let mut rng = stream(1, "path", 2, 3);
    assert_eq!([rng.next_u64(), rng.next_u64()], [14295179372405615988, 18157552487312628164]);
}

/// The key, written out by hand from the documentation; 0x85944171f73967e8 is the published FNV-1a of "foobar".
#[test]
fn the_key_is_as_documented() {
    let key = [
        [8, 7, 6, 5, 4, 3, 2, 1],
        [0x0a, 0, 0, 0, 0, 0, 0, 0],
        [0x0b, 0, 0, 0, 0, 0, 0, 0],
        [0xe8, 0x67, 0x39, 0xf7, 0x71, 0x41, 0x94, 0x85],
    ];
    let mut expected = ChaCha8Rng::from_seed(key.concat().try_into().unwrap());
    assert_eq!(stream(0x0102_0304_0506_0708, "foobar", 10, 11).next_u64(), expected.next_u64());
}

#[test]
fn every_counter_and_the_purpose_matter() {
    let keys = [(0, "a", 0, 0), (1, "a", 0, 0), (0, "b", 0, 0), (0, "a", 1, 0), (0, "a", 0, 1), (0, "", 0, 0)];
    let firsts: BTreeSet<u64> =
        keys.iter().map(|&(seed, purpose, a, b)| stream(seed, purpose, a, b).next_u64()).collect();
    assert_eq!(firsts.len(), keys.len());
}
