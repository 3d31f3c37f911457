//! One file that holds the state of a stage: named tensors and the counters that belong to them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use fewshot_guard::read_file;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::atomic::write_atomic;
use super::checked::{canonical, hex};
use super::checkpoint_error::CheckpointError;
use super::file_error::FileError;

/// The one key of ours in the file's metadata. One, because the writer's order of several is random.
const KEY: &str = "fewshot";
/// Version of what stands under [`KEY`]: `VERSION SHA256 JSON`.
const VERSION: &str = "1";
/// The same where the JSON is [`Owned`], what a run keeps for itself.
const OWNED_VERSION: &str = "2";
/// The versions that are read, for messages.
const VERSIONS: &str = "1 and 2";
/// Not a tensor name: safetensors keeps the metadata there.
const RESERVED: &str = "__metadata__";

/// A dense row-major tensor of 32-bit floats in memory. Its data always fills its shape.
///
/// Two are equal if their shapes and all their bits are: a NaN equals itself, 0 and -0 differ.
#[derive(Debug, Clone)]
pub struct TensorF32 {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl TensorF32 {
    /// A tensor of the given extents, the last dimension running fastest; no extents: one number.
    ///
    /// # Errors
    /// [`CheckpointError::Extent`] unless `data` holds exactly the product of `shape`.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, CheckpointError> {
        let len = shape.iter().try_fold(1usize, |len, extent| len.checked_mul(*extent));
        if len == Some(data.len()) {
            Ok(Self { shape, data })
        } else {
            Err(CheckpointError::Extent { shape, len: data.len() })
        }
    }

    /// The extents.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, row-major.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The numbers, row-major, without a copy.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }
}

impl PartialEq for TensorF32 {
    fn eq(&self, other: &Self) -> bool {
        let bits = |tensor: &Self| tensor.data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        self.shape == other.shape && bits(self) == bits(other)
    }
}

/// Where a checkpoint belongs: weights of another run are of the same shapes, and would be taken without a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// Identity of the run, see [`super::RunReader::identity`].
    pub(super) run: String,
    /// Its place in the run's folder.
    pub(super) file: String,
}

/// The JSON of a checkpoint that belongs somewhere.
#[derive(Serialize, Deserialize)]
struct Owned {
    owner: Owner,
    meta: Value,
}

/// Named tensors and small JSON (counters, the state of a strategy), kept in *one* file so that
/// they cannot disagree.
///
/// The file is a [safetensors](https://github.com/huggingface/safetensors) file that any reader of
/// that format opens. Its metadata holds the JSON and a SHA-256 over JSON, names, shapes and
/// numbers, since the format has no checksum of its own. Equal checkpoints give equal files.
///
/// JSON has no NaN and no infinity: a float in `meta` must be finite (tensors may hold anything).
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The tensors by name.
    pub tensors: BTreeMap<String, TensorF32>,
    /// Everything else.
    pub meta: Value,
    /// Where it belongs, if anywhere.
    owner: Option<Owner>,
    /// The file that it was read from, for messages.
    origin: Option<PathBuf>,
}

impl PartialEq for Checkpoint {
    fn eq(&self, other: &Self) -> bool {
        self.tensors == other.tensors && self.meta == other.meta
    }
}

impl Checkpoint {
    /// A checkpoint without tensors yet.
    ///
    /// # Errors
    /// [`CheckpointError::Meta`] if `meta` has no JSON form (a map whose keys are no strings).
    pub fn new<T: Serialize>(meta: &T) -> Result<Self, CheckpointError> {
        let meta = serde_json::to_value(meta)
            .map_err(|e| CheckpointError::Meta { path: String::from("new checkpoint"), reason: e.to_string() })?;
        Ok(Self { tensors: BTreeMap::new(), meta, owner: None, origin: None })
    }

    /// Adds a tensor, or replaces the one of that name.
    pub fn insert(&mut self, name: impl Into<String>, tensor: TensorF32) {
        self.tensors.insert(name.into(), tensor);
    }

    /// Takes out the tensor of that name, whose shape must be `shape`.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] or [`CheckpointError::Shape`], naming file and tensor.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<TensorF32, CheckpointError> {
        let tensor = self
            .tensors
            .remove(name)
            .ok_or_else(|| CheckpointError::Missing { path: self.origin(), name: name.to_owned() })?;
        if tensor.shape() == shape {
            return Ok(tensor);
        }
        Err(CheckpointError::Shape {
            path: self.origin(),
            name: name.to_owned(),
            found: tensor.shape,
            expected: shape.to_vec(),
        })
    }

    /// For the end of a load by [`Checkpoint::take`]: nothing may be left over.
    ///
    /// # Errors
    /// [`CheckpointError::Unknown`] naming a tensor that nobody took.
    pub fn finish(&self) -> Result<(), CheckpointError> {
        match self.tensors.keys().next() {
            None => Ok(()),
            Some(name) => Err(CheckpointError::Unknown { path: self.origin(), name: name.clone() }),
        }
    }

    /// The JSON part as a type.
    ///
    /// # Errors
    /// [`CheckpointError::Meta`] if it has another form.
    pub fn meta<T: DeserializeOwned>(&self) -> Result<T, CheckpointError> {
        T::deserialize(&self.meta).map_err(|e| CheckpointError::Meta { path: self.origin(), reason: e.to_string() })
    }

    /// Writes the file; until it is whole on the disk, `path` holds the checkpoint before.
    ///
    /// # Errors
    /// [`CheckpointError::File`] if writing fails, [`CheckpointError::Name`] for a reserved name.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        Ok(write_atomic(path, &self.to_bytes()?)?)
    }

    /// The bytes of the file. Equal checkpoints have equal bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Name`] for a reserved name, [`CheckpointError::TooLarge`] if names and
    /// JSON together pass the format's limit of 100 MB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        if self.tensors.contains_key(RESERVED) {
            return Err(CheckpointError::Name { name: RESERVED.to_owned() });
        }
        let (version, meta) = match &self.owner {
            None => (VERSION, canonical(&self.meta)),
            Some(owner) => {
                let owned = Owned { owner: owner.clone(), meta: self.meta.clone() };
                let owned = serde_json::to_value(owned)
                    .map_err(|e| CheckpointError::Meta { path: self.origin(), reason: e.to_string() })?;
                (OWNED_VERSION, canonical(&owned))
            }
        };
        let bytes: Vec<Vec<u8>> =
            self.tensors.values().map(|tensor| tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
        let views: BTreeMap<&str, TensorView<'_>> = self
            .tensors
            .iter()
            .zip(&bytes)
            .map(|((name, tensor), bytes)| {
                let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<_, _>>()
            .map_err(too_large)?;
        let ours = format!("{version} {} {meta}", checksum(&meta, &views));
        let metadata = HashMap::from([(KEY.to_owned(), ours)]);
        safetensors::serialize(views, Some(metadata)).map_err(too_large)
    }

    /// Reads and verifies a file.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the file, and the tensor where one is at fault: the file cannot be
    /// read, is cut short or altered, or is no checkpoint of this program.
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = read_file(path).map_err(|e| FileError::new("read", path, e))?;
        let mut checkpoint = Self::from_bytes(&bytes, path)?;
        checkpoint.origin = Some(path.to_path_buf());
        Ok(checkpoint)
    }

    /// [`Checkpoint::load`], or `None` where there is no such file: what a stage asks for when it
    /// begins or goes on.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn load_if_exists(path: &Path) -> Result<Option<Self>, CheckpointError> {
        match Self::load(path) {
            Ok(checkpoint) => Ok(Some(checkpoint)),
            Err(CheckpointError::File(error)) if error.io_error().kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        let damaged = |reason: String| CheckpointError::Damaged { path: show(path), reason };
        let cut = |error: SafeTensorError| damaged(format!("cut short or altered: {error}"));
        let foreign = || CheckpointError::Foreign { path: show(path) };

        let (_, header) = SafeTensors::read_metadata(bytes).map_err(cut)?;
        let ours = header.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(foreign)?;
        let mut parts = ours.splitn(3, ' ');
        let (Some(version), Some(sum), Some(meta)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(foreign());
        };
        if ![VERSION, OWNED_VERSION].contains(&version) {
            return Err(CheckpointError::Version { path: show(path), found: version.to_owned(), known: VERSIONS });
        }
        let file = SafeTensors::deserialize(bytes).map_err(cut)?;
        let views: BTreeMap<&str, TensorView<'_>> = file.iter().collect();
        for (name, view) in &views {
            if view.dtype() != Dtype::F32 {
                return Err(CheckpointError::Dtype {
                    path: show(path),
                    name: (*name).to_owned(),
                    found: view.dtype().to_string(),
                });
            }
        }
        if checksum(meta, &views) != sum {
            return Err(damaged(String::from("its checksum is wrong: altered on the disk")));
        }
        let (owner, meta) = if version == OWNED_VERSION {
            let Owned { owner, meta } = serde_json::from_str(meta).map_err(|e| damaged(e.to_string()))?;
            (Some(owner), meta)
        } else {
            (None, serde_json::from_str(meta).map_err(|e| damaged(e.to_string()))?)
        };
        let tensors = views
            .into_iter()
            .map(|(name, view)| {
                let (numbers, _) = view.data().as_chunks::<4>();
                let data = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
                Ok((name.to_owned(), TensorF32::new(view.shape().to_vec(), data)?))
            })
            .collect::<Result<_, CheckpointError>>()?;
        Ok(Self { tensors, meta, owner, origin: None })
    }

    /// The same with a place where it belongs.
    pub(super) fn owned_by(self, owner: Owner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Makes sure that the file belongs where it lies. What was written before that was kept is taken for right.
    ///
    /// # Errors
    /// [`CheckpointError::Foreigner`] naming the file and where it belongs.
    pub(super) fn check_owner(&self, expected: &Owner) -> Result<(), CheckpointError> {
        match &self.owner {
            Some(owner) if owner != expected => {
                let whose = if owner.run == expected.run { "this run" } else { "another run" };
                Err(CheckpointError::Foreigner { path: self.origin(), belongs: format!("`{}` of {whose}", owner.file) })
            }
            _ => Ok(()),
        }
    }

    fn origin(&self) -> String {
        self.origin.as_deref().map_or_else(|| String::from("new checkpoint"), show)
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

fn too_large(error: SafeTensorError) -> CheckpointError {
    CheckpointError::TooLarge { reason: error.to_string() }
}

/// SHA-256 (hex) over the JSON text and, in the order of their names, each tensor's name, shape and
/// bytes, every part with its length before it.
fn checksum(meta: &str, tensors: &BTreeMap<&str, TensorView<'_>>) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(meta.as_bytes());
    for (name, tensor) in tensors {
        part(name.as_bytes());
        let extents: Vec<u8> = tensor.shape().iter().flat_map(|extent| (*extent as u64).to_le_bytes()).collect();
        part(&extents);
        part(tensor.data());
    }
    hex(&hash.finalize())
}
