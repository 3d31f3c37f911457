//! The truth that scores are compared with: a table of networks trained alone.

use std::path::Path;
use std::sync::Arc;

use fewshot_guard::counted;
use fewshot_space::{Arch, Space};
use sha2::{Digest, Sha256};

use super::error::ExperimentError;
use crate::rank::Paired;
use crate::recipe::RankingRecipe;
use crate::run::hex;
use crate::table::{self, Table, TableError};

/// One table, with a column for each seed that its networks were trained with.
#[derive(Debug)]
pub struct Truth {
    name: String,
    columns: Vec<Table>,
}

impl Truth {
    /// The table that the recipe names, if it names one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(recipe: &RankingRecipe, space: &Arc<dyn Space>) -> Result<Option<Self>, ExperimentError> {
        if recipe.truth.is_empty() || recipe.columns.is_empty() {
            return Ok(None);
        }
        let columns = recipe.columns.iter().map(|name| column(&recipe.truth, space, name));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Some(Self { name: recipe.truth.clone(), columns }))
    }

    /// How its file was taken where that could be otherwise, a line each.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        self.columns.iter().flat_map(|table| table.notes().iter().map(|note| format!("{}: {note}", table.title())))
    }

    /// SHA-256 of its networks and numbers, in their order.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for table in &self.columns {
            for (arch, number) in table.iter() {
                arch.options().iter().for_each(|option| hash.update([*option]));
                hash.update(number.to_le_bytes());
            }
            hash.update((table.len() as u64).to_le_bytes());
        }
        hex(&hash.finalize())
    }

    /// Keeps in `recipe` which table this is, or sees that it is the one kept there.
    ///
    /// # Errors
    /// [`ExperimentError::TruthChanged`] when it is another.
    pub fn identify(&self, recipe: &mut RankingRecipe) -> Result<(), ExperimentError> {
        let (found, known) = (self.digest(), &mut recipe.truth_digest);
        if !known.is_empty() && *known != found {
            let columns = recipe.columns.join(", ");
            return Err(ExperimentError::TruthChanged { table: self.name.clone(), columns });
        }
        *known = found;
        Ok(())
    }

    /// What it is, in words.
    pub fn title(&self) -> String {
        let name = Path::new(&self.name).file_name().unwrap_or(self.name.as_ref()).to_string_lossy();
        let networks = counted(self.archs().len(), "network");
        match self.columns.len() {
            1 => format!("table {name}, {networks}"),
            seeds => format!("table {name}, {networks}, mean of {seeds} seeds"),
        }
    }

    /// All networks of the table.
    pub fn archs(&self) -> Vec<Arch> {
        self.columns.first().map(|table| table.iter().map(|(arch, _)| arch.clone()).collect()).unwrap_or_default()
    }

    /// The truth of each network: its mean over the columns.
    ///
    /// # Errors
    /// When the table lacks one.
    pub fn of(&self, archs: &[Arch]) -> Result<Vec<f64>, ExperimentError> {
        let columns = self.each(archs)?;
        let mean = |index: usize| columns.iter().map(|column| column[index]).sum::<f64>() / columns.len() as f64;
        Ok((0..archs.len()).map(mean).collect())
    }

    /// Mean tau-b between two columns: how well one training of each network orders them as another does.
    ///
    /// # Errors
    /// When the table lacks a network.
    pub fn ceiling(&self, archs: &[Arch]) -> Result<Option<f64>, ExperimentError> {
        tau_between(&self.each(archs)?)
    }

    /// The truth of each network by each of the columns.
    ///
    /// # Errors
    /// When the table lacks one.
    pub fn each(&self, archs: &[Arch]) -> Result<Vec<Vec<f64>>, ExperimentError> {
        Ok(self.columns.iter().map(|table| table.lookup(archs)).collect::<Result<_, _>>()?)
    }
}

/// One column of the CSV file `table`, or of the table of that name that comes with the program.
pub fn column(table: &str, space: &Arc<dyn Space>, column: &str) -> Result<Table, TableError> {
    match table::embedded(table) {
        Some(text) => Table::parse(text, Path::new(table), space, column),
        None => Table::read(Path::new(table), space, column),
    }
}

/// The absolute path of a table; the name of one that comes with the program, and no name, as they are.
pub fn absolute(table: &str) -> String {
    if table.is_empty() || table::embedded(table).is_some() {
        return table.to_string();
    }
    std::path::absolute(table).map_or_else(|_| table.to_string(), |path| path.display().to_string())
}

/// Mean tau-b between two of the columns, `None` when there is one only.
pub fn tau_between(columns: &[Vec<f64>]) -> Result<Option<f64>, ExperimentError> {
    let mut taus = Vec::new();
    for (index, one) in columns.iter().enumerate() {
        for other in &columns[..index] {
            taus.extend(Paired::new(one, other, |_| String::new())?.tau_b());
        }
    }
    Ok((!taus.is_empty()).then(|| taus.iter().sum::<f64>() / taus.len() as f64))
}
