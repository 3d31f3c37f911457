//! Feature maps that several architectures have in common.

use burn::tensor::Tensor;

use super::pass::Observation;

/// Feature maps kept for later architectures, by what they were computed from. Beyond its limit it forgets those that
/// were not asked for longest.
///
/// It is good for one batch of images, one [`NormMode`](super::NormMode) and unchanged weights; with
/// [`NormMode::Calibrated`](super::NormMode::Calibrated), if all calibrations come from the same batches too. Scores
/// are the same bits with and without it.
#[derive(Debug)]
pub struct Memo {
    /// The last one was asked for last.
    entries: Vec<Entry>,
    limit: usize,
}

#[derive(Debug)]
struct Entry {
    key: Vec<u8>,
    value: Tensor<4>,
    /// What batch norms saw on the way.
    seen: Vec<Observation>,
}

impl Entry {
    fn bytes(&self) -> usize {
        size_of::<f32>() * self.value.dims().iter().product::<usize>()
    }
}

impl Default for Memo {
    /// Keeps up to 256 MiB: in cells of six edges, the maps of the present prefix for batches of some hundred images.
    fn default() -> Self {
        Self::new(256 << 20)
    }
}

impl Memo {
    /// Keeps up to `limit` bytes of feature maps; with 0 none.
    pub fn new(limit: usize) -> Self {
        Self { entries: Vec::new(), limit }
    }

    pub(super) fn get(&mut self, key: &[u8]) -> Option<(Tensor<4>, &[Observation])> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.remove(at);
        self.entries.push(entry);
        self.entries.last().map(|entry| (entry.value.clone(), &entry.seen[..]))
    }

    pub(super) fn put(&mut self, key: &[u8], value: Tensor<4>, seen: Vec<Observation>) {
        self.entries.push(Entry { key: key.to_vec(), value, seen });
        let mut bytes: usize = self.entries.iter().map(Entry::bytes).sum();
        let mut forgotten = 0;
        while bytes > self.limit {
            bytes -= self.entries[forgotten].bytes();
            forgotten += 1;
        }
        self.entries.drain(..forgotten);
    }
}
