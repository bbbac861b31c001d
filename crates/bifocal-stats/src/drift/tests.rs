//! Tests against SciPy, of sketches against samples, and of what p-values promise.

mod clouds;
mod golden;
mod sketches;
mod tables;
