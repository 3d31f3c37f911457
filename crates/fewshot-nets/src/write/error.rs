//! Why an operation cannot be written.

use crate::view::View;

/// An operation that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The graph names a tensor that the weights lack.
    #[error("the weights lack `{0}`, which the network needs: this is a fault of the program")]
    MissingTensor(String),
    /// A tensor has another size than its operation says.
    #[error("the tensor `{0}` has another size than the network needs: this is a fault of the program")]
    Shape(String),
    /// A batch norm without running statistics: its results depend on the other images of a batch.
    #[error("a supernet cannot be exported, its batch norms keep no statistics: train the architecture alone")]
    BatchStatistics,
    /// A weight that is divided by its spectral norm.
    #[error(
        "the weight `{0}` is divided by its spectral norm, which exported networks do not do: export the generator"
    )]
    Spectral(String),
    /// Several options at once.
    #[error("a mix of several operations cannot be exported: choose an architecture and train it alone")]
    Relaxed,
}

impl WriteError {
    pub(crate) fn shape(view: &View) -> Self {
        WriteError::Shape(view.name.to_string())
    }
}
