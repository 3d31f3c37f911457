//! Independent pieces of work side by side.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};

/// Runs `work` on every item and hands each result to `done`, in the order in which they end.
///
/// The threads of the current pool are shared out among as many lanes as there are items, at most one lane per thread;
/// each lane works on one item after the other in a pool of its own. So many small trainings keep all threads busy,
/// which one small training cannot. What an item gives must not depend on its lane: kernels' results do not depend on the
/// number of threads.
///
/// The first error ends it: items under way are finished and their results dropped, others not begun.
///
/// # Errors
/// The first error of `work` or `done`; [`ThreadPoolBuildError`] when the system gives no threads.
pub fn in_lanes<T, R, E>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
    mut done: impl FnMut(usize, R) -> Result<(), E>,
) -> Result<(), E>
where
    T: Sync,
    R: Send,
    E: Send + From<ThreadPoolBuildError>,
{
    let threads = rayon::current_num_threads();
    let lanes = threads.min(items.len()).max(1);
    let pools = (0..lanes)
        .map(|lane| ThreadPoolBuilder::new().num_threads(share(threads, lanes, lane)).build())
        .collect::<Result<Vec<_>, _>>()?;
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for pool in &pools {
            let (sender, next, stop, work) = (sender.clone(), &next, &stop, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    // Nobody listens any more after an error.
                    if sender.send((index, pool.install(|| work(item)))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut first = Ok(());
        for (index, result) in results {
            if first.is_ok() {
                first = result.and_then(|value| done(index, value));
                stop.store(first.is_err(), Ordering::Relaxed);
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

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Failed {
        Item(usize),
        Threads,
    }

    impl From<ThreadPoolBuildError> for Failed {
        fn from(_: ThreadPoolBuildError) -> Self {
            Failed::Threads
        }
    }

    fn pool(threads: usize) -> rayon::ThreadPool {
        ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
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
            pool(threads).install(|| in_lanes(&items, work, done)).unwrap();
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
        let error = pool(2).install(|| in_lanes(&items, work, |_, ()| Ok(()))).unwrap_err();
        assert_eq!(error, Failed::Item(3));
        let refused = pool(2).install(|| in_lanes(&items, |_| Ok(()), |index, ()| Err(Failed::Item(index))));
        assert!(matches!(refused, Err(Failed::Item(_))), "{refused:?}");
    }
}
