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
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

const LINE: usize = 16;

/// At most this many bytes wait for reuse; what comes beyond is given back to the system.
const CAPACITY: usize = 1 << 30;

#[derive(Default)]
struct Free {
    bytes: usize,
    by_lines: BTreeMap<usize, Vec<Vec<Line>>>,
}

static FREE: Mutex<Free> = Mutex::new(Free { bytes: 0, by_lines: BTreeMap::new() });

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
            let lines = free.by_lines.get_mut(&class)?.pop()?;
            free.bytes -= class * size_of::<Line>();
            Some(lines)
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
        let bytes = lines.len() * size_of::<Line>();
        if let Ok(mut free) = FREE.lock()
            && free.bytes + bytes <= CAPACITY
        {
            free.bytes += bytes;
            free.by_lines.entry(lines.len()).or_default().push(lines);
        }
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
    buffers.truncate(N);
    for (i, len) in lens.into_iter().enumerate() {
        match buffers.get_mut(i) {
            Some(buffer) if buffer.len() >= len => {}
            Some(buffer) => *buffer = Buffer::zeros(len),
            None => buffers.push(Buffer::zeros(len)),
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
