//! The text form of `autogan`: option indices, cell by cell.

use fewshot_guard::counted;

use super::layout::{CELL_DECISIONS, first_decision_of};
use super::skeleton::{AutoGanSkeleton, NAME};
use crate::arch::Arch;
use crate::decision::Decision;
use crate::text::{ParseArchError, Source};

pub(super) fn format(arch: &Arch) -> String {
    let mut text = String::new();
    let starts: Vec<usize> = (1..CELL_DECISIONS.len()).map(first_decision_of).collect();
    for (index, option) in arch.options().iter().enumerate() {
        if index > 0 {
            text.push_str(if starts.contains(&index) { " | " } else { " " });
        }
        text.push_str(&option.to_string());
    }
    text
}

/// `decisions` are those of the skeleton's cells.
pub(super) fn parse(skeleton: &AutoGanSkeleton, decisions: &[Decision], text: &str) -> Result<Arch, ParseArchError> {
    let source = Source { space: NAME, text };
    let cells = skeleton.cells();
    let mut options = Vec::with_capacity(decisions.len());
    if !text.contains('|') {
        numbers(decisions, source, text, decisions.len(), &mut options)?;
        return Ok(Arch::new(options));
    }
    if text.split('|').count() != cells {
        return Err(source.expected(0, format!("{}, with `|` between them", counted(cells, "cell")), text));
    }
    for (part, count) in text.split('|').zip(CELL_DECISIONS) {
        numbers(decisions, source, part, count, &mut options)?;
    }
    Ok(Arch::new(options))
}

/// Reads `count` numbers, which blanks or a comma separate: the options of the next decisions.
fn numbers(
    decisions: &[Decision],
    source: Source<'_>,
    part: &str,
    count: usize,
    options: &mut Vec<u8>,
) -> Result<(), ParseArchError> {
    let mut rest = part.trim();
    for position in 0..count {
        if position > 0 {
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        let decision = &decisions[options.len()];
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let most = decision.options.len() - 1;
        match number.parse::<u8>() {
            Ok(option) if usize::from(option) <= most => options.push(option),
            _ => {
                let expected = format!("{}, a number from 0 to {most}", decision.name);
                let found = if number.is_empty() { rest } else { number };
                return Err(source.expected(source.offset(rest), expected, found));
            }
        }
        if !after.is_empty() && !after.starts_with(|c: char| c == ',' || c.is_whitespace()) {
            return Err(source.expected(source.offset(after), "a blank", after));
        }
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        return Err(source.expected(source.offset(rest), "no further number", rest));
    }
    Ok(())
}
