//! Ctrl-C and SIGTERM: a flag that long loops check, so that a run stops between two steps with
//! its checkpoint written.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit code of a program that was interrupted (128 + SIGINT, as shells have it).
pub const INTERRUPTED_EXIT_CODE: i32 = 130;

/// A shared flag that says "stop at the next step". Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    requested: Arc<AtomicBool>,
}

impl Interrupt {
    /// A flag that no signal sets: for libraries and tests.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that the first SIGINT (Ctrl-C) or SIGTERM sets. The second ends the process at once
    /// with [`INTERRUPTED_EXIT_CODE`], for when the step takes too long: nothing is lost then but
    /// the work since the last checkpoint.
    ///
    /// # Errors
    /// The system's error if the signals cannot be caught.
    pub fn install() -> std::io::Result<Self> {
        let interrupt = Self::new();
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the first signal finds the flag unset here and sets it below.
            let flag = &interrupt.requested;
            flag::register_conditional_shutdown(signal, INTERRUPTED_EXIT_CODE, Arc::clone(flag))?;
            flag::register(signal, Arc::clone(flag))?;
        }
        Ok(interrupt)
    }

    /// Asks for the stop, as a signal does.
    pub fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
    }

    /// Whether the stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }

    /// For loops: `interrupt.check()?` after the checkpoint is written.
    ///
    /// # Errors
    /// [`Interrupted`] once the stop was asked for.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_requested() { Err(Interrupted) } else { Ok(()) }
    }
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
    fn an_interruption_is_seen_through_wrappers() {
        assert!(is_interrupted(&Interrupted));
        assert!(is_interrupted(&TrainError::Transparent(Interrupted)));
        assert!(is_interrupted(&TrainError::Named { epoch: 3, source: Interrupted }));
        assert!(!is_interrupted(&TrainError::Nan));
        assert!(!is_interrupted(&std::io::Error::other("disk")));
    }
}
