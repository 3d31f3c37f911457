//! Tasks that the queue shows, and that will do nothing more.
//!
//! A controller or a node's daemon that is killed at the wrong moment leaves jobs that run for ever although their process has ended,
//! and what waits for them waits for ever. The run's folder tells: nobody works on their stages.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::queue::{Alive, Phase};
use crate::spread::{StageState, StageStatus};

/// Sees how long tasks have not done what they could.
#[derive(Debug, Default)]
pub(super) struct Stalls {
    since: HashMap<String, Instant>,
    /// How often a stage's task was ended for that.
    ended: HashMap<String, u32>,
}

impl Stalls {
    /// The tasks that could have worked for longer than `idle`, and did not; twice as long for each time that a task of the same stage was
    /// ended, in case that its process takes so long to begin. They are no longer alive then.
    pub(super) fn take(
        &mut self,
        alive: &mut Alive,
        stages: &[StageStatus],
        idle: Duration,
        now: Instant,
    ) -> Vec<String> {
        let states: BTreeMap<&str, &StageState> =
            stages.iter().map(|stage| (stage.name.as_str(), &stage.state)).collect();
        let mut tasks: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (stage, task) in &alive.stages {
            tasks.entry(task.clone()).or_default().push(stage.clone());
        }
        let mut taken = Vec::new();
        for (task, own) in &tasks {
            let of = |stage: &String| states.get(stage.as_str()).copied();
            let is_worked_on = own.iter().any(|stage| matches!(of(stage), Some(StageState::Working { .. })));
            // All that it waits for is done.
            let could_begin =
                own.iter().all(|stage| matches!(of(stage), Some(StageState::Done | StageState::Ready { .. })));
            let is_idle = match alive.phases.get(task) {
                Some(Phase::Running) => !is_worked_on,
                Some(Phase::Waiting) => could_begin,
                Some(Phase::Queued) | None => false,
            };
            if !is_idle {
                self.since.remove(task);
                continue;
            }
            let times = own.iter().filter_map(|stage| self.ended.get(stage)).max().copied().unwrap_or(0);
            let since = self.since.entry(task.clone()).or_insert(now);
            if now.saturating_duration_since(*since) >= idle.saturating_mul(1 << times.min(10)) {
                taken.push(task.clone());
                for stage in own {
                    *self.ended.entry(stage.clone()).or_insert(0) += 1;
                }
            }
        }
        self.since.retain(|task, _| tasks.contains_key(task) && !taken.contains(task));
        alive.stages.retain(|_, task| !taken.contains(task));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, state: StageState) -> StageStatus {
        StageStatus { number: 1, name: name.to_owned(), inputs: Vec::new(), state }
    }

    #[test]
    fn a_task_that_runs_without_work_or_waits_for_what_is_done_is_taken_after_a_while() {
        let ready = StageState::Ready { attempts: 1 };
        let waiting = StageState::Waiting { on: vec![String::from("a")] };
        let stages =
            [stage("a", ready.clone()), stage("b", waiting), stage("c", ready.clone()), stage("d", StageState::Done)];
        let seen = || {
            let tasks = [("a", "1_0"), ("b", "2_0"), ("c", "3_0"), ("d", "4_0")];
            let phases =
                [("1_0", Phase::Running), ("2_0", Phase::Waiting), ("3_0", Phase::Queued), ("4_0", Phase::Running)];
            Alive {
                stages: tasks.map(|(stage, task)| (stage.to_owned(), task.to_owned())).into(),
                phases: phases.map(|(task, phase)| (task.to_owned(), phase)).into(),
                ..Alive::default()
            }
        };
        let mut stalls = Stalls::default();
        let (idle, mut alive, now) = (Duration::from_secs(30), seen(), Instant::now());
        assert!(stalls.take(&mut alive, &stages, idle, now).is_empty());
        assert!(stalls.take(&mut alive, &stages, idle, now + idle / 2).is_empty());
        assert_eq!(alive, seen());
        // `b` waits for what is not done, `c` for a node.
        let now = now + idle;
        assert_eq!(stalls.take(&mut alive, &stages, idle, now), ["1_0", "4_0"]);
        assert_eq!(alive.stages.keys().collect::<Vec<_>>(), ["b", "c"]);
        // The next time it is given twice as long.
        let mut alive = seen();
        assert!(stalls.take(&mut alive, &stages, idle, now).is_empty());
        assert!(stalls.take(&mut alive, &stages, idle, now + idle).is_empty());
        assert_eq!(stalls.take(&mut alive, &stages, idle, now + 2 * idle), ["1_0", "4_0"]);
        // What waits for what is done, and never begins.
        let stages = [stage("a", StageState::Done), stage("b", ready)];
        let mut alive = seen();
        stalls.take(&mut alive, &stages, Duration::ZERO, now);
        assert!(!alive.stages.contains_key("b"));
    }
}
