//! Ctrl-C and SIGTERM: a flag that long loops check, so that a run stops between two steps with
//! its checkpoint written.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit code of a program that was interrupted (128 + SIGINT, as shells have it).
pub const INTERRUPTED_EXIT_CODE: i32 = 130;

/// How soon a stop is seen by who waits: too short to be noticed, and nothing to a processor.
pub(super) const BLINK: Duration = Duration::from_millis(20);

/// A shared flag that says "stop at the next step". Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    requested: Arc<AtomicBool>,
    /// Nothing is under way that would be saved: a signal ends the process at once.
    idle: Arc<AtomicBool>,
    /// A cluster's warning that the time of this job is up: it stops too, to go on later.
    limited: Arc<AtomicBool>,
    /// Groups of work side by side in which one has failed, so that the others are in vain.
    halted: Arc<AtomicUsize>,
}

/// While it lives, a signal asks for a stop at the next step; see [`Interrupt::working`].
#[derive(Debug)]
pub(super) struct Working<'a>(&'a Interrupt);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        // Who was asked to stop ends by himself now, and says so.
        if !self.0.requested.load(Ordering::SeqCst) {
            self.0.idle.store(true, Ordering::SeqCst);
        }
    }
}

/// A stop of work side by side, which ends when this is dropped; see [`Interrupt::halt`].
#[derive(Debug)]
pub(super) struct Halt<'a> {
    interrupt: &'a Interrupt,
    called: AtomicBool,
}

impl Halt<'_> {
    /// Stops the others.
    pub(super) fn call(&self) {
        if !self.called.swap(true, Ordering::SeqCst) {
            self.interrupt.halted.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Whether they were stopped.
    pub(super) fn is_called(&self) -> bool {
        self.called.load(Ordering::SeqCst)
    }
}

impl Drop for Halt<'_> {
    fn drop(&mut self) {
        if self.is_called() {
            self.interrupt.halted.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Interrupt {
    /// A flag that no signal sets: for libraries and tests.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that the first SIGINT (Ctrl-C) or SIGTERM sets while a plan runs. The second ends the process at once
    /// with [`INTERRUPTED_EXIT_CODE`], for when the step takes too long: nothing is lost then but
    /// the work since the last checkpoint. So does the first one before there is a run (while images are read, or blocks
    /// timed) and after it: there is nothing to save. What a signal leads to is told to `tell` at once, a line each time, on a
    /// thread of its own.
    ///
    /// # Errors
    /// The system's error if the signals cannot be caught.
    pub fn install(tell: impl Fn(&str) + Send + 'static) -> std::io::Result<Self> {
        let interrupt = Self::new();
        interrupt.idle.store(true, Ordering::SeqCst);
        let is_heard = listen(&interrupt, tell);
        for signal in [SIGINT, SIGTERM] {
            if !is_heard {
                flag::register_conditional_shutdown(signal, INTERRUPTED_EXIT_CODE, Arc::clone(&interrupt.idle))?;
            }
            // The order matters: the first signal finds the flag unset here and sets it below.
            let flag = &interrupt.requested;
            flag::register_conditional_shutdown(signal, INTERRUPTED_EXIT_CODE, Arc::clone(flag))?;
            flag::register(signal, Arc::clone(flag))?;
        }
        Ok(interrupt)
    }

    /// From here on SIGUSR1 asks for the stop as well, and [`Interrupt::is_limited`] tells: clusters send it, where they are asked to,
    /// some time before a job's limit.
    ///
    /// # Errors
    /// The system's error if the signal cannot be caught.
    pub fn heed_time_limit(&self) -> std::io::Result<()> {
        #[cfg(unix)]
        {
            use signal_hook::consts::SIGUSR1;
            flag::register(SIGUSR1, Arc::clone(&self.limited))?;
            flag::register(SIGUSR1, Arc::clone(&self.requested))?;
        }
        Ok(())
    }

    /// Whether the stop was asked for since the time of this job is up.
    pub fn is_limited(&self) -> bool {
        self.limited.load(Ordering::SeqCst)
    }

    /// Asks for the stop, as a signal does.
    pub fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
    }

    /// Whether the stop was asked for, or is wanted since other work has failed that this one was beside.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst) || self.halted.load(Ordering::SeqCst) > 0
    }

    /// Sleeps for so long, or until the stop is asked for.
    pub(super) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_requested() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(BLINK));
        }
    }

    /// From here on there is work whose state is saved when a stop is asked for.
    pub(super) fn working(&self) -> Working<'_> {
        self.idle.store(false, Ordering::SeqCst);
        Working(self)
    }

    /// For work side by side: stops the others when one has failed.
    pub(super) fn halt(&self) -> Halt<'_> {
        Halt { interrupt: self, called: AtomicBool::new(false) }
    }

    /// For loops: `interrupt.check()?` after the checkpoint is written.
    ///
    /// # Errors
    /// [`Interrupted`] once the stop was asked for.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_requested() { Err(Interrupted) } else { Ok(()) }
    }
}

/// Says what each signal leads to, and ends the process where nothing would be saved. Whether there is a thread for it: without
/// one, signals do their work in silence.
#[cfg(unix)]
fn listen(interrupt: &Interrupt, tell: impl Fn(&str) + Send + 'static) -> bool {
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return false };
    let idle = Arc::clone(&interrupt.idle);
    let heard = move || {
        for _ in signals.forever() {
            if idle.load(Ordering::SeqCst) {
                tell("interrupted: no work was under way, so nothing is lost");
                signal_hook::low_level::exit(INTERRUPTED_EXIT_CODE);
            }
            tell("stopping after this step, which is saved; once more (Ctrl-C) stops at once");
        }
    };
    std::thread::Builder::new().name("signals".to_string()).spawn(heard).is_ok()
}

#[cfg(not(unix))]
fn listen(_: &Interrupt, _: impl Fn(&str) + Send + 'static) -> bool {
    false
}

/// A file that grows beyond the limit of its user (`ulimit -f`) is from now on an error of the write, which can be told, and no
/// longer a signal that ends the process.
///
/// # Errors
/// The system's error if the signal cannot be caught.
pub fn outlive_file_size_limit() -> std::io::Result<()> {
    #[cfg(unix)]
    flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    Ok(())
}

/// The work stopped because it was asked to. Not a failure: the state is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted, what is done is saved")
    }
}

impl Error for Interrupted {
    // An error that wraps another transparently passes on its source, not the error itself. With
    // this mark as the source, `is_interrupted` finds the interruption through such wrappers too.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Mark)
    }
}

#[derive(Debug)]
struct Mark;

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ctrl-C or SIGTERM")
    }
}

impl Error for Mark {}

/// Whether an error says that the work was interrupted: it is [`Interrupted`] or has it among its
/// causes. The program ends with [`INTERRUPTED_EXIT_CODE`] then.
pub fn is_interrupted(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<Interrupted>() || error.is::<Mark>() {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum TrainError {
        #[error(transparent)]
        Transparent(#[from] Interrupted),
        #[error("epoch {epoch}: {source}")]
        Named { epoch: usize, source: Interrupted },
        #[error("loss is NaN")]
        Nan,
    }

    #[test]
    fn the_flag_is_shared_and_checked() {
        let interrupt = Interrupt::new();
        let other = interrupt.clone();
        assert_eq!(interrupt.check(), Ok(()));
        other.request();
        assert_eq!(interrupt.check(), Err(Interrupted));
    }

    #[test]
    fn a_pause_ends_with_the_wish_to_stop() {
        let interrupt = Interrupt::new();
        let began = Instant::now();
        interrupt.pause(Duration::from_millis(30));
        assert!(began.elapsed() >= Duration::from_millis(30));
        let other = interrupt.clone();
        let asks = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            other.request();
        });
        interrupt.pause(Duration::from_secs(600));
        assert!(began.elapsed() < Duration::from_secs(300));
        asks.join().unwrap();
    }

    #[test]
    fn an_interruption_is_seen_through_wrappers() {
        assert!(is_interrupted(&Interrupted));
        assert!(is_interrupted(&TrainError::Transparent(Interrupted)));
        assert!(is_interrupted(&TrainError::Named { epoch: 3, source: Interrupted }));
        assert!(!is_interrupted(&TrainError::Nan));
        assert!(!is_interrupted(&std::io::Error::other("disk")));
    }
}
