//! The text forms of a pair of cells.

use super::genotype::{CellPairs, Genotype, NodeOf, Pair};
use super::layout::CellKind;
use super::op::DartsOp;
use super::published::{OUTSIDE, PUBLISHED};
use super::skeleton::{CellDesign, NAME};
use crate::suggest;
use crate::text::{ParseArchError, ParseProblem, Scan};

/// What the Python form begins with.
const PYTHON: &str = "Genotype";

/// `normal|op~state|op~state|+|..|reduce|op~state|op~state|+|..|`
pub(super) fn format(genotype: &Genotype) -> String {
    let pair = |pair: &Pair| format!("{}~{}|", pair.op.name(), pair.from);
    let node = |[first, second]: &[Pair; 2]| format!("|{}{}", pair(first), pair(second));
    let cell = |kind: CellKind| {
        let nodes: Vec<String> = genotype.cell(kind).iter().map(node).collect();
        format!("{kind}{}", nodes.join("+"))
    };
    CellKind::ALL.map(cell).concat()
}

/// `Genotype(normal=[('op', state), ..], normal_concat=[..], reduce=[..], reduce_concat=[..])`
pub(super) fn python(design: CellDesign, genotype: &Genotype) -> String {
    let concat = design.concat().map(|state| state.to_string()).collect::<Vec<_>>().join(", ");
    let cell = |kind: CellKind| {
        let pairs = genotype.edges(kind).map(|(pair, _)| format!("('{}', {})", pair.op.name(), pair.from));
        format!("{kind}=[{}], {kind}_concat=[{concat}]", pairs.collect::<Vec<_>>().join(", "))
    };
    format!("{PYTHON}({})", CellKind::ALL.map(cell).join(", "))
}

/// Reads any of the forms; what comes out is in the design.
pub(super) fn parse(design: CellDesign, text: &str) -> Result<Genotype, ParseArchError> {
    let reader = Reader { design, scan: Scan::new(NAME, text) };
    let start = text.trim();
    if start.starts_with(PYTHON) {
        return reader.python();
    }
    if start.starts_with(CellKind::Normal.name()) {
        return reader.bars();
    }
    reader.published(start)
}

struct Reader<'a> {
    design: CellDesign,
    scan: Scan<'a>,
}

impl Reader<'_> {
    /// The name of published cells.
    fn published(self, name: &str) -> Result<Genotype, ParseArchError> {
        let source = self.scan.source;
        let at = source.offset(name);
        let outside = |reason: String| source.error(at, ParseProblem::Outside { reason });
        if let Some((_, reason)) = OUTSIDE.iter().find(|(known, _)| *known == name) {
            return Err(outside((*reason).into()));
        }
        let names = PUBLISHED.iter().map(|(known, _)| *known);
        let Some((_, text)) = PUBLISHED.iter().find(|(known, _)| *known == name) else {
            let expected =
                format!("`normal|`, `{PYTHON}(` or the name of published cells ({})", suggest::hint(name, names));
            return Err(source.expected(at, expected, name));
        };
        parse(self.design, text).map_err(|error| outside(format!("{name} does not fit here: {}", error.problem)))
    }

    fn bars(mut self) -> Result<Genotype, ParseArchError> {
        let mut cell = |kind: CellKind| {
            self.scan.expect(kind.name(), &format!("the {kind} cell"))?;
            self.bars_cell(kind)
        };
        let (normal, reduce) = (cell(CellKind::Normal)?, cell(CellKind::Reduction)?);
        self.scan.end()?;
        Ok(Genotype { normal, reduce })
    }

    /// `|op~state|op~state|+|op~state|op~state|`
    fn bars_cell(&mut self, kind: CellKind) -> Result<CellPairs, ParseArchError> {
        let mut cell = CellPairs::new();
        for node in self.nodes(kind) {
            if node.node > 2 {
                self.scan.expect("+", &format!("node {} of the {kind} cell", node.node))?;
            }
            self.scan.expect("|", &format!("node {} of the {kind} cell", node.node))?;
            let first = self.bars_pair(node, None)?;
            let second = self.bars_pair(node, Some(first))?;
            cell.push([first, second]);
        }
        Ok(cell)
    }

    fn bars_pair(&mut self, node: NodeOf, sibling: Option<Pair>) -> Result<Pair, ParseArchError> {
        self.scan.blanks();
        let at = self.scan.at();
        let op = self.op(node, |c| c == '~' || c == '|' || c == '+')?;
        self.scan.expect("~", "the state that the operation reads")?;
        let from = self.number("the number of a state")?;
        self.scan.expect("|", "the end of the operation")?;
        self.fitting(node, Pair { op, from }, sibling, at)
    }

    fn python(mut self) -> Result<Genotype, ParseArchError> {
        self.scan.expect(PYTHON, "DARTS' notation")?;
        self.scan.expect("(", "its cells")?;
        let (mut normal, mut reduce) = (None, None);
        loop {
            self.scan.blanks();
            let at = self.scan.at();
            let field = self.scan.until(|c| !c.is_ascii_alphanumeric() && c != '_');
            self.scan.expect("=", "the value of a field")?;
            let before = match field {
                "normal" => normal.replace(self.python_cell(CellKind::Normal)?),
                "reduce" => reduce.replace(self.python_cell(CellKind::Reduction)?),
                "normal_concat" | "reduce_concat" => {
                    self.concat()?;
                    None
                }
                _ => {
                    let expected = "one of the fields normal, normal_concat, reduce, reduce_concat";
                    return Err(self.scan.source.expected(at, expected, field));
                }
            };
            if before.is_some() {
                let reason = format!("the field {field} is given twice");
                return Err(self.scan.source.error(at, ParseProblem::Outside { reason }));
            }
            if !self.scan.take(",") {
                break;
            }
            self.scan.blanks();
            if self.scan.rest.starts_with(')') {
                break;
            }
        }
        self.scan.expect(")", "the end of the cells")?;
        let end = self.scan.at();
        self.scan.end()?;
        let missing = |kind: CellKind| {
            let reason = format!("the {kind} cell is missing");
            self.scan.source.error(end, ParseProblem::Outside { reason })
        };
        let normal = normal.ok_or_else(|| missing(CellKind::Normal))?;
        let reduce = reduce.ok_or_else(|| missing(CellKind::Reduction))?;
        Ok(Genotype { normal, reduce })
    }

    /// `[('op', state), ('op', state), ..]`
    fn python_cell(&mut self, kind: CellKind) -> Result<CellPairs, ParseArchError> {
        self.scan.expect("[", "the operations of a cell")?;
        let mut cell = CellPairs::new();
        for node in self.nodes(kind) {
            if node.node > 2 {
                self.scan.expect(",", &format!("node {} of the {kind} cell", node.node))?;
            }
            let first = self.python_pair(node, None)?;
            self.scan.expect(",", &format!("the second operation of node {} of the {kind} cell", node.node))?;
            let second = self.python_pair(node, Some(first))?;
            cell.push([first, second]);
        }
        self.scan.take(",");
        self.scan.expect("]", "the end of the cell")?;
        Ok(cell)
    }

    fn python_pair(&mut self, node: NodeOf, sibling: Option<Pair>) -> Result<Pair, ParseArchError> {
        self.scan.blanks();
        let at = self.scan.at();
        self.scan.expect("(", "an operation and the state that it reads")?;
        let quote = if self.scan.take("\"") { "\"" } else { "'" };
        if quote == "'" {
            self.scan.expect("'", "a quoted operation")?;
        }
        let op = self.op(node, |c| c == '\'' || c == '"' || c == ',')?;
        self.scan.expect(quote, "the closing quote")?;
        self.scan.expect(",", "the state that the operation reads")?;
        let from = self.number("the number of a state")?;
        self.scan.expect(")", "the end of the operation")?;
        self.fitting(node, Pair { op, from }, sibling, at)
    }

    /// `range(2, 6)` or `[2, 3, 4, 5]`, or other numbers where the design puts out others.
    fn concat(&mut self) -> Result<(), ParseArchError> {
        self.scan.blanks();
        let at = self.scan.at();
        let output = self.design.concat();
        let states = if self.scan.take("range") {
            self.scan.expect("(", "the first state of the output")?;
            let first = self.number("the number of a state")?;
            self.scan.expect(",", "the end of the range")?;
            let end = self.number("the number behind the last state")?;
            self.scan.expect(")", "the end of the range")?;
            (first, end)
        } else {
            self.scan.expect("[", "the states of the output")?;
            let first = self.number("the number of a state")?;
            let mut end = first.saturating_add(1);
            while self.scan.take(",") {
                self.scan.blanks();
                if self.scan.rest.starts_with(']') {
                    break;
                }
                if self.number("the number of a state")? != end {
                    return Err(self.other_output(at));
                }
                end = end.saturating_add(1);
            }
            self.scan.expect("]", "the end of the states")?;
            (first, end)
        };
        if states == (output.start, output.end) { Ok(()) } else { Err(self.other_output(at)) }
    }

    fn other_output(&self, at: usize) -> ParseArchError {
        let output = self.design.concat();
        let expected = format!("range({}, {}): the output of a cell is always those states", output.start, output.end);
        let end = self.scan.at();
        self.scan.source.expected(at, expected, &self.scan.source.text[at..end])
    }

    fn nodes(&self, kind: CellKind) -> impl Iterator<Item = NodeOf> + use<> {
        let design = self.design;
        (2..design.states()).map(move |node| NodeOf { design, kind, node })
    }

    /// The name of an operation, up to a character for which `ends` holds.
    fn op(&mut self, node: NodeOf, ends: fn(char) -> bool) -> Result<DartsOp, ParseArchError> {
        self.scan.blanks();
        let at = self.scan.at();
        let name = self.scan.until(ends).trim_end();
        if let Some(op) = DartsOp::ALL.into_iter().find(|op| op.name() == name) {
            return Ok(op);
        }
        let NodeOf { kind, node, .. } = node;
        let found = if name.is_empty() { self.scan.rest } else { name };
        let hint = suggest::hint(name, self.design.ops().iter().map(|op| op.name()));
        Err(self.scan.source.expected(at, format!("an operation of node {node} of the {kind} cell ({hint})"), found))
    }

    fn number(&mut self, what: &str) -> Result<usize, ParseArchError> {
        self.scan.blanks();
        let at = self.scan.at();
        let digits = self.scan.until(|c| !c.is_ascii_digit());
        let found = if digits.is_empty() { self.scan.rest } else { digits };
        digits.parse().map_err(|_| self.scan.source.expected(at, what, found))
    }

    fn fitting(&self, node: NodeOf, pair: Pair, sibling: Option<Pair>, at: usize) -> Result<Pair, ParseArchError> {
        match node.check(pair, sibling) {
            Ok(()) => Ok(pair),
            Err(error) => Err(self.scan.source.error(at, ParseProblem::Outside { reason: error.to_string() })),
        }
    }
}
