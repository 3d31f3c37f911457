//! The two text forms of a cell.

use super::edge::CellEdge;
use crate::arch::Arch;
use crate::decision::Decision;
use crate::text::{ParseArchError, Scan};

/// `edges` sorted by `to`, with the decision on the operation of each.
pub(super) fn format(edges: &[CellEdge], decisions: &[Decision], arch: &Arch) -> String {
    let mut text = String::new();
    let mut node = None;
    for (index, (edge, decision)) in edges.iter().zip(decisions).enumerate() {
        if node.replace(edge.to).is_some_and(|before| before != edge.to) {
            text.push('+');
        }
        if !text.ends_with('|') {
            text.push('|');
        }
        text.push_str(&format!("{}~{}|", decision.options[arch.get(index)], edge.from));
    }
    text
}

/// Reads either form, with the same edges and decisions; `space` is the name used in errors.
pub(super) fn parse(
    space: &str,
    edges: &[CellEdge],
    decisions: &[Decision],
    text: &str,
) -> Result<Arch, ParseArchError> {
    let scan = Scan::new(space, text);
    let is_python = text.trim_start().starts_with('[');
    let options = if is_python { python(edges, decisions, scan)? } else { bars(edges, decisions, scan)? };
    Ok(Arch::new(options))
}

/// `|op~source|op~source|+|op~source|`. The edges say what must come, so that every error can name the right one.
fn bars(edges: &[CellEdge], decisions: &[Decision], mut scan: Scan<'_>) -> Result<Vec<u8>, ParseArchError> {
    let mut options = Vec::new();
    let mut node = 0;
    for (index, (edge, decision)) in edges.iter().zip(decisions).enumerate() {
        if edge.to != node {
            if node != 0 {
                scan.expect("+", "the next node")?;
            }
            scan.expect("|", "a node")?;
            node = edge.to;
        }
        options.push(op(decision, &mut scan, |c| c == '~' || c == '|' || c == '+')?);
        scan.expect("~", "the operation's source")?;
        source(&mut scan, edge.from, index)?;
        scan.expect("|", "the end of the operation")?;
    }
    scan.end()?;
    Ok(options)
}

/// `[(('op', source),), (('op', source), ('op', source))]`
fn python(edges: &[CellEdge], decisions: &[Decision], mut scan: Scan<'_>) -> Result<Vec<u8>, ParseArchError> {
    let mut options = Vec::new();
    let mut node = 0;
    scan.expect("[", "a list of nodes")?;
    for (index, (edge, decision)) in edges.iter().zip(decisions).enumerate() {
        if edge.to != node {
            if node != 0 {
                scan.take(",");
                scan.expect(")", "the end of the node")?;
                scan.expect(",", "the next node")?;
            }
            scan.expect("(", "a node")?;
            node = edge.to;
        } else {
            scan.expect(",", "the next operation")?;
        }
        scan.expect("(", "an operation with its source")?;
        let quote = if scan.take("\"") { "\"" } else { "'" };
        if quote == "'" {
            scan.expect("'", "a quoted operation")?;
        }
        options.push(op(decision, &mut scan, |c| c == '\'' || c == '"' || c == ',')?);
        scan.expect(quote, "the closing quote")?;
        scan.expect(",", "the operation's source")?;
        source(&mut scan, edge.from, index)?;
        scan.expect(")", "the end of the operation")?;
    }
    scan.take(",");
    scan.expect(")", "the end of the node")?;
    scan.take(",");
    scan.expect("]", "the end of the list")?;
    scan.end()?;
    Ok(options)
}

/// The name of an operation, up to a character for which `ends` holds.
fn op(decision: &Decision, scan: &mut Scan<'_>, ends: fn(char) -> bool) -> Result<u8, ParseArchError> {
    scan.blanks();
    let at = scan.at();
    let name = scan.until(ends).trim_end();
    if name.is_empty() {
        return Err(scan.source.expected(at, format!("the operation on {}", decision.name), scan.rest));
    }
    scan.source.option(decision, name, at)
}

/// The number of the node that the edge reads; there is just one right answer.
fn source(scan: &mut Scan<'_>, from: usize, edge: usize) -> Result<(), ParseArchError> {
    scan.blanks();
    let at = scan.at();
    let number = scan.until(|c| !c.is_ascii_digit());
    if number.parse() == Ok(from) {
        return Ok(());
    }
    let found = if number.is_empty() { scan.rest } else { number };
    Err(scan.source.expected(at, format!("{from}, the node that e{edge} reads"), found))
}
