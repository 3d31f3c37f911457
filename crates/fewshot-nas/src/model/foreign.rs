//! Files that are taken for models: what they are instead.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::ModelError;
use crate::run::CheckpointError;

/// How a kind of file begins, where that is certain, and what to call it.
const BEGINNINGS: [(&[u8], &str); 5] = [
    (b"PK\x03\x04", "it is an archive, as PyTorch writes its weights"),
    (b"\x80\x02", "it is a pickle, as PyTorch writes its weights"),
    (b"\x89PNG", "it is an image"),
    (b"\xff\xd8\xff", "it is an image"),
    (b"\x89HDF", "it is an HDF5 file"),
];
/// Versions of ONNX files that there may ever be.
const ONNX_VERSIONS: std::ops::RangeInclusive<u8> = 1..=64;

/// A file that is something else than weights is not damaged.
pub fn explained(error: CheckpointError, file: &Path) -> ModelError {
    match error {
        CheckpointError::Damaged { path, reason } => match kind(file) {
            Some(kind) => ModelError::Foreign { path, reason: kind.to_string() },
            None => ModelError::Damaged { path, reason },
        },
        other => other.into(),
    }
}

/// What a file is by its beginning.
fn kind(file: &Path) -> Option<&'static str> {
    let mut start = [0; 16];
    let read = File::open(file).and_then(|mut file| file.read(&mut start)).ok()?;
    let start = &start[..read];
    match *start {
        // The version, then a name, operators or the graph: fields 1, 2, 8 and 7 of its message.
        [0x08, version, 0x12 | 0x42 | 0x3a, ..] if ONNX_VERSIONS.contains(&version) => {
            Some("it is an ONNX file, for other programs")
        }
        _ => BEGINNINGS.iter().find(|(begin, _)| start.starts_with(begin)).map(|(_, kind)| *kind),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use fewshot_space::{Region, random};

    use super::*;
    use crate::export::{Format, export};
    use crate::model::{Model, fixture};

    #[test]
    fn a_file_of_another_kind_is_called_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let space = fixture::space("nasbench201", [8, 8, 3]);
        let arch = Region::full(space.blueprint().clone()).sample(&mut random::stream(1, "onnx", 0, 0)).unwrap();
        let path = folder.path().join("model.onnx");
        export(&fixture::model(&space, &arch, 1), Format::Onnx { fold_norms: true }, &path).unwrap();
        let refused = |path: &Path| Model::open(path, &Device::flex()).unwrap_err().to_string();
        let found = refused(&path);
        assert!(
            found.contains("(it is an ONNX file, for other programs): give a run's folder or its `model.safetensors`"),
            "{found}"
        );
        std::fs::write(&path, b"PK\x03\x04archive").unwrap();
        assert!(refused(&path).contains("is no model of this program (it is an archive"), "{}", refused(&path));
        // What may have been a model is damaged.
        std::fs::write(&path, b"\x08\x00\x00\x00\x00\x00\x00\x00{}").unwrap();
        assert!(!refused(&path).contains("ONNX"), "{}", refused(&path));
    }
}
