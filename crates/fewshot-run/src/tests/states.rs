//! Checkpoints: exact, repeatable, and never read when damaged.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use super::super::{Checkpoint, CheckpointError, TensorF32};

fn tensor(shape: &[usize], data: &[f32]) -> TensorF32 {
    TensorF32::new(shape.to_vec(), data.to_vec()).unwrap()
}

fn sample() -> Checkpoint {
    let meta = json!({ "step": 12, "loss": 0.1 + 0.2, "arch": "|none~0|", "rng": u64::MAX });
    let mut state = Checkpoint::new(&meta).unwrap();
    state.insert("stem.w", tensor(&[2, 3], &[1.0, -0.0, 2.5e-42, f32::MAX, -1.0, 3.25]));
    state.insert("head.b", tensor(&[1], &[7.0]));
    state.insert("scalar", tensor(&[], &[-2.0]));
    state.insert("empty", tensor(&[0, 4], &[]));
    state
}

fn saved(state: &Checkpoint) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.safetensors");
    state.save(&path).unwrap();
    (dir, path)
}

/// A fixed sequence of random bits.
fn bits() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(1u64), |x| Some(x.wrapping_mul(6364136223846793005).wrapping_add(1)))
        .map(|x| x ^ x >> 29)
}

#[test]
fn a_checkpoint_comes_back_as_it_was() {
    let (_dir, path) = saved(&sample());
    let mut read = Checkpoint::load(&path).unwrap();
    assert_eq!(read, sample());
    assert_eq!(read.take("stem.w", &[2, 3]).unwrap(), sample().tensors["stem.w"]);
    let error = read.finish().unwrap_err();
    assert!(matches!(&error, CheckpointError::Unknown { name, .. } if name == "empty"), "{error}");
}

#[test]
fn all_bits_of_floats_are_kept() {
    let special = [0x7fc0_0001, 0x7f80_0001, 0xffff_ffff, 0x7f80_0000, 0x8000_0000, 1];
    let patterns = special.into_iter().chain(bits().map(|x| x as u32).take(2000));
    let data: Vec<f32> = patterns.map(f32::from_bits).collect();
    // Doubles in the JSON part: this fails if serde_json's `float_roundtrip` is not switched on.
    let doubles: Vec<f64> = bits().map(f64::from_bits).filter(|x| x.is_finite()).take(2000).collect();
    let mut state = Checkpoint::new(&doubles).unwrap();
    state.insert("w", tensor(&[data.len()], &data));
    let (_dir, path) = saved(&state);
    let read = Checkpoint::load(&path).unwrap();
    let as_bits = |data: &[f32]| data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(as_bits(read.tensors["w"].data()), as_bits(&data));
    let read: Vec<f64> = read.meta().unwrap();
    let as_bits = |data: &[f64]| data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(as_bits(&read), as_bits(&doubles));
}

#[test]
fn equal_states_give_equal_files() {
    let mut other = Checkpoint::new(&Value::Null).unwrap();
    let names: Vec<String> = sample().tensors.keys().rev().cloned().collect();
    for name in names {
        other.insert(name.clone(), sample().tensors[&name].clone());
    }
    other.meta = serde_json::from_str(
        "{\"rng\":18446744073709551615,\"arch\":\"|none~0|\",\"loss\":0.30000000000000004,\"step\":12}",
    )
    .unwrap();
    let bytes = sample().to_bytes().unwrap();
    assert_eq!(other.to_bytes().unwrap(), bytes);
    let (_dir, path) = saved(&sample());
    assert_eq!(Checkpoint::load(&path).unwrap().to_bytes().unwrap(), bytes, "read and written");
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    let (_dir, path) = saved(&sample());
    let bytes = fs::read(&path).unwrap();
    for end in 0..bytes.len() {
        fs::write(&path, &bytes[..end]).unwrap();
        let error = Checkpoint::load(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{end}: {error}");
        assert!(error.to_string().contains("c.safetensors"), "{error}");
    }
    fs::write(&path, [bytes.as_slice(), b"\0"].concat()).unwrap();
    let error = Checkpoint::load(&path).unwrap_err();
    assert!(matches!(error, CheckpointError::Damaged { .. }), "longer: {error}");
}

#[test]
fn a_file_with_any_bit_flipped_is_refused() {
    let (_dir, path) = saved(&sample());
    let bytes = fs::read(&path).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let read = Checkpoint::load(&path);
        assert!(read.is_err(), "bit {} of byte {}", bit % 8, bit / 8);
    }
}

#[test]
fn a_missing_file_is_no_error_where_none_is_due() {
    let path = Path::new("nowhere/c.safetensors");
    assert_eq!(Checkpoint::load_if_exists(path).unwrap(), None);
    let error = Checkpoint::load(path).unwrap_err();
    assert!(error.to_string().contains("cannot read `nowhere/c.safetensors`"), "{error}");
}

#[test]
fn tensors_of_another_network_are_named() {
    let (_dir, path) = saved(&sample());
    let mut read = Checkpoint::load(&path).unwrap();
    let error = read.take("stem.w", &[3, 2]).unwrap_err();
    assert!(matches!(error, CheckpointError::Shape { .. }));
    let text = error.to_string();
    for part in ["c.safetensors", "stem.w", "[2, 3]", "[3, 2]"] {
        assert!(text.contains(part), "{text}");
    }
    let error = read.take("tail.w", &[1]).unwrap_err();
    assert!(matches!(error, CheckpointError::Missing { .. }));
    assert!(error.to_string().contains("c.safetensors` has no tensor `tail.w`"), "{error}");
    let error = read.meta::<Vec<u8>>().unwrap_err();
    assert!(matches!(error, CheckpointError::Meta { .. }), "{error}");
}

#[test]
fn a_tensor_fills_its_shape() {
    for (shape, len) in [(vec![2, 3], 5), (vec![], 0), (vec![usize::MAX, 2], 0)] {
        let error = TensorF32::new(shape, vec![0.0; len]).unwrap_err();
        assert!(matches!(error, CheckpointError::Extent { .. }), "{error}");
    }
    let mut state = sample();
    state.insert("__metadata__", tensor(&[], &[0.0]));
    assert!(matches!(state.to_bytes().unwrap_err(), CheckpointError::Name { .. }));
}

/// A file that another program wrote: `ours` is what stands under our key.
fn foreign(path: &Path, dtype: Dtype, bytes: &[u8], ours: Option<&str>) -> CheckpointError {
    let view = TensorView::new(dtype, vec![2], bytes).unwrap();
    let metadata = ours.map(|text| [(String::from("fewshot"), text.to_owned())].into());
    fs::write(path, safetensors::serialize([("w", view)], metadata).unwrap()).unwrap();
    Checkpoint::load(path).unwrap_err()
}

#[test]
fn files_of_others_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("theirs.safetensors");
    let error = foreign(&path, Dtype::F32, &[0; 8], None);
    assert!(matches!(error, CheckpointError::Foreign { .. }), "{error}");
    let error = foreign(&path, Dtype::F32, &[0; 8], Some("1"));
    assert!(matches!(error, CheckpointError::Foreign { .. }), "{error}");
    let error = foreign(&path, Dtype::F32, &[0; 8], Some("3 00 {}"));
    assert!(matches!(error, CheckpointError::Version { .. }), "{error}");
    let error = foreign(&path, Dtype::F32, &[0; 8], Some("1 00 {}"));
    assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
    let error = foreign(&path, Dtype::F64, &[0; 16], Some("1 00 {}"));
    assert!(matches!(&error, CheckpointError::Dtype { name, .. } if name == "w"), "{error}");
    assert!(error.to_string().contains("F64"), "{error}");
}
