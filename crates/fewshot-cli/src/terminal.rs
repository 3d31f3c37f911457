//! Progress: a bar per stage on a terminal, plain lines otherwise. Always on standard error.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fewshot_guard::printable;
use fewshot_nas::run::{Position, Progress, StageEnd, StageInfo};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::console::say;

/// Time between plain lines of one stage.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Draws progress.
pub struct Terminal {
    /// `None` when standard error is no terminal.
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    stage: String,
    /// What the stage last said of itself: its epoch and loss, or its best find.
    note: String,
    /// When all is done, by plan.
    end: Option<Instant>,
    last_line: Instant,
}

impl Terminal {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::hidden();
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr_with_hz(10));
            bar
        });
        Self {
            bar,
            state: Mutex::new(State {
                stage: String::new(),
                note: String::new(),
                end: None,
                last_line: Instant::now(),
            }),
        }
    }

    fn say(&self, line: &str) {
        let line = printable::line(line);
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }

    fn with_state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // A thread that panicked while drawing leaves nothing worse than an old line.
        work(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

fn title(stage: StageInfo<'_>) -> String {
    format!("[{}/{}] {}", stage.number, stage.total, stage.name)
}

impl Progress for Terminal {
    fn stage_started(&self, stage: StageInfo<'_>) {
        let title = title(stage);
        self.with_state(|state| {
            state.stage = title.clone();
            state.note.clear();
            state.last_line = Instant::now();
        });
        match &self.bar {
            Some(bar) => {
                bar.reset();
                bar.set_message(title);
            }
            None => say(format_args!("{title} ...")),
        }
    }

    fn stage_finished(&self, stage: StageInfo<'_>, end: StageEnd) {
        let how = match end {
            StageEnd::Reused => "was done before".to_string(),
            StageEnd::Done { seconds } => format!("done in {seconds:.1} s"),
            StageEnd::Interrupted => "interrupted".to_string(),
            StageEnd::Failed => "failed".to_string(),
        };
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.say(&format!("{} {how}", title(stage)));
    }

    fn time_left(&self, all: Duration) {
        self.with_state(|state| state.end = Instant::now().checked_add(all));
    }

    fn line(&self, text: &str) {
        self.say(text);
    }

    fn message(&self, text: &str) {
        let title = self.with_state(|state| {
            state.note = format!("; {}", printable::line(text));
            format!("{}{}", state.stage, state.note)
        });
        if let Some(bar) = &self.bar {
            bar.set_message(title);
        }
    }

    fn position(&self, position: Position<'_>) {
        let Position { what, done, total, unit, per_second } = position;
        let left = position.remaining().map(|left| format!(", {} left", HumanDuration(left))).unwrap_or_default();
        let of_all = self.with_state(|state| state.end).map(|end| end.saturating_duration_since(Instant::now()));
        let left = left + &of_all.map(|all| format!(", {} of all", HumanDuration(all))).unwrap_or_default();
        let rate = per_second.map(|rate| format!(", {rate:.1} {unit}/s")).unwrap_or_default();
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(total.is_some()));
                if let Some(total) = total {
                    bar.set_length(total);
                }
                bar.set_position(done);
                bar.set_prefix(format!("{what} {unit}{rate}{left}"));
            }
            None => {
                let due = self.with_state(|state| {
                    let due = state.last_line.elapsed() >= LINE_EVERY;
                    if due {
                        state.last_line = Instant::now();
                    }
                    due.then(|| (state.stage.clone(), state.note.clone()))
                });
                if let Some((stage, note)) = due {
                    let total = total.map(|total| format!("/{total}")).unwrap_or_default();
                    say(format_args!("{stage} {what} {done}{total} {unit}{rate}{left}{note}"));
                }
            }
        }
    }
}

fn style(bounded: bool) -> ProgressStyle {
    let template = if bounded { "{msg} {wide_bar} {pos}/{len} {prefix}" } else { "{msg} {spinner} {pos} {prefix}" };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
