//! Sizes that are decoded.

/// Longest side that is decoded. Larger headers are taken for damage, not for a reason to ask for gigabytes.
pub(super) const MAX_SIDE: usize = 16_384;
/// Most pixels that are decoded, as above.
pub(super) const MAX_PIXELS: usize = 1 << 27;

pub(super) fn check(height: usize, width: usize) -> Result<(), String> {
    if height == 0 || width == 0 {
        return Err(format!("its size is {height}x{width}"));
    }
    if height.max(width) > MAX_SIDE || height.saturating_mul(width) > MAX_PIXELS {
        return Err(format!("its size is {height}x{width}; sides to {MAX_SIDE} and {MAX_PIXELS} pixels are read"));
    }
    Ok(())
}

/// Refuses a file of `length` bytes whose pixels need at least `least`, before memory is asked for them.
pub(super) fn compressed_to(length: usize, least: usize, (height, width): (usize, usize)) -> Result<(), String> {
    match length < least {
        true => Err(format!(
            "it is cut off: its header announces {height}x{width} pixels, which {length} bytes cannot hold"
        )),
        false => Ok(()),
    }
}
