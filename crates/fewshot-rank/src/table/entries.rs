//! The numbers of a table, and what they belong to.

use std::collections::HashMap;
use std::sync::Arc;

use fewshot_space::{Arch, Space};

use super::error::{CellProblem, TableError};

/// The text of a table that comes with the program: `cell1296`, what its networks reach on the embedded sample.
pub fn embedded(name: &str) -> Option<&'static str> {
    (name == "cell1296").then_some(include_str!("../../../../data/cell1296-truth.csv"))
}

/// The name of the column that holds the architectures.
pub const ARCH_COLUMN: &str = "arch";

/// One number, finite, for each of some architectures of a space, in file order.
///
/// Architectures are compared in canonical form: decisions that make no difference do not count.
#[derive(Debug, Clone)]
pub struct Table {
    space: Arc<dyn Space>,
    /// What to call the table in errors.
    title: String,
    entries: Vec<(Arch, f64)>,
    /// Positions in `entries`; only looked up, never iterated, so its order is of no matter.
    pub(super) index: HashMap<Arch, usize>,
    pub(super) notes: Vec<String>,
}

impl Table {
    /// An empty table; `title` is what errors call it, say the name of what the numbers measure.
    pub fn new(space: Arc<dyn Space>, title: impl Into<String>) -> Table {
        Table { space, title: title.into(), entries: Vec::new(), index: HashMap::new(), notes: Vec::new() }
    }

    /// Appends an architecture with its number.
    ///
    /// # Errors
    /// [`TableError::Entry`] when the architecture is not of the space or is there already, or
    /// the number is NaN or infinite.
    pub fn insert(&mut self, arch: &Arch, value: f64) -> Result<(), TableError> {
        let refuse = |arch: String, problem| TableError::Entry { table: self.title.clone(), arch, problem };
        if let Err(error) = self.space.validate(arch) {
            let options = format!("{:?}", arch.options());
            return Err(refuse(options, CellProblem::Invalid(error.into())));
        }
        if !value.is_finite() {
            let problem = CellProblem::NotANumber(value.to_string());
            return Err(refuse(self.space.format(arch), problem));
        }
        if self.position(arch).is_some() {
            return Err(refuse(self.space.format(arch), CellProblem::Repeated));
        }
        self.push(self.space.canonical(arch), value);
        Ok(())
    }

    /// Appends a canonical architecture that is not there yet.
    pub(super) fn push(&mut self, canonical: Arch, value: f64) {
        self.index.insert(canonical.clone(), self.entries.len());
        self.entries.push((canonical, value));
    }

    /// Where an architecture stands. One of another space is nowhere.
    fn position(&self, arch: &Arch) -> Option<usize> {
        self.space.validate(arch).ok()?;
        self.index.get(&self.space.canonical(arch)).copied()
    }

    /// The space of the architectures.
    pub fn space(&self) -> &Arc<dyn Space> {
        &self.space
    }

    /// What errors call the table: file and column, where it was read.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What was found in the file that not every table has, and how it was taken; nothing of a table that was not read.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Number of architectures.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no architecture.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of an architecture, if it has one.
    pub fn get(&self, arch: &Arch) -> Option<f64> {
        self.position(arch).map(|position| self.entries[position].1)
    }

    /// The architectures, in canonical form, with their numbers, in file order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arch, f64)> {
        self.entries.iter().map(|(arch, value)| (arch, *value))
    }

    /// The numbers of several architectures, in the given order: what an estimator that knows
    /// the truth answers.
    ///
    /// # Errors
    /// [`TableError::Unknown`] for the first architecture that has none, with its text.
    pub fn lookup(&self, archs: &[Arch]) -> Result<Vec<f64>, TableError> {
        let value = |arch: &Arch| {
            self.get(arch).ok_or_else(|| TableError::Unknown {
                arch: match self.space.validate(arch) {
                    Ok(()) => self.space.format(arch),
                    Err(_) => format!("{:?}", arch.options()),
                },
                table: self.title.clone(),
                len: self.len(),
            })
        };
        archs.iter().map(value).collect()
    }
}
