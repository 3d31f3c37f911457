//! Which column holds the images, and which the labels.

use serde_json::Value;

use crate::readers::labels::distinct;
use crate::readers::parquet_file::ParquetFile;
use crate::{ColumnError, DataError, OpenOptions};

/// Names of the label column, the first that exists counts. CIFAR-100 has `fine_label`.
const LABELS: [&str; 3] = ["label", "labels", "fine_label"];
/// Names of the image column, likewise.
const IMAGES: [&str; 2] = ["img", "image"];

/// The column of the images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageColumn {
    /// The leaf of the encoded bytes.
    pub bytes: Option<String>,
    /// The leaf of the path of a file, for rows without bytes.
    pub path: Option<String>,
}

/// What the `huggingface` entry of the metadata says of the columns: `info.features`.
pub(super) fn features(file: &ParquetFile) -> Result<Value, DataError> {
    let Some(text) = file.metadata("huggingface") else { return Ok(Value::Null) };
    let mut json: Value = serde_json::from_str(text).map_err(|error| DataError::Damaged {
        path: file.path().to_path_buf(),
        reason: format!("its `huggingface` metadata is no JSON: {error}"),
    })?;
    Ok(json["info"]["features"].take())
}

/// Columns that `features` give the type `kind`.
fn of_type(features: &Value, kind: &str) -> Vec<String> {
    let of_kind = |(name, feature): (&String, &Value)| (feature["_type"] == kind).then(|| name.clone());
    features.as_object().into_iter().flatten().filter_map(of_kind).collect()
}

/// Names of the classes, if `features` give the column any.
pub(super) fn class_names(features: &Value, column: &str) -> Option<Vec<String>> {
    let names = features[column]["names"].as_array().filter(|names| !names.is_empty())?;
    let names: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    names.map(distinct)
}

/// Name of the label column: the one asked for, the first of [`LABELS`], the only `ClassLabel`, or a partition of one of
/// these names.
pub(super) fn label_column(
    file: &ParquetFile,
    features: &Value,
    partitions: &[(String, String)],
    options: &OpenOptions,
) -> Result<String, ColumnError> {
    let there = |name: &str| {
        file.columns().iter().any(|column| column == name) || partitions.iter().any(|(key, _)| key == name)
    };
    let missing = |wanted: String| ColumnError::Missing {
        path: file.path().to_path_buf(),
        wanted,
        flag: "--label-column",
        columns: all_columns(file, partitions),
    };
    let nested = |name: &str| nested(file, name, "label", "--label-column");
    if let Some(name) = &options.label_column {
        let unknown = || nested(name).unwrap_or_else(|| missing(format!("label column `{name}`")));
        return if there(name) { Ok(name.clone()) } else { Err(unknown()) };
    }
    if let Some(name) = LABELS.iter().find(|&&name| there(name)) {
        return Ok((*name).to_owned());
    }
    if let Some(error) = LABELS.iter().find_map(|name| nested(name)) {
        return Err(error);
    }
    let mut classes = of_type(features, "ClassLabel");
    classes.retain(|name| there(name));
    match classes.len() {
        0 => Err(missing(format!("label column (`{}`, or one of type ClassLabel)", LABELS.join("`, `")))),
        1 => Ok(classes.remove(0)),
        _ => Err(ColumnError::Ambiguous {
            path: file.path().to_path_buf(),
            what: "label column",
            columns: classes,
            flag: "--label-column",
        }),
    }
}

/// What is wrong with a column of this name that is a list or a struct; `None` where there is no such column.
fn nested(file: &ParquetFile, name: &str, what: &'static str, flag: &'static str) -> Option<ColumnError> {
    let (leaves, is_list) = file.below(name)?;
    let others = match is_list {
        true => file.single(),
        false => leaves.into_iter().map(str::to_owned).collect(),
    };
    let path = file.path().to_path_buf();
    Some(ColumnError::Nested { path, column: name.to_owned(), what, is_list, others, flag })
}

fn all_columns(file: &ParquetFile, partitions: &[(String, String)]) -> Vec<String> {
    file.columns().iter().chain(partitions.iter().map(|(key, _)| key)).cloned().collect()
}

/// The column of the images: the one asked for, `img` or `image`, or the only one that can be meant (of type Image, a
/// struct with `bytes`, or plain bytes).
pub(super) fn image_column(
    file: &ParquetFile,
    features: &Value,
    options: &OpenOptions,
) -> Result<ImageColumn, ColumnError> {
    let missing = |wanted: String| ColumnError::Missing {
        path: file.path().to_path_buf(),
        wanted,
        flag: "--image-column",
        columns: file.columns().to_vec(),
    };
    let nested = |name: &str| nested(file, name, "image", "--image-column");
    if let Some(name) = &options.image_column {
        let unknown = || nested(name).unwrap_or_else(|| missing(format!("image column `{name}`")));
        return column(file, name, true).ok_or_else(unknown);
    }
    if let Some(found) = IMAGES.iter().find_map(|name| column(file, name, true)) {
        return Ok(found);
    }
    let mut candidates = of_type(features, "Image");
    if candidates.is_empty() {
        let first = |column: &String| column.split('.').next().unwrap_or(column).to_owned();
        candidates = file.columns().iter().map(first).collect();
        candidates.dedup();
    }
    candidates.retain(|name| column(file, name, false).is_some());
    match candidates.len() {
        0 => Err(IMAGES
            .iter()
            .find_map(|name| nested(name))
            .unwrap_or_else(|| missing("image column (a struct with `bytes`, or bytes)".into()))),
        1 => Ok(column(file, &candidates[0], false).unwrap_or(ImageColumn { bytes: None, path: None })),
        _ => Err(ColumnError::Ambiguous {
            path: file.path().to_path_buf(),
            what: "image column",
            columns: candidates,
            flag: "--image-column",
        }),
    }
}

/// The leaves of the column `name`, if it can hold images: `name.bytes` and `name.path`, or `name` of bytes. Text is taken
/// for paths only where the column was `named`.
fn column(file: &ParquetFile, name: &str, named: bool) -> Option<ImageColumn> {
    let leaf = |leaf: &str| Some(format!("{name}.{leaf}")).filter(|leaf| file.is_bytes(leaf));
    let (bytes, path) = (leaf("bytes"), leaf("path"));
    if bytes.is_some() {
        return Some(ImageColumn { bytes, path });
    }
    let whole = Some(name.to_owned()).filter(|name| file.is_bytes(name))?;
    match (file.is_text(&whole), named) {
        (false, _) => Some(ImageColumn { bytes: Some(whole), path: None }),
        (true, true) => Some(ImageColumn { bytes: None, path: Some(whole) }),
        (true, false) => None,
    }
}
