//! What can fail in this crate.

/// What can fail in this crate: next to nothing, for the numbers are checked where they enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The two sketches were made with different accuracies, so that their bins do not match.
    #[error("merge quantile sketches of different accuracies")]
    MergeSketches,
    /// One of two samples that are compared is empty (or holds nothing finite).
    #[error("compare with an empty sample")]
    EmptySample,
    /// Two tables of counts are not over the same categories.
    #[error("compare {left} categories with {right}")]
    CategoriesDiffer {
        /// Categories of one table.
        left: usize,
        /// Categories of the other.
        right: usize,
    },
    /// There is too little for an answer.
    #[error("answer from {have}: {need} are needed")]
    TooFew {
        /// What is there.
        have: usize,
        /// What it takes.
        need: usize,
    },
    /// There is more than the work is bounded to.
    #[error("take {have}: the limit is {limit}")]
    TooMany {
        /// What was given.
        have: usize,
        /// What is taken.
        limit: usize,
    },
    /// Vectors of different lengths, or of another length than what they are compared with.
    #[error("use a vector of {have} dimensions where {need} are due")]
    DimensionsDiffer {
        /// What was given.
        have: usize,
        /// What is due.
        need: usize,
    },
    /// All points are equal, so that there is no scale to compare them on.
    #[error("find a scale: all points are equal")]
    NoSpread,
}
