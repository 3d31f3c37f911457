//! Text forms of architectures: the general one, and the error that all of them share.

use crate::arch::Arch;
use crate::decision::Decision;
use crate::suggest;

/// Why a text is no architecture of a space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an architecture of {space}: {problem}, at character {column} of `{}`", shorten(.text, 120))]
pub struct ParseArchError {
    /// Name of the space.
    pub space: String,
    /// The text as given.
    pub text: String,
    /// Where the problem is: 1 for the first character.
    pub column: usize,
    /// What the problem is.
    pub problem: Box<ParseProblem>,
}

/// What can be wrong with the text of an architecture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseProblem {
    /// Something else belongs here.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A name that is none of the decision's options.
    #[error("decision {decision} has no option `{found}`; {hint}")]
    UnknownOption {
        /// Name of the decision.
        decision: String,
        /// The name given.
        found: String,
        /// A near name, or all of them.
        hint: String,
    },
    /// A name that is none of the space's decisions.
    #[error("there is no decision `{found}`; {hint}")]
    UnknownDecision {
        /// The name given.
        found: String,
        /// A near name, or all of them.
        hint: String,
    },
    /// A decision is taken twice.
    #[error("decision {decision} is given twice")]
    Repeated {
        /// Name of the decision.
        decision: String,
    },
    /// What can be read, but means no network of the space.
    #[error("{reason}")]
    Outside {
        /// Why it does not.
        reason: String,
    },
    /// A decision that matters is not taken.
    #[error("decision {decision} is missing")]
    Missing {
        /// Name of the decision.
        decision: String,
    },
}

/// At most `limit` characters of a text, so that a wrong file does not fill the screen.
fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}

/// Makes errors about one text.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub space: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// The error that `problem` is at byte `at` of the text.
    pub fn error(self, at: usize, problem: ParseProblem) -> ParseArchError {
        let before = self.text.get(..at).unwrap_or(self.text);
        ParseArchError {
            space: self.space.into(),
            text: self.text.into(),
            column: before.chars().count() + 1,
            problem: Box::new(problem),
        }
    }

    pub fn expected(self, at: usize, expected: impl Into<String>, found: &str) -> ParseArchError {
        let found = if found.is_empty() { "the end".into() } else { format!("`{}`", shorten(found, 24)) };
        self.error(at, ParseProblem::Syntax { expected: expected.into(), found })
    }

    /// The index of the option `name` of `decision`; `at` is where the name stands.
    pub fn option(self, decision: &Decision, name: &str, at: usize) -> Result<u8, ParseArchError> {
        match decision.options.iter().position(|option| option == name) {
            Some(option) => Ok(option as u8),
            None => {
                let hint = suggest::hint(name, decision.options.iter().map(String::as_str));
                let decision = decision.name.clone();
                Err(self.error(at, ParseProblem::UnknownOption { decision, found: shorten(name, 40), hint }))
            }
        }
    }

    /// Where `part`, a slice of the text, begins in it.
    pub fn offset(self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }
}

/// Reads a text from front to back.
pub(crate) struct Scan<'a> {
    pub source: Source<'a>,
    pub rest: &'a str,
}

impl<'a> Scan<'a> {
    /// At the start of `text`, for errors about an architecture of `space`.
    pub fn new(space: &'a str, text: &'a str) -> Scan<'a> {
        Scan { source: Source { space, text }, rest: text }
    }

    /// The byte of the text at which the rest begins.
    pub fn at(&self) -> usize {
        self.source.offset(self.rest)
    }

    pub fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes everything up to a character for which `ends` holds.
    pub fn until(&mut self, ends: fn(char) -> bool) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Takes `token` if it comes next, behind blanks.
    pub fn take(&mut self, token: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes `token`, which `begins` something.
    pub fn expect(&mut self, token: &str, begins: &str) -> Result<(), ParseArchError> {
        if self.take(token) {
            return Ok(());
        }
        Err(self.source.expected(self.at(), format!("`{token}` ({begins})"), self.rest))
    }

    /// Refuses anything but blanks.
    pub fn end(&mut self) -> Result<(), ParseArchError> {
        self.blanks();
        match self.rest {
            "" => Ok(()),
            rest => Err(self.source.expected(self.at(), "the end", rest)),
        }
    }
}

/// `name=option` for every active decision, joined by commas.
pub(crate) fn format_assignments(decisions: &[Decision], arch: &Arch) -> String {
    let active = crate::decision::activity(decisions, arch.options());
    let assignments = decisions
        .iter()
        .zip(arch.options())
        .zip(active)
        .filter(|&(_, active)| active)
        .map(|((decision, &option), _)| format!("{}={}", decision.name, decision.options[usize::from(option)]));
    assignments.collect::<Vec<_>>().join(",")
}

/// Reads `name=option,name=option`, in any order, with blanks around names. Inert decisions may be given or left out;
/// they come out as option 0.
pub(crate) fn parse_assignments(space: &str, decisions: &[Decision], text: &str) -> Result<Arch, ParseArchError> {
    let source = Source { space, text };
    let mut given: Vec<Option<u8>> = vec![None; decisions.len()];
    for part in text.split(',') {
        let part = if part.trim().is_empty() { part } else { part.trim() };
        let at = source.offset(part);
        let Some((name, option)) = part.split_once('=') else {
            let found = if part.is_empty() { &text[at..] } else { part };
            return Err(source.expected(at, "`decision=option`", found));
        };
        let (name, option) = (name.trim(), option.trim());
        let Some(index) = decisions.iter().position(|decision| decision.name == name) else {
            let hint = suggest::hint(name, decisions.iter().map(|decision| decision.name.as_str()));
            return Err(source.error(at, ParseProblem::UnknownDecision { found: shorten(name, 40), hint }));
        };
        let option = source.option(&decisions[index], option, source.offset(option))?;
        if given[index].replace(option).is_some() {
            return Err(source.error(at, ParseProblem::Repeated { decision: name.into() }));
        }
    }
    let mut active = Vec::with_capacity(decisions.len());
    let mut options = Vec::with_capacity(decisions.len());
    for (decision, given) in decisions.iter().zip(given) {
        active.push(decision.is_active(&active, &options));
        options.push(match (active.last(), given) {
            (Some(true), Some(option)) => option,
            (Some(true), None) => {
                let decision = decision.name.clone();
                return Err(source.error(text.len(), ParseProblem::Missing { decision }));
            }
            _ => 0,
        });
    }
    Ok(Arch::new(options))
}
