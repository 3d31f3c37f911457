//! Independent pieces of work side by side.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, Builder};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::interrupt::{Interrupt, is_interrupted};

/// The system gave no thread.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the system gives no worker thread ({reason}): use fewer (`--threads 1`), or let this user have more processes \
     (`ulimit -u`) or memory (`ulimit -v`)"
)]
pub struct NoThreads {
    reason: String,
}

impl NoThreads {
    fn new(error: &dyn Error) -> Self {
        // The pool's own error says less than what the system said.
        Self { reason: error.source().map_or_else(|| error.to_string(), ToString::to_string) }
    }
}

impl From<ThreadPoolBuildError> for NoThreads {
    fn from(error: ThreadPoolBuildError) -> Self {
        Self::new(&error)
    }
}

/// A pool of so many threads; 0 for one per core.
///
/// # Errors
/// [`NoThreads`].
pub fn thread_pool(threads: usize) -> Result<ThreadPool, NoThreads> {
    Ok(ThreadPoolBuilder::new().num_threads(threads).build()?)
}

/// Makes the threads that all work of this process runs on; 0 for one per core. What is there already stays.
///
/// # Errors
/// [`NoThreads`].
pub fn start_threads(threads: usize) -> Result<(), NoThreads> {
    match ThreadPoolBuilder::new().num_threads(threads).build_global() {
        // Without a cause, the pool is there already.
        Err(error) if error.source().is_some() => Err(error.into()),
        _ => Ok(()),
    }
}

/// Runs `work` on every item and hands each result to `done`, in the order in which they end.
///
/// The threads of the current pool are shared out among as many lanes as there are items, at most one lane per thread;
/// each lane works on one item after the other in a pool of its own. So many small trainings keep all threads busy,
/// which one small training cannot. What an item gives must not depend on its lane: kernels' results do not depend on the
/// number of threads.
///
/// The first error ends it: others are not begun, and those under way find `interrupt` requested, so that they stop at their
/// next step instead of hours later. Their results are dropped.
///
/// # Errors
/// The first error of `work` or `done` that is no interruption by another; [`NoThreads`].
pub fn in_lanes<T, R, E>(
    interrupt: &Interrupt,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
    mut done: impl FnMut(usize, R) -> Result<(), E>,
) -> Result<(), E>
where
    T: Sync,
    R: Send,
    E: Error + Send + From<NoThreads> + 'static,
{
    let threads = rayon::current_num_threads();
    let lanes = threads.min(items.len()).max(1);
    let pools =
        (0..lanes).map(|lane| thread_pool(share(threads, lanes, lane))).collect::<Result<Vec<_>, NoThreads>>()?;
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    let halt = interrupt.halt();
    thread::scope(|scope| {
        let mut first = Ok(());
        for pool in &pools {
            let (sender, next, work, halt) = (sender.clone(), &next, &work, &halt);
            let lane = move || {
                while !halt.is_called() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    // Nobody listens any more after an error.
                    if sender.send((index, pool.install(|| work(item)))).is_err() {
                        break;
                    }
                }
            };
            if let Err(error) = Builder::new().spawn_scoped(scope, lane) {
                halt.call();
                first = Err(NoThreads { reason: error.to_string() }.into());
                break;
            }
        }
        drop(sender);
        for (index, result) in results {
            let ended = match first {
                Ok(()) => result.and_then(|value| done(index, value)),
                // One that was stopped by another's error may be heard before it.
                Err(ref error) if is_interrupted(error) => result.map(drop),
                Err(_) => continue,
            };
            if let Err(error) = ended
                && (first.is_ok() || !is_interrupted(&error))
            {
                halt.call();
                first = Err(error);
            }
        }
        first
    })
}

/// Threads of one lane: as even as can be, the rest to the first ones.
fn share(threads: usize, lanes: usize, lane: usize) -> usize {
    threads / lanes + usize::from(lane < threads % lanes)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    use super::super::interrupt::Interrupted;

    #[derive(Debug, PartialEq, thiserror::Error)]
    enum Failed {
        #[error("item {0}")]
        Item(usize),
        #[error(transparent)]
        Threads(#[from] NoThreads),
        #[error(transparent)]
        Interrupted(#[from] Interrupted),
    }

    fn pool(threads: usize) -> rayon::ThreadPool {
        thread_pool(threads).unwrap()
    }

    #[test]
    fn every_item_is_done_once_and_threads_are_shared_out() {
        for (threads, count) in [(1, 5), (2, 5), (5, 2), (3, 0)] {
            let items: Vec<usize> = (0..count).collect();
            let seen = Mutex::new(Vec::new());
            let mut results = vec![None; count];
            let work = |item: &usize| {
                seen.lock().unwrap().push(rayon::current_num_threads());
                Ok::<_, Failed>(item * 10)
            };
            let done = |index: usize, value| {
                results[index] = Some(value);
                Ok(())
            };
            pool(threads).install(|| in_lanes(&Interrupt::new(), &items, work, done)).unwrap();
            assert_eq!(results, items.iter().map(|item| Some(item * 10)).collect::<Vec<_>>());
            let each = seen.into_inner().unwrap();
            let allowed = threads / threads.min(count).max(1);
            assert!(each.iter().all(|&own| own == allowed || own == allowed + 1), "{threads} threads: {each:?}");
        }
    }

    #[test]
    fn the_first_error_ends_it() {
        let items: Vec<usize> = (0..1000).collect();
        let begun = AtomicUsize::new(0);
        let work = |item: &usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err(Failed::Item(3)) } else { Ok(()) }
        };
        let error = pool(2).install(|| in_lanes(&Interrupt::new(), &items, work, |_, ()| Ok(()))).unwrap_err();
        assert_eq!(error, Failed::Item(3));
        let refused =
            pool(2).install(|| in_lanes(&Interrupt::new(), &items, |_| Ok(()), |index, ()| Err(Failed::Item(index))));
        assert!(matches!(refused, Err(Failed::Item(_))), "{refused:?}");
    }
    #[test]
    fn an_error_stops_what_is_under_way_and_is_the_one_that_is_told() {
        let interrupt = Interrupt::new();
        let (begun, waits) = channel();
        let waits = Mutex::new(waits);
        let work = |item: &usize| match item {
            // A training without end, which looks at the flag after each step.
            0 => {
                begun.send(()).unwrap();
                loop {
                    interrupt.check()?;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            _ => {
                waits.lock().unwrap().recv().unwrap();
                Err(Failed::Item(*item))
            }
        };
        let ended: Result<(), Failed> = pool(2).install(|| in_lanes(&interrupt, &[0, 1], work, |_, ()| Ok(())));
        assert_eq!(ended, Err(Failed::Item(1)));
        // Nobody asked the run to stop.
        assert_eq!(interrupt.check(), Ok(()));
        interrupt.request();
        let ended = pool(2).install(|| in_lanes(&interrupt, &[0, 0], |_| Ok(interrupt.check()?), |_, ()| Ok(())));
        assert_eq!(ended, Err(Failed::Interrupted(Interrupted)));
    }
}
