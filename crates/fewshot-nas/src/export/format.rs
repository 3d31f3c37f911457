//! The formats, and writing one of them to disk.

use std::path::{Path, PathBuf};

use super::{ExportError, onnx, pytorch};
use crate::model::{MODEL, Model};
use crate::run::{create_folder, write_output};

/// The model as ONNX, in a run's folder.
pub const ONNX: &str = "model.onnx";
/// The code of a model for PyTorch.
pub const PYTORCH: &str = "model.py";

/// Files in a run's folder that an export makes, and may make again.
const REPLACEABLE: [&str; 3] = [ONNX, "pytorch/model.safetensors", "pytorch/model.py"];

/// What a network can be exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One ONNX file: pixels from 0 to 1 in, logits and probabilities out.
    Onnx {
        /// Put batch norms into the convolutions before them where they can be: fewer operations, the same results.
        fold_norms: bool,
    },
    /// The model file itself, checked and copied.
    Safetensors,
    /// A folder with [`PYTORCH`] and [`MODEL`], which needs PyTorch and nothing else.
    PyTorch,
}

/// Writes `model` in `format` to `out`, a file or, for [`Format::PyTorch`], a folder; returns the files written.
///
/// Each file appears whole or not at all, and replaces what had its name, but no file that belongs to a run (see
/// [`write_output`]). Of a process that was killed, the next export to the same place removes what is left.
///
/// # Errors
/// [`ExportError`] naming the file that cannot be written, or what cannot be exported.
pub fn export(model: &Model, format: Format, out: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let files = match format {
        Format::Onnx { fold_norms } => vec![(out.to_path_buf(), onnx::bytes(model, fold_norms)?)],
        Format::Safetensors => vec![(out.to_path_buf(), model.to_bytes()?)],
        Format::PyTorch => {
            let code = pytorch::code(model)?;
            // The weights first: where there is code, there are its weights.
            vec![(out.join(MODEL), model.to_bytes()?), (out.join(PYTORCH), code.into_bytes())]
        }
    };
    for (path, bytes) in &files {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            create_folder(folder)?;
        }
        write_output(path, bytes, &REPLACEABLE)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
