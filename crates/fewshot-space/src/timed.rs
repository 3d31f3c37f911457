use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::arch::Arch;
use crate::around::Around;
use crate::space::Space;

/// Predictions that are kept; a space with more architectures than that has its others predicted anew.
const KEPT: usize = 1 << 20;

/// A space whose networks have a predicted latency; in all else it is the space that it was made from.
pub struct Timed {
    space: Arc<dyn Space>,
    predict: Box<Predict>,
    known: Mutex<HashMap<Arch, Option<u64>>>,
}

/// Microseconds for one image, where they are known.
type Predict = dyn Fn(&Arch) -> Option<u64> + Send + Sync;

impl Timed {
    /// `space` with what `predict` says: microseconds for one image, the same each time it is asked.
    pub fn new(space: Arc<dyn Space>, predict: impl Fn(&Arch) -> Option<u64> + Send + Sync + 'static) -> Timed {
        Timed { space, predict: Box::new(predict), known: Mutex::default() }
    }
}

impl fmt::Debug for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed").field("space", &self.space).finish_non_exhaustive()
    }
}

impl Around for Timed {
    fn inside(&self) -> &dyn Space {
        self.space.as_ref()
    }

    fn predicted(&self, arch: &Arch) -> Option<u64> {
        // A thread that panicked while it held the lock left a whole map: entries are put in complete.
        let mut known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(latency) = known.get(arch) {
            return *latency;
        }
        let latency = (self.predict)(arch);
        if known.len() < KEPT {
            known.insert(arch.clone(), latency);
        }
        latency
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::cells::cell1296;
    use crate::feature::{Feature, Filter};
    use crate::region::Region;

    #[test]
    fn a_region_is_limited_by_predictions_and_each_is_made_once() {
        let plain: Arc<dyn Space> = Arc::new(cell1296::cell1296(cell1296::default_skeleton()));
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let timed: Arc<dyn Space> = Arc::new(Timed::new(plain.clone(), move |arch| {
            counter.fetch_add(1, Ordering::Relaxed);
            // Nothing is known of one operation.
            (arch.get(1) != 5).then(|| 100 * arch.get(0) as u64)
        }));
        let limited = Region::full(timed.clone()).filtered(Filter::at_most(Feature::Latency, 200));
        // Three of six operations on the first edge, five of six on the second.
        assert_eq!(limited.size().unwrap(), 3 * 5 * 36);
        assert_eq!(limited.size().unwrap(), 3 * 5 * 36);
        assert_eq!(asked.load(Ordering::Relaxed), 1296);
        // Without predictions no limit is kept, so nothing passes.
        assert_eq!(Region::full(plain).filtered(Filter::at_most(Feature::Latency, 200)).size().unwrap(), 0);
    }
}
