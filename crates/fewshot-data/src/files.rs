//! The files below a folder: which of them are images, and what is left out.
//!
//! An image is told by its content where its name does not say so: photographs come as `.jfif`, `.jpe` or without any
//! extension. Whatever is passed over is counted, so that it can be told.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::decode::Format;
use crate::{DataError, unread};
use fewshot_guard::{open_file, read_file};

/// Folders are followed so deep; deeper ones are links that lead back, or no data set.
const DEEPEST: usize = 16;
/// File names that tell an image without a look into the file.
const IMAGE_NAMES: [&str; 10] = ["jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "webp", "tif", "tiff"];
/// What a run's folder holds: its settings and the plan made of them.
const RUN_FILES: [&str; 2] = ["run.toml", "plan.json"];

/// A folder with all that is below it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub name: String,
    pub path: PathBuf,
    /// The images directly in it, by name.
    pub images: Vec<PathBuf>,
    /// The folders directly in it, by name.
    pub folders: Vec<Tree>,
    /// Files and folders directly in it that are neither; 0 in an empty folder.
    pub others: usize,
    is_run: bool,
}

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Skipped {
    Hidden,
    Run,
    Table,
    NoImage,
    NoFile,
    Loop,
    Empty,
}

/// What was left out, each kind with its number and one example.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftOut(BTreeMap<Skipped, (usize, PathBuf)>);

impl LeftOut {
    fn add(&mut self, why: Skipped, path: &Path) {
        self.0.entry(why).or_insert_with(|| (0, path.to_owned())).0 += 1;
    }

    /// One line for each kind; paths are shown relative to `root`.
    pub fn notes(&self, root: &Path) -> Vec<String> {
        let line = |(why, (count, example)): (&Skipped, &(usize, PathBuf))| {
            let example = example.strip_prefix(root).unwrap_or(example).display();
            let (one, many, reason) = match why {
                Skipped::Hidden => ("hidden image or folder", "hidden images or folders", "hidden"),
                Skipped::Run => ("run folder of this program", "run folders of this program", "not data"),
                Skipped::Table => {
                    ("table", "tables", "labels in one are not read: the class of an image is its folder")
                }
                Skipped::NoImage => ("file that is no image", "files that are no images", "told by their content"),
                Skipped::NoFile => ("entry that is no file", "entries that are no files", "a device, a pipe or such"),
                Skipped::Empty => ("empty folder", "empty folders", "nothing is in it"),
                Skipped::Loop => ("folder", "folders", "deeper than 16 levels, or a link that leads back"),
            };
            format!("left out: {count} {} ({reason}), e.g. `{example}`", if *count == 1 { one } else { many })
        };
        self.0.iter().map(line).collect()
    }
}

impl Tree {
    /// Everything below `path`, in the order of names (bytewise, so the same on every machine); links are followed.
    pub fn read(path: &Path) -> Result<(Tree, LeftOut), DataError> {
        let mut left_out = LeftOut::default();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let above = path.canonicalize().map_err(DataError::io(path))?;
        let tree = walk(name, path.to_owned(), &mut vec![above], &mut left_out)?;
        Ok((tree, left_out))
    }

    /// Images in it and in all folders below.
    pub fn count(&self) -> usize {
        self.images.len() + self.folders.iter().map(Tree::count).sum::<usize>()
    }

    /// The folders directly in it that hold images, at any depth.
    pub fn with_images(&self) -> impl Iterator<Item = &Tree> {
        self.folders.iter().filter(|folder| folder.count() > 0)
    }

    /// All images in it and below, in the order of their paths.
    pub fn all_images(&self) -> Vec<PathBuf> {
        let mut images = self.images.clone();
        images.extend(self.folders.iter().flat_map(Tree::all_images));
        images
    }

    /// Whether it is a run of this program, or holds nothing but such.
    pub fn holds_runs(&self) -> bool {
        let has_none = self.images.is_empty() && self.others == 0 && !self.folders.is_empty();
        self.is_run || (has_none && self.folders.iter().all(Tree::holds_runs))
    }

    /// Whether there is nothing at all in it.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.folders.is_empty() && self.others == 0
    }
}

/// [`open_file`], with the path in its error.
pub(crate) fn open(path: &Path) -> Result<File, DataError> {
    open_file(path).map_err(DataError::io(path))
}

/// [`read_file`], with the path in its error.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    read_file(path).map_err(DataError::io(path))
}

/// The image files that `path` means: itself, or all in and below a folder, in the order of their paths. Also what was left
/// out, a line each.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::Io`], or [`DataError::NoImages`] for a folder without any.
pub fn image_files(path: impl AsRef<Path>) -> Result<(Vec<PathBuf>, Vec<String>), DataError> {
    let path = path.as_ref();
    if !path.is_dir() {
        return Ok((vec![path.to_owned()], Vec::new()));
    }
    let (tree, left_out) = Tree::read(path)?;
    match tree.all_images() {
        images if images.is_empty() => Err(DataError::NoImages { path: path.to_owned() }),
        images => Ok((images, left_out.notes(path))),
    }
}

fn walk(name: String, path: PathBuf, above: &mut Vec<PathBuf>, left_out: &mut LeftOut) -> Result<Tree, DataError> {
    let mut tree = Tree { name, path, ..Tree::default() };
    let mut entries: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir(&tree.path).map_err(DataError::io(&tree.path))? {
        let path = entry.map_err(DataError::io(&tree.path))?.path();
        entries.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
    }
    entries.sort();
    if is_run(&entries) {
        left_out.add(Skipped::Run, &tree.path);
        (tree.others, tree.is_run) = (entries.len(), true);
        return Ok(tree);
    }
    for (name, path) in entries {
        // A broken link has no metadata: it is told once it is read.
        let metadata = fs::metadata(&path);
        let is_folder = metadata.as_ref().is_ok_and(fs::Metadata::is_dir);
        if name.starts_with('.') {
            if is_folder || has_image_name(&path) {
                left_out.add(Skipped::Hidden, &path);
            }
        } else if is_folder {
            let real = path.canonicalize().map_err(DataError::io(&path))?;
            if above.contains(&real) || above.len() >= DEEPEST {
                left_out.add(Skipped::Loop, &path);
                tree.others += 1;
                continue;
            }
            above.push(real);
            let folder = walk(name, path, above, left_out)?;
            if folder.is_empty() {
                left_out.add(Skipped::Empty, &folder.path);
            }
            tree.folders.push(folder);
            above.pop();
        } else if metadata.as_ref().is_ok_and(|metadata| !metadata.is_file()) {
            left_out.add(Skipped::NoFile, &path);
            tree.others += 1;
        } else if is_image(&path)? {
            if metadata.is_ok_and(|metadata| metadata.len() == 0) {
                return Err(DataError::EmptyFile { path });
            }
            tree.images.push(path);
        } else {
            left_out.add(if unread::is_table(&path) { Skipped::Table } else { Skipped::NoImage }, &path);
            tree.others += 1;
        }
    }
    Ok(tree)
}

fn is_run(entries: &[(String, PathBuf)]) -> bool {
    RUN_FILES.iter().all(|file| entries.iter().any(|(name, _)| name == file))
}

/// Whether the name of a file says that it is an image of a format that is read.
pub fn has_image_name(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    IMAGE_NAMES.contains(&extension.as_str())
}

/// By its name, or else by its content. Formats that are not read (HEIC, AVIF, ..) are images too: reading them is
/// refused with their name, where passing over them would not be noticed.
fn is_image(path: &Path) -> Result<bool, DataError> {
    if has_image_name(path) {
        return Ok(true);
    }
    let mut start = Vec::new();
    let file = open(path)?;
    file.take(Format::TOLD_BY as u64).read_to_end(&mut start).map_err(DataError::io(path))?;
    Ok(Format::of(&start).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_by_content_and_the_rest_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |name: &str, bytes: &[u8]| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        let jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16];
        for name in ["a/1.jfif", "a/2", "a/deep/3.jpe", "a/4.dat", "a/.hidden.jpg", ".git/x"] {
            write(name, &jpeg);
        }
        for name in ["a/notes.txt", "Thumbs.db", "runs/one/run.toml", "runs/one/plan.json", "runs/one/picture.png"] {
            write(name, b"words");
        }
        let (tree, left_out) = Tree::read(root).unwrap();
        let images = tree.all_images();
        let names: Vec<_> = images.iter().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a/1.jfif", "a/2", "a/4.dat", "a/deep/3.jpe"]);
        assert_eq!(
            left_out.notes(root),
            [
                "left out: 2 hidden images or folders (hidden), e.g. `.git`",
                "left out: 1 run folder of this program (not data), e.g. `runs/one`",
                "left out: 2 files that are no images (told by their content), e.g. `Thumbs.db`",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn broken_links_are_called_so() {
        for name in ["1.jpg", "cat"] {
            let folder = tempfile::tempdir().unwrap();
            let link = folder.path().join(name);
            std::os::unix::fs::symlink("/nowhere/at/all", &link).unwrap();
            let found = Tree::read(folder.path())
                .and_then(|(tree, _)| tree.images.first().map_or(Ok(vec![]), |path| read(path)));
            let message = found.unwrap_err().to_string();
            assert!(message.contains(&format!("`{}` is a broken link", link.display())), "{message}");
            assert!(message.contains("`/nowhere/at/all`, where nothing is"), "{message}");
        }
    }

    #[test]
    fn empty_folders_are_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/none")).unwrap();
        fs::write(folder.path().join("a/1.jpg"), [0xFF, 0xD8]).unwrap();
        let (_, left_out) = Tree::read(folder.path()).unwrap();
        assert_eq!(left_out.notes(folder.path()), ["left out: 1 empty folder (nothing is in it), e.g. `a/none`"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_back_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/up")).unwrap();
        let (tree, left_out) = Tree::read(folder.path()).unwrap();
        assert_eq!(tree.count(), 0);
        assert!(left_out.notes(folder.path())[0].contains("a/up"));
    }
}
