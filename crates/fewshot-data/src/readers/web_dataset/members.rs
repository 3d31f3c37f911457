//! The files in an archive: where each lies, and what it is called.

use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

use crate::DataError;
use crate::readers::folder::{begins_with, nonempty};

/// A file in an archive.
pub(super) struct Member {
    /// Its path there.
    pub name: String,
    /// Where its bytes begin in the archive.
    pub offset: u64,
    pub length: u64,
}

/// What else archives hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Other {
    Folder,
    /// A link, a device, a file with holes.
    NoFile,
}

/// Reads a file of the archive, up to so many bytes.
pub(super) type Contents<'a> = dyn FnMut(&Member, u64) -> Result<Vec<u8>, DataError> + 'a;

/// Most bytes of a name that is longer than a header has room for, and of what extends a header.
const LONGEST_NAME: u64 = 1 << 16;
const LONGEST_EXTENSION: u64 = 1 << 20;
/// Archives consist of blocks of so many bytes.
const BLOCK: u64 = 512;

/// Hands all files of the archive at `path` to `take`, in their order, and tells `other` of the rest. `take` may read from the
/// archive with the function that it is given.
pub(super) fn each(
    path: &Path,
    take: &mut dyn FnMut(Member, &mut Contents<'_>) -> Result<(), DataError>,
    other: &mut dyn FnMut(Other),
) -> Result<(), DataError> {
    let whole = nonempty(path)?;
    let damaged = |reason: String| DataError::Damaged { path: path.to_owned(), reason };
    if let Some(tool) = compressed_with(path) {
        return Err(damaged(format!(
            "it is compressed: images in it can only be found from its beginning on; unpack it with `{tool}` to a plain tar file"
        )));
    }
    let cut = |expected: u64| DataError::Truncated { place: crate::Place::file(path), expected, found: whole };
    let mut contents = crate::files::open(path)?;
    let mut read = |member: &Member, most: u64| -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        contents.seek(SeekFrom::Start(member.offset)).map_err(DataError::io(path))?;
        (&mut contents).take(member.length.min(most)).read_to_end(&mut bytes).map_err(DataError::io(path))?;
        Ok(bytes)
    };
    let mut archive = tar::Archive::new(crate::files::open(path)?);
    let (mut end, mut long_name) = (0, None);
    // Raw: what makes headers longer is read below, where its size is looked at before memory is asked for.
    for entry in archive.entries_with_seek().map_err(DataError::io(path))?.raw(true) {
        let mut entry = entry.map_err(|error| match end + BLOCK > whole {
            true => cut(end + BLOCK),
            false => damaged(format!("the header at byte {end} is none of a tar file: {error}")),
        })?;
        let (offset, length) = (entry.raw_file_position(), entry.size());
        end = offset.checked_add(length).map(|end| end.next_multiple_of(BLOCK)).unwrap_or(u64::MAX);
        if end > whole {
            return Err(cut(end));
        }
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            let (most, what) = match kind.is_gnu_longname() {
                true => (LONGEST_NAME, "name"),
                false => (LONGEST_EXTENSION, "extended header"),
            };
            if length > most {
                return Err(damaged(format!("the {what} at byte {offset} has {length} bytes, more than {most}")));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(DataError::io(path))?;
            if kind.is_gnu_longname() {
                let text = bytes.split(|&byte| byte == 0).next().unwrap_or(&[]);
                long_name = Some(String::from_utf8_lossy(text).into_owned());
            } else {
                long_name =
                    extended_name(&bytes).map_err(|reason| damaged(format!("byte {offset}: {reason}")))?.or(long_name);
            }
        } else if kind.is_file() || kind.is_contiguous() {
            let header = || String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = long_name.take().unwrap_or_else(header);
            take(Member { name, offset, length }, &mut read)?;
        } else if kind.is_dir() {
            other(Other::Folder);
            long_name = None;
        } else if !kind.is_gnu_longlink() && !kind.is_pax_global_extensions() {
            other(Other::NoFile);
            long_name = None;
        }
    }
    // A block of zeros ends an archive. Without it some members may be missing, and nobody would know.
    if end + BLOCK > whole { Err(cut(end + BLOCK)) } else { Ok(()) }
}

/// The path that an extended header gives to the file after it.
fn extended_name(bytes: &[u8]) -> Result<Option<String>, String> {
    let mut name = None;
    for record in tar::PaxExtensions::new(bytes) {
        let record = record.map_err(|error| error.to_string())?;
        match record.key_bytes() {
            b"path" => name = Some(String::from_utf8_lossy(record.value_bytes()).into_owned()),
            b"size" => return Err("a file of more than 8 GiB, which no image has".into()),
            _ => {}
        }
    }
    Ok(name)
}

/// What unpacks the file, if it is compressed.
fn compressed_with(path: &Path) -> Option<&'static str> {
    let tools: [(&[u8], &str); 4] = [
        (&[0x1F, 0x8B], "gunzip"),
        (b"BZh", "bunzip2"),
        (&[0xFD, b'7', b'z', b'X', b'Z'], "unxz"),
        (&[0x28, 0xB5, 0x2F, 0xFD], "unzstd"),
    ];
    tools.into_iter().find(|(magic, _)| begins_with(path, magic)).map(|(_, tool)| tool)
}
