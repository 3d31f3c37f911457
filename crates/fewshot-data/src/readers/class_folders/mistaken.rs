//! Folders that are about to be taken for classes, and look as if they were none.

use super::super::part_name::{Name, called, few};
use crate::DataError;
use crate::files::Tree;

/// Refuses `folders`, which lie in `top`, as classes where they are parts of a data set for certain; else what to say of them, if
/// anything. That all are merely called as parts are is told of classes of any layout ([`super::super::part_name::doubt`]).
pub(super) fn look(top: &Tree, folders: &[&Tree]) -> Result<Option<String>, DataError> {
    let below = same_below(folders);
    let are_called_parts = folders.len() > 1 && folders.iter().all(|folder| called(&folder.name).is_part());
    let any = |name: Name| folders.iter().any(|folder| called(&folder.name).is(name));
    let are_roles = any(Name::Train) && (any(Name::Test) || any(Name::Validation));
    if are_called_parts && (below.is_some() || are_roles) {
        let names = |folders: &[&Tree]| folders.iter().map(|folder| folder.name.clone()).collect();
        return Err(DataError::PartsAsClasses {
            path: top.path.clone(),
            parts: names(folders),
            classes: below.map(|below| names(&below)).unwrap_or_default(),
        });
    }
    Ok(below.zip(folders.first()).map(|(below, first)| {
        let names: Vec<&str> = below.iter().map(|folder| folder.name.as_str()).collect();
        format!(
            "each of the {} folders that are taken for classes holds the same folders ({}): if these are the classes, give one of the \
             folders above them (`{}`), or put them side by side",
            folders.len(),
            few(&names),
            first.path.display()
        )
    }))
}

/// The folders in the first of `folders`, where all of them hold nothing but folders of just these names, several, which are not
/// themselves called as parts are.
fn same_below<'a>(folders: &[&'a Tree]) -> Option<Vec<&'a Tree>> {
    let inside = |folder: &'a Tree| folder.with_images().collect::<Vec<_>>();
    let names = |folders: &[&Tree]| folders.iter().map(|folder| folder.name.clone()).collect::<Vec<_>>();
    let first = inside(folders.first()?);
    let is_same = |folder: &&'a Tree| folder.images.is_empty() && names(&inside(folder)) == names(&first);
    let are_parts = first.iter().all(|folder| called(&folder.name).is_part());
    (folders.len() > 1 && first.len() > 1 && !are_parts && folders.iter().all(is_same)).then_some(first)
}
