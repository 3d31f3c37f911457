//! A column of numbers as people and spreadsheets write them.
//!
//! How numbers are written is decided once for a column, by all its cells: `1,234` alone could be either of two numbers.

use super::CellProblem;

/// How the numbers of a column are written.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// Whether the decimal sign is a comma.
    comma: bool,
    /// Whether there are signs between thousands: the other one of comma and point.
    grouped: bool,
    /// Whether numbers end in a percent sign.
    percent: bool,
}

impl Numbers {
    /// The way that fits all cells, given with their lines; `separator` stands between cells.
    pub fn of<'c>(
        cells: impl Iterator<Item = (u64, &'c str)> + Clone,
        separator: u8,
    ) -> Result<Self, (u64, CellProblem)> {
        let filled = cells.filter(|(_, cell)| !cell.is_empty());
        let has = |sign: char| filled.clone().any(|(_, cell)| cell.contains(sign));
        let percent = has('%');
        if percent && let Some((line, cell)) = filled.clone().find(|(_, cell)| !cell.contains('%')) {
            return Err((line, CellProblem::SomePercent(shown(cell))));
        }
        // Where both are in one cell, the last one is the decimal sign.
        let both = filled.clone().find_map(|(_, cell)| Some(cell.rfind(',')? > cell.rfind('.')?));
        let several = |sign: char| filled.clone().any(|(_, cell)| cell.matches(sign).count() > 1);
        let (comma, grouped) = match (both, has(',')) {
            (Some(comma), _) => (comma, true),
            (None, false) => (false, several('.')),
            (None, true) if has('.') || several(',') => (several('.'), true),
            (None, true) => {
                let mut commas = filled.clone().filter(|(_, cell)| cell.contains(','));
                let sure = commas.clone().any(|(_, cell)| !may_be_thousands(cell)) || separator != b',';
                // A file whose cells are separated by commas may come from where these stand between thousands.
                if !sure && let Some((line, cell)) = commas.next() {
                    return Err((line, CellProblem::Ambiguous(shown(cell))));
                }
                (true, false)
            }
        };
        // Points alone, several in a number: thousands as in `1.234.567`.
        let comma = comma || (grouped && !has(','));
        Ok(Self { comma, grouped, percent })
    }

    /// What of this is worth telling.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.comma {
            notes.push("numbers have a decimal comma".to_string());
        }
        if self.grouped {
            notes.push(format!("`{}` stands between thousands", if self.comma { '.' } else { ',' }));
        }
        if self.percent {
            notes.push("numbers are in per cent, as written".to_string());
        }
        notes
    }

    /// The number in a cell, finite. Rust also reads `nan` and `inf`, which no table may hold.
    pub fn read(&self, cell: &str) -> Result<f64, CellProblem> {
        if cell.is_empty() {
            return Err(CellProblem::Empty);
        }
        let refuse = || CellProblem::NotANumber(shown(cell));
        let text = cell.strip_suffix('%').unwrap_or(cell).trim_end();
        let text = text.replace('\u{2212}', "-");
        let (decimal, between) = if self.comma { (',', '.') } else { ('.', ',') };
        let (whole, rest) = match text.find([decimal, 'e', 'E']) {
            Some(at) => text.split_at(at),
            None => (text.as_str(), ""),
        };
        let mut plain = whole.to_string();
        if self.grouped && whole.contains(between) {
            if !is_grouped(whole, between) {
                return Err(refuse());
            }
            plain = whole.replace(between, "");
        }
        plain.push_str(&rest.replacen(decimal, ".", 1));
        plain.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(refuse)
    }
}

/// Whether a cell with one comma could have it between thousands: `12,345`, but neither `0,123` nor `1,25`.
fn may_be_thousands(cell: &str) -> bool {
    let cell = cell.trim_end_matches(['%', ' ']);
    is_grouped(cell, ',')
}

/// Whether digits stand in groups of three, the first of one to three and no mere zero.
fn is_grouped(text: &str, between: char) -> bool {
    let mut groups = text.trim_start_matches(['-', '+', '\u{2212}']).split(between);
    let digits = |group: &str| group.chars().all(|c| c.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && digits(first)
        && groups.all(|group| group.len() == 3 && digits(group))
}

/// A cell as errors quote it.
fn shown(cell: &str) -> String {
    cell.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str], separator: u8) -> Result<Vec<f64>, String> {
        let numbers = Numbers::of(cells.iter().map(|cell| (1, *cell)), separator).map_err(|(_, e)| e.to_string())?;
        cells.iter().map(|cell| numbers.read(cell).map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn each_way_of_writing_gives_its_numbers() {
        for (cells, separator, expected) in [
            (&["1.5", "-2e3", "\u{2212}7"][..], b',', &[1.5, -2000.0, -7.0][..]),
            (&["91,25", "7,125"], b';', &[91.25, 7.125]),
            (&["91,250", "92,125"], b';', &[91.25, 92.125]),
            (&["0,912", "1,234"], b',', &[0.912, 1.234]),
            (&["1,5e-3", "2"], b'\t', &[0.0015, 2.0]),
            (&["91.25 %", "7%"], b',', &[91.25, 7.0]),
            (&["91,25%"], b',', &[91.25]),
            (&["1.234,5", "12"], b';', &[1234.5, 12.0]),
            (&["1,234.5", "12,000"], b',', &[1234.5, 12000.0]),
            (&["1,234,567"], b',', &[1_234_567.0]),
            (&["1.234.567", "890"], b';', &[1_234_567.0, 890.0]),
        ] {
            assert_eq!(read(cells, separator).as_deref(), Ok(expected), "{cells:?}");
        }
    }

    #[test]
    fn what_could_be_two_numbers_or_is_none_is_refused() {
        assert!(read(&["12,345"], b',').unwrap_err().contains("`12,345` can be read in two ways"));
        assert!(read(&["91 %", "0.9"], b',').unwrap_err().contains("`0.9` has no percent sign"));
        for cell in ["seven", "NaN", "inf", "1.5.", "1,2,3", "1.2.3", "%", "1%2", "#N/A", "-", "1,23.4", "12 34"] {
            let error = read(&[cell, "1"], b';').unwrap_err();
            assert!(error.contains("is no finite number") || error.contains("percent"), "{cell}: {error}");
        }
    }
}
