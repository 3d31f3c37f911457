use crate::arch::Arch;
use crate::decision::Decision;
use crate::option_set::OptionSet;

/// Lists the members of a product of option sets, none of them empty, in lexicographic order.
pub(crate) struct Members<'a> {
    decisions: &'a [Decision],
    allowed: &'a [OptionSet],
    /// The member to hand out next, and which of its decisions are active.
    options: Vec<u8>,
    active: Vec<bool>,
    done: bool,
}

impl<'a> Members<'a> {
    pub fn new(decisions: &'a [Decision], allowed: &'a [OptionSet]) -> Members<'a> {
        let mut members = Members { decisions, allowed, options: Vec::new(), active: Vec::new(), done: false };
        members.fill();
        members
    }

    /// Completes `options` with the first allowed option of each further active decision.
    fn fill(&mut self) {
        for index in self.options.len()..self.decisions.len() {
            let active = self.decisions[index].is_active(&self.active, &self.options);
            let first = self.allowed[index].first().filter(|_| active).unwrap_or(0);
            self.active.push(active);
            self.options.push(first as u8);
        }
    }

    fn advance(&mut self) {
        while let (Some(option), Some(active)) = (self.options.pop(), self.active.pop()) {
            let next = self.allowed[self.options.len()].next_after(option.into());
            if let (true, Some(next)) = (active, next) {
                self.active.push(true);
                self.options.push(next as u8);
                return self.fill();
            }
        }
        self.done = true;
    }
}

impl Iterator for Members<'_> {
    type Item = Arch;

    fn next(&mut self) -> Option<Arch> {
        if self.done {
            return None;
        }
        let arch = Arch::new(self.options.clone());
        self.advance();
        Some(arch)
    }
}
