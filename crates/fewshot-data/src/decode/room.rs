//! The memory that images take while they are decoded, bounded over all threads.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that images may take while they are decoded, all threads together. One image alone may take more.
pub(crate) const ROOM: u64 = 512 << 20;

static TAKEN: Mutex<u64> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// Room for one image, until it is dropped.
pub(super) struct Room(u64);

impl Room {
    /// Waits until `bytes` are free. An image that takes more than there is waits until it is alone.
    pub fn take(bytes: u64) -> Room {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut u64| *taken > 0 && taken.saturating_add(bytes) > ROOM;
        let mut taken = FREED.wait_while(taken, full).unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Room(bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        FREED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_images_wait_for_each_other_and_none_forever() {
        let largest = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let _room = Room::take(2 * ROOM);
                    largest.fetch_max(*TAKEN.lock().unwrap(), std::sync::atomic::Ordering::Relaxed);
                });
            }
        });
        assert_eq!(largest.into_inner(), 2 * ROOM);
    }
}
