//! State that later numbers come from, kept with its checksum: a digit that changed on the disk is never taken for a result.

use std::io::Read;
use std::path::Path;

use fewshot_guard::open_file;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::file_error::FileError;

/// The key that a checksum stands under, and that of a value which is no object.
const SUM: &str = "sha256";
const VALUE: &str = "value";

/// A value that is written with a checksum over it, and refused where the two do not agree.
///
/// An object gets one more key, so that other programs read it as before; anything else becomes `{"value": .., "sha256": ..}`.
/// What was written before there were checksums is read as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked<T>(pub T);

impl<T: Serialize> Serialize for Checked<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = match serde_json::to_value(&self.0).map_err(serde::ser::Error::custom)? {
            Value::Object(object) => object,
            other => Map::from_iter([(VALUE.to_owned(), other)]),
        };
        let sum = checksum(&Value::Object(object.clone()));
        object.insert(SUM.to_owned(), Value::String(sum));
        object.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let sum = value.as_object_mut().and_then(|object| object.remove(SUM));
        if let Some(sum) = sum {
            if sum.as_str() != Some(checksum(&value).as_str()) {
                return Err(D::Error::custom("its checksum is wrong: altered on the disk"));
            }
            if let Some(object) = value.as_object_mut()
                && object.len() == 1
                && object.get(VALUE).is_some_and(|inner| !inner.is_object())
            {
                value = object.remove(VALUE).unwrap_or_default();
            }
        }
        T::deserialize(value).map(Checked).map_err(D::Error::custom)
    }
}

/// SHA-256 (hex) of a value's JSON text, the keys of all objects sorted.
pub(super) fn checksum(value: &Value) -> String {
    hex(&Sha256::digest(canonical(value).as_bytes()))
}

/// SHA-256 (hex) of a file.
pub(super) fn file_checksum(path: &Path) -> Result<String, FileError> {
    let fail = |e| FileError::new("read", path, e);
    let mut file = open_file(path).map_err(fail)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(fail)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// The JSON text of a value with the keys of all objects sorted, whatever order they were made in.
pub(super) fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(text).map(|Checked(value)| value)
    }

    #[test]
    fn every_value_comes_back_and_no_changed_digit_does() {
        let values =
            [json!({ "score": 0.1 + 0.2, "arch": "a", "at": [1, 2] }), json!([[1, 5, 0.25]]), json!(7), json!(null)];
        for value in values {
            let text = serde_json::to_string_pretty(&Checked(&value)).unwrap();
            assert_eq!(read(&text).unwrap(), value, "{text}");
            for (at, digit) in text.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
                let mut other = text.clone();
                other.replace_range(at..=at, if digit == '1' { "2" } else { "1" });
                // A digit of the key leaves a value without a checksum, but the right one.
                match read(&other) {
                    Ok(_) => assert!(
                        text[..at].ends_with("\"sha")
                            || text[..at].ends_with("\"sha2")
                            || text[..at].ends_with("\"sha25")
                    ),
                    Err(error) => assert!(error.to_string().contains("checksum"), "{error}"),
                }
            }
        }
    }

    #[test]
    fn files_without_checksums_are_read_as_they_are() {
        assert_eq!(read("{\"a\":1}").unwrap(), json!({ "a": 1 }));
        assert_eq!(read("[3]").unwrap(), json!([3]));
        assert_eq!(read("{\"value\":3}").unwrap(), json!({ "value": 3 }));
    }
}
