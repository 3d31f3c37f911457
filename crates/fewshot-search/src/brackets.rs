//! Hyperband's brackets: rungs of fewer and fewer architectures.

use fewshot_space::{Arch, Region};
use serde::{Deserialize, Serialize};

use super::told::{Told, best, is_member};

/// Sizes of the rungs of each bracket in turn: reduction by 3, budgets 22, 67 and 200 epochs. The last rung of every bracket
/// has the largest budget.
const SHAPES: [&[usize]; 3] = [&[9, 3, 1], &[3, 1], &[3]];

/// How many budgets there are.
pub(super) const LEVELS: usize = SHAPES[0].len();

/// The brackets under way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Brackets {
    /// How many were begun.
    begun: u64,
    open: Vec<Bracket>,
}

/// One bracket at one of its rungs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bracket {
    shape: usize,
    rung: usize,
    /// Promoted into the rung and not yet asked for.
    promoted: Vec<Arch>,
    /// Asked for and not yet told.
    outstanding: Vec<Arch>,
    told: Vec<Told>,
}

impl Bracket {
    fn size(&self) -> usize {
        SHAPES[self.shape][self.rung]
    }

    fn asked(&self) -> usize {
        self.outstanding.len() + self.told.len()
    }

    /// The largest budget is level `LEVELS - 1`.
    fn level(&self) -> usize {
        LEVELS - SHAPES[self.shape].len() + self.rung
    }
}

impl Brackets {
    /// The next architecture: one promoted in the oldest bracket that has any to ask for, or a fresh one for a first rung.
    /// A bracket whose rung waits for scores is passed over; a new one is begun when all wait.
    pub fn next<E>(&mut self, fresh: impl FnOnce() -> Result<Arch, E>) -> Result<Arch, E> {
        let has_room =
            |bracket: &Bracket| !bracket.promoted.is_empty() || (bracket.rung == 0 && bracket.asked() < bracket.size());
        let at = self.open.iter().position(has_room);
        let arch = match at.and_then(|at| self.open[at].promoted.pop()) {
            Some(promoted) => promoted,
            None => fresh()?,
        };
        let at = at.unwrap_or_else(|| {
            let shape = (self.begun % SHAPES.len() as u64) as usize;
            self.begun = self.begun.saturating_add(1);
            let (promoted, outstanding, told) = (Vec::new(), Vec::new(), Vec::new());
            self.open.push(Bracket { shape, rung: 0, promoted, outstanding, told });
            self.open.len() - 1
        });
        self.open[at].outstanding.push(arch.clone());
        Ok(arch)
    }

    /// Takes a score into the oldest bracket that waits for it, and promotes the best of a rung that is full. The level of
    /// its budget; `None` for an architecture that no bracket waits for.
    pub fn tell(&mut self, told: &Told) -> Option<usize> {
        let waits = |bracket: &Bracket| bracket.outstanding.iter().position(|arch| *arch == told.arch);
        let (at, place) = self.open.iter().enumerate().find_map(|(at, bracket)| Some((at, waits(bracket)?)))?;
        let bracket = &mut self.open[at];
        let level = bracket.level();
        bracket.outstanding.remove(place);
        bracket.told.push(told.clone());
        if bracket.told.len() == bracket.size() {
            match SHAPES[bracket.shape].get(bracket.rung + 1) {
                None => drop(self.open.remove(at)),
                Some(&next) => {
                    // Asked for from the back: the best comes first.
                    let order = best(&bracket.told, next);
                    bracket.promoted = order.iter().rev().map(|&at| bracket.told[at].arch.clone()).collect();
                    bracket.told.clear();
                    bracket.rung += 1;
                }
            }
        }
        Some(level)
    }

    /// Checks what comes from a saved state.
    pub fn check(&self, region: &Region) -> Result<(), String> {
        let damaged = |what: &str| Err(format!("it is damaged ({what})"));
        for bracket in &self.open {
            if SHAPES.get(bracket.shape).is_none_or(|rungs| bracket.rung >= rungs.len()) {
                return damaged("there is no such rung");
            }
            let held = bracket.promoted.len() + bracket.asked();
            if held > bracket.size()
                || (bracket.rung > 0 && held < bracket.size())
                || bracket.told.len() == bracket.size()
            {
                return damaged("a rung holds another number of architectures");
            }
            if !bracket.promoted.iter().chain(&bracket.outstanding).all(|arch| is_member(arch, region)) {
                return damaged("an architecture is not of the region");
            }
            Told::check(&bracket.told, region)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arch(option: usize) -> Arch {
        Arch::new(vec![option as u8])
    }

    #[test]
    fn the_best_third_is_promoted_and_brackets_come_in_turn() {
        let mut brackets = Brackets::default();
        let mut count = 0;
        let mut asked = Vec::new();
        let mut levels = Vec::new();
        for _ in 0..40 {
            let next = brackets.next::<()>(|| {
                count += 1;
                Ok(arch(count))
            });
            let next = next.unwrap();
            // Later ones are better.
            let told = Told { arch: next.clone(), score: Some(next.get(0) as f64) };
            levels.push(brackets.tell(&told).unwrap());
            asked.push(next.get(0));
        }
        // 9, the best 3, the best; 3, the best; 3; and again.
        let once = [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7, 9, 10, 11, 12, 12, 13, 14, 15];
        assert_eq!(asked[..20], once);
        assert_eq!(asked[20..], once.map(|option| option + 15));
        assert_eq!(levels[..20], [[0; 9].as_slice(), &[1; 3], &[2], &[1; 3], &[2], &[2; 3]].concat());
        assert!(brackets.open.is_empty());
    }

    #[test]
    fn waiting_rungs_are_passed_over() {
        let mut brackets = Brackets::default();
        let mut count = 0;
        let mut ask = |brackets: &mut Brackets| {
            brackets.next::<()>(|| {
                count += 1;
                Ok(arch(count))
            })
        };
        // Nine of the first, three of the second, three of the third, nine of the fourth bracket.
        let asked: Vec<usize> = (0..24).map(|_| ask(&mut brackets).unwrap().get(0)).collect();
        assert_eq!(asked, (1..=24).collect::<Vec<_>>());
        assert_eq!(brackets.open.len(), 4);
        for option in 1..=9 {
            assert_eq!(brackets.tell(&Told { arch: arch(option), score: None }), Some(0));
        }
        // All failed: the earlier are as good.
        assert_eq!([(); 4].map(|()| ask(&mut brackets).unwrap().get(0)), [1, 2, 3, 25]);
        assert_eq!(brackets.tell(&Told { arch: arch(99), score: Some(1.0) }), None);
    }
}
