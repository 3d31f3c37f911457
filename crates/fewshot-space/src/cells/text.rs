//! The two text forms of a cell.

use super::space::CellSpace;
use crate::arch::Arch;
use crate::space::Space;
use crate::text::{ParseArchError, Source};

pub(super) fn format(space: &CellSpace, arch: &Arch) -> String {
    let mut text = String::new();
    let mut node = None;
    for (index, edge) in space.edges().iter().enumerate() {
        if node.replace(edge.to).is_some_and(|before| before != edge.to) {
            text.push('+');
        }
        if !text.ends_with('|') {
            text.push('|');
        }
        text.push_str(&format!("{}~{}|", space.op(arch, index).name(), edge.from));
    }
    text
}

pub(super) fn parse(space: &CellSpace, text: &str) -> Result<Arch, ParseArchError> {
    let scan = Scan { source: Source { space: space.name(), text }, rest: text };
    let python = text.trim_start().starts_with('[');
    if python { scan.python(space) } else { scan.bars(space) }
}

/// Reads from front to back. The space says which edges must come, so that every error can name the right one.
struct Scan<'a> {
    source: Source<'a>,
    rest: &'a str,
}

impl<'a> Scan<'a> {
    /// `|op~source|op~source|+|op~source|`
    fn bars(mut self, space: &CellSpace) -> Result<Arch, ParseArchError> {
        let mut options = Vec::new();
        let mut node = 0;
        for (index, edge) in space.edges().iter().enumerate() {
            if edge.to != node {
                if node != 0 {
                    self.expect("+", "the next node")?;
                }
                self.expect("|", "a node")?;
                node = edge.to;
            }
            options.push(self.op(space, index, |c| c == '~' || c == '|' || c == '+')?);
            self.expect("~", "the operation's source")?;
            self.node(edge.from, index)?;
            self.expect("|", "the end of the operation")?;
        }
        self.end()?;
        Ok(Arch::new(options))
    }

    /// `[(('op', source),), (('op', source), ('op', source))]`
    fn python(mut self, space: &CellSpace) -> Result<Arch, ParseArchError> {
        let mut options = Vec::new();
        let mut node = 0;
        self.expect("[", "a list of nodes")?;
        for (index, edge) in space.edges().iter().enumerate() {
            if edge.to != node {
                if node != 0 {
                    self.take(",");
                    self.expect(")", "the end of the node")?;
                    self.expect(",", "the next node")?;
                }
                self.expect("(", "a node")?;
                node = edge.to;
            } else {
                self.expect(",", "the next operation")?;
            }
            self.expect("(", "an operation with its source")?;
            let quote = if self.take("\"") { "\"" } else { "'" };
            if quote == "'" {
                self.expect("'", "a quoted operation")?;
            }
            options.push(self.op(space, index, |c| c == '\'' || c == '"' || c == ',')?);
            self.expect(quote, "the closing quote")?;
            self.expect(",", "the operation's source")?;
            self.node(edge.from, index)?;
            self.expect(")", "the end of the operation")?;
        }
        self.take(",");
        self.expect(")", "the end of the node")?;
        self.take(",");
        self.expect("]", "the end of the list")?;
        self.end()?;
        Ok(Arch::new(options))
    }

    /// The name of an operation, up to a character for which `ends` holds.
    fn op(&mut self, space: &CellSpace, edge: usize, ends: fn(char) -> bool) -> Result<u8, ParseArchError> {
        self.blanks();
        let at = self.source.offset(self.rest);
        let name = self.until(ends).trim_end();
        let decision = &space.decisions()[edge];
        if name.is_empty() {
            return Err(self.source.expected(at, format!("the operation on {}", decision.name), self.rest));
        }
        self.source.option(decision, name, at)
    }

    /// The number of the node that the edge reads; there is just one right answer.
    fn node(&mut self, from: usize, edge: usize) -> Result<(), ParseArchError> {
        self.blanks();
        let at = self.source.offset(self.rest);
        let number = self.until(|c| !c.is_ascii_digit());
        if number.parse() == Ok(from) {
            return Ok(());
        }
        let found = if number.is_empty() { self.rest } else { number };
        Err(self.source.expected(at, format!("{from}, the node that e{edge} reads"), found))
    }

    /// Takes everything up to a character for which `ends` holds.
    fn until(&mut self, ends: fn(char) -> bool) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `token` if it comes next.
    fn take(&mut self, token: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str, begins: &str) -> Result<(), ParseArchError> {
        if self.take(token) {
            return Ok(());
        }
        let at = self.source.offset(self.rest);
        Err(self.source.expected(at, format!("`{token}` ({begins})"), self.rest))
    }

    fn end(&mut self) -> Result<(), ParseArchError> {
        self.blanks();
        match self.rest {
            "" => Ok(()),
            rest => Err(self.source.expected(self.source.offset(rest), "the end", rest)),
        }
    }
}
