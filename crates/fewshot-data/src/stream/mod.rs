//! Data sets that do not fit into memory: an index of where each image lies, and images read and decoded when they come.

mod batches;
mod loader;
mod order;
mod reading;
mod source;

pub use batches::StreamBatches;
pub use loader::{StreamEval, StreamLoader};
pub use source::{SealedStream, Stream, StreamSource, open_stream};
