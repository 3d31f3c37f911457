//! Buffers that are used again.
//!
//! A training step frees and allocates the same large feature maps over and over. Handing them to
//! the system and faulting them in again costs as much as a pass over memory, so freed buffers
//! wait here for the next tensor of their size. Memory is zeroed once, when it is first
//! allocated: a reused buffer holds old values, never uninitialised ones.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::sync::Mutex;

use burn_flex::{FlexTensor, Layout};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes, DType, Shape};

/// One cache line: the unit and the alignment of all buffers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// This many bytes may wait for reuse, and more as long as those in use and those that wait are together no more than were in use at
/// once not long ago: what a large network's step frees on its way back, the next one wants on its way forth. What comes beyond is
/// given back to the system.
const CAPACITY: usize = 1 << 30;
/// Requests that are not long ago: those of the last so many, and of as many before them; some steps of large networks.
const RECENT: u64 = 1 << 16;

/// Buffers that wait, by their size in lines.
struct Free {
    bytes: usize,
    /// Bytes of buffers in use.
    used: usize,
    /// The most of these since the clock was last a multiple of [`RECENT`], and in the time before.
    most: [usize; 2],
    /// Requests so far.
    clock: u64,
    by_lines: BTreeMap<usize, Waiting>,
}

/// Buffers of one size.
#[derive(Default)]
struct Waiting {
    buffers: Vec<Vec<Line>>,
    /// When one of this size was last wanted.
    wanted: u64,
}

static FREE: Mutex<Free> = Mutex::new(Free::new());

impl Free {
    const fn new() -> Self {
        Self { bytes: 0, used: 0, most: [0; 2], clock: 0, by_lines: BTreeMap::new() }
    }

    /// Notes that a buffer of `lines` lines is in use from now on.
    fn lend(&mut self, lines: usize) {
        self.used += lines * size_of::<Line>();
        if self.clock.is_multiple_of(RECENT) {
            self.most = [0, self.most[0]];
        }
        self.most[0] = self.most[0].max(self.used);
    }

    /// Takes a buffer back: it waits, if there is room for it in `least` bytes or in what was in use not long ago. Returned is what
    /// has to be freed.
    fn take_back(&mut self, buffer: Vec<Line>, least: usize) -> Vec<Vec<Line>> {
        self.used -= buffer.len() * size_of::<Line>();
        let once_used = self.most[0].max(self.most[1]).saturating_sub(self.used);
        self.give(buffer, least.max(once_used))
    }

    /// A buffer of `lines` lines, or up to half as many more: paths of a supernet have ever other sizes, and each new one would be
    /// memory that the system has to clear.
    fn take(&mut self, lines: usize) -> Option<Vec<Line>> {
        self.clock += 1;
        let clock = self.clock;
        self.by_lines.entry(lines).or_default().wanted = clock;
        let mut near = self.by_lines.range_mut(lines..=lines + lines / 2);
        let (size, waiting) = near.find(|(_, waiting)| !waiting.buffers.is_empty())?;
        waiting.wanted = clock;
        self.bytes -= size * size_of::<Line>();
        waiting.buffers.pop()
    }

    /// Lets a buffer wait. Where there is no room, what was wanted least recently gives way: returned, to be freed without the lock.
    fn give(&mut self, buffer: Vec<Line>, capacity: usize) -> Vec<Vec<Line>> {
        let bytes = buffer.len() * size_of::<Line>();
        if bytes > capacity {
            return vec![buffer];
        }
        let mut freed = Vec::new();
        while self.bytes + bytes > capacity {
            let held = self.by_lines.iter_mut().filter(|(_, waiting)| !waiting.buffers.is_empty());
            let Some((size, oldest)) = held.min_by_key(|(_, waiting)| waiting.wanted) else { break };
            self.bytes -= size * size_of::<Line>();
            freed.extend(oldest.buffers.pop());
        }
        self.bytes += bytes;
        self.by_lines.entry(buffer.len()).or_default().buffers.push(buffer);
        freed
    }
}

/// Rounds up so that sizes that differ little share a class: at most an eighth is wasted.
fn class(len: usize) -> usize {
    let lines = len.div_ceil(LINE).max(1);
    let step = (lines.next_power_of_two() / 16).max(1);
    lines.next_multiple_of(step)
}

/// A buffer of floats, aligned to cache lines, that returns to the free list when dropped.
pub(crate) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// A buffer of `len` floats with arbitrary old contents.
    pub(crate) fn new(len: usize) -> Self {
        let class = class(len);
        let reused = FREE.lock().ok().and_then(|mut free| {
            let reused = free.take(class);
            free.lend(reused.as_ref().map_or(class, Vec::len));
            reused
        });
        let mut buffer = Self { lines: reused.unwrap_or_else(|| vec![Line([0.0; LINE]); class]), len };
        if cfg!(debug_assertions) {
            // An element that a kernel forgets to write must show up in the tests.
            buffer.fill(f32::NAN);
        }
        buffer
    }

    /// A buffer of `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut buffer = Self::new(len);
        buffer.fill(0.0);
        buffer
    }

    /// The tensor of this shape over the buffer.
    pub(crate) fn into_tensor(self, shape: impl Into<Shape>) -> FlexTensor {
        let shape = shape.into();
        assert!(shape.num_elements() == self.len, "buffer and shape differ");
        let bytes = self.len * size_of::<f32>();
        // SAFETY: all of the first `bytes` bytes are initialised floats.
        let bytes = unsafe { Bytes::from_controller(Box::new(self), bytes) };
        FlexTensor::new(bytes, Layout::contiguous(shape), DType::F32)
    }
}

impl std::ops::Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `lines` holds at least `len` floats, all initialised, without padding.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl std::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and the buffer is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let freed = FREE.lock().map(|mut free| free.take_back(lines, CAPACITY));
        drop(freed);
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, _policy: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let len = self.len * size_of::<f32>();
        // SAFETY: `lines` holds `len` bytes; the caller promises to write initialised data only.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), len) })
    }

    fn memory(&self, _policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let len = self.len * size_of::<f32>();
        // SAFETY: `lines` holds `len` initialised bytes.
        Ok(unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), len) })
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// Lends this thread's scratch buffers, one for each wanted length and at least that long, with
/// arbitrary contents: NaN under debug assertions, so that reading what was not written shows.
pub(crate) fn with_scratch<const N: usize, R>(lens: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> R) -> R {
    // Taken out for the time of the work: a nested call (rayon may run another job of ours on
    // this thread while it waits) then finds an empty list and makes its own.
    let mut buffers = SCRATCH.with(|scratch| std::mem::take(&mut *scratch.borrow_mut()));
    // Those that this work has no use for stay: the next may be of another kernel, and kernels take turns.
    for (i, len) in lens.into_iter().enumerate() {
        match buffers.get_mut(i) {
            Some(buffer) if buffer.len() >= len => {}
            Some(buffer) => *buffer = Buffer::new(len),
            None => buffers.push(Buffer::new(len)),
        }
    }
    let mut parts = buffers.iter_mut();
    let result = work(std::array::from_fn(|_| match parts.next() {
        Some(buffer) => {
            if cfg!(debug_assertions) {
                buffer.fill(f32::NAN);
            }
            &mut buffer[..]
        }
        None => &mut [],
    }));
    SCRATCH.with(|scratch| *scratch.borrow_mut() = buffers);
    result
}

/// The tensor's elements in order, copied first where its layout is another.
pub(crate) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// The elements of a tensor that went through [`contiguous`].
pub(crate) fn elements(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice::<f32>().expect("the tensor is contiguous and of f32, `contiguous` saw to it")
}

/// The elements for changing in place, when nothing else holds them.
pub(crate) fn elements_mut(tensor: &mut FlexTensor) -> Option<&mut [f32]> {
    let (start, end) = tensor.layout().contiguous_offsets()?;
    tensor.try_storage_mut::<f32>()?.get_mut(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<Line> {
        vec![Line([0.0; LINE]); count]
    }

    #[test]
    fn scratch_stays_when_kernels_that_want_more_and_less_take_turns() {
        let places = || {
            let three = with_scratch([64, 32, 16], |parts| parts.map(|part| part.as_ptr() as usize));
            let one = with_scratch([48], |parts| parts.map(|part| (part.as_ptr() as usize, part.len())));
            (three, one)
        };
        let (three, one) = places();
        assert_eq!((one[0].0, one[0].1 >= 48), (three[0], true), "the first serves for a smaller one too");
        assert_eq!(places(), (three, one));
        // One that is wanted longer takes the place of one, and no other moves.
        let longer = with_scratch([4, 4096], |parts| parts.map(|part| (part.as_ptr() as usize, part.len())));
        assert_eq!((longer[0].0, longer[1].1 >= 4096), (three[0], true));
        let again = with_scratch([64, 32, 16], |parts| parts.map(|part| part.as_ptr() as usize));
        assert_eq!(again, [three[0], longer[1].0, three[2]]);
    }

    #[test]
    fn a_buffer_serves_for_a_smaller_one_of_nearly_its_size() {
        let mut free = Free::new();
        for count in [100, 150, 400] {
            assert!(free.give(lines(count), 1 << 20).is_empty());
        }
        assert_eq!(free.take(100).map(|found| found.len()), Some(100), "the same size first");
        assert_eq!(free.take(100).map(|found| found.len()), Some(150));
        assert_eq!(free.take(100), None, "400 would be a waste");
        assert_eq!(free.bytes, 400 * size_of::<Line>());
    }

    #[test]
    fn as_much_waits_as_was_in_use_not_long_ago() {
        let mut free = Free::new();
        let line = size_of::<Line>();
        let in_use = |free: &mut Free, count: usize| {
            let buffer = free.take(count).unwrap_or_else(|| lines(count));
            free.lend(buffer.len());
            buffer
        };
        // A step that holds ten buffers at once: all wait for the next one, though only two have room otherwise.
        for _ in 0..3 {
            let held: Vec<Vec<Line>> = (0..10).map(|_| in_use(&mut free, 8)).collect();
            assert_eq!((free.used, free.most[0]), (80 * line, 80 * line));
            assert!(held.into_iter().all(|buffer| free.take_back(buffer, 16 * line).is_empty()));
            assert_eq!((free.used, free.bytes), (0, 80 * line));
        }
        // Steps that hold one: after a while the others are given back.
        for _ in 0..2 * RECENT + 1 {
            let buffer = in_use(&mut free, 8);
            free.take_back(buffer, 16 * line);
        }
        assert_eq!((free.used, free.bytes), (0, 16 * line));
    }

    #[test]
    fn what_was_not_wanted_for_long_gives_way() {
        let (mut free, capacity) = (Free::new(), 10 * size_of::<Line>());
        assert!(free.take(4).is_none() && free.take(6).is_none());
        for count in [4, 6] {
            assert!(free.give(lines(count), capacity).is_empty());
        }
        assert!(free.take(3).is_some_and(|found| found.len() == 4));
        let freed = free.give(lines(8), capacity);
        assert_eq!(freed.iter().map(Vec::len).collect::<Vec<_>>(), [6], "6 was wanted before 4");
        let freed = free.give(lines(11), capacity);
        assert_eq!(freed.iter().map(Vec::len).collect::<Vec<_>>(), [11], "and what never fits is not kept");
        assert_eq!(free.bytes, 8 * size_of::<Line>());
    }
}
