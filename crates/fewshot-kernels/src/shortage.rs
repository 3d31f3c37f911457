//! Out of memory: one line and an exit code, not an abort.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// An allocator that, where `A` has no memory left, says so in one line on standard error and ends the process with exit code 1.
///
/// Rust's own answer is an abort, which looks like a fault of the program. What a run has saved so far stays. Set it as the
/// global allocator of a program; code that would rather be told (`try_reserve`) is not.
#[derive(Debug, Default)]
pub struct OneLine<A>(pub A);

/// A thread has begun to end the process.
static ENDING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// It is this one. Needs no memory itself.
    static HERE: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: all four methods hand over to `A`, an allocator, with the arguments unchanged, and return only what it returned.
unsafe impl<A: GlobalAlloc> GlobalAlloc for OneLine<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of this method, which is that of `A`.
        told(unsafe { self.0.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        told(unsafe { self.0.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; `pointer` came from `A`, since all pointers of this allocator do.
        told(unsafe { self.0.realloc(pointer, layout, size) }, size)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { self.0.dealloc(pointer, layout) }
    }
}

#[inline]
fn told(pointer: *mut u8, bytes: usize) -> *mut u8 {
    if pointer.is_null() {
        end(bytes);
    }
    pointer
}

#[cold]
fn end(bytes: usize) -> ! {
    if ENDING.swap(true, Ordering::SeqCst) {
        if HERE.get() {
            // Ending needs memory as well; the line is out.
            std::process::abort();
        }
        // Another thread is at it.
        loop {
            std::thread::park();
        }
    }
    HERE.set(true);
    let mut line = Line::default();
    // Neither may fail: the line is long enough, and if nobody listens, nobody hears it.
    let _ = writeln!(
        line,
        "fewshot: out of memory ({} more MB were asked for): use fewer threads (--threads), smaller images (--image-size), fewer \
         of them (--limit) or narrower networks, or allow more memory",
        bytes.div_ceil(1 << 20)
    );
    let _ = std::io::stderr().write_all(&line.text[..line.len]);
    std::process::exit(1)
}

/// Text without the heap.
struct Line {
    text: [u8; 320],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self { text: [0; 320], len: 0 }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = (&mut self.text[self.len..]).write(bytes)?;
        self.len += written;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    #[test]
    fn what_there_is_memory_for_is_handed_on() {
        let (allocator, layout) = (OneLine(System), Layout::from_size_align(100, 64).unwrap());
        // SAFETY: the layout is not empty, and each block is used within its size and freed once, with its layout.
        unsafe {
            let block = allocator.alloc_zeroed(layout);
            assert_eq!((*block, *block.add(99), block as usize % 64), (0, 0, 0));
            block.add(99).write(7);
            let block = allocator.realloc(block, layout, 1000);
            assert_eq!(*block.add(99), 7);
            allocator.dealloc(block, Layout::from_size_align(1000, 64).unwrap());
            let block = allocator.alloc(layout);
            allocator.dealloc(block, layout);
        }
    }

    #[test]
    fn the_line_is_built_without_the_heap_and_ends_in_time() {
        let mut line = Line::default();
        writeln!(line, "{} MB", 12).unwrap();
        assert_eq!(&line.text[..line.len], b"12 MB\n");
        assert!(write!(line, "{}", "x".repeat(400)).is_err());
        assert_eq!(line.len, 320);
    }
}
