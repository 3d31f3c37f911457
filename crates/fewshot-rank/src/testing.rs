//! What tests need, here and in other crates: the space and the published table of NAS-Bench-201.
#![allow(clippy::print_stdout, reason = "tests say what they skip")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fewshot_space::{Space, nasbench201};

/// NAS-Bench-201 in the network of its tables.
pub fn space() -> Arc<dyn Space> {
    let skeleton = nasbench201::default_skeleton();
    Arc::new(nasbench201::nasbench201(skeleton))
}

/// The published table in the data folder beside the workspace, which a plain clone lacks: then
/// one line says that `test` was skipped.
pub fn published(test: &str) -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = data.join("nasbench201/cifar10.csv");
    if !path.is_file() {
        println!("skipped: {test} needs the table nasbench201/cifar10.csv");
        return None;
    }
    Some(path)
}
