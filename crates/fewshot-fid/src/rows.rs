//! Rows of numbers, one row for each image.

use super::FidError;

/// `numbers` as rows of `width`, with the first number that is NaN or infinite refused. `before` rows came earlier.
pub(crate) fn checked_rows<T: Copy + Into<f64>>(
    numbers: &[T],
    width: usize,
    before: u64,
) -> Result<std::slice::ChunksExact<'_, T>, FidError> {
    if !numbers.len().is_multiple_of(width) {
        return Err(FidError::Rows { length: numbers.len(), width });
    }
    for (index, &number) in numbers.iter().enumerate() {
        let value: f64 = number.into();
        if !value.is_finite() {
            return Err(FidError::NotFinite { row: before + (index / width) as u64, column: index % width, value });
        }
    }
    Ok(numbers.chunks_exact(width))
}

/// `length` zeros, if there is memory for them.
pub(crate) fn zeros(length: usize, what: &'static str) -> Result<Vec<f64>, FidError> {
    let mut made = Vec::new();
    made.try_reserve_exact(length)
        .map_err(|_| FidError::Memory { what, bytes: length.saturating_mul(size_of::<f64>()) })?;
    made.resize(length, 0.0);
    Ok(made)
}
