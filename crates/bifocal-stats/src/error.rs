//! What can fail in this crate.

/// What can fail in this crate: next to nothing, for the numbers are checked where they enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The two sketches were made with different accuracies, so that their bins do not match.
    #[error("merge quantile sketches of different accuracies")]
    MergeSketches,
}
