//! What a condition may cost.

/// Longest source, bytes. The longest shipped condition has 80.
pub(crate) const SOURCE_BYTES: usize = 4096;
/// Deepest nesting of brackets in the source. The generated parser takes about 150 KiB of stack a level.
pub(crate) const NESTING: usize = 16;
/// Operators, brackets and commas together: a flat chain nests the tree as deep as brackets do.
pub(crate) const OPERATORS: usize = 200;
/// Deepest tree after parsing. Evaluation recurses over it on the caller's stack.
pub(crate) const DEPTH: usize = 48;
/// Stack of the thread that parses, bytes.
pub(crate) const STACK_BYTES: usize = 32 << 20;

/// Every limit of this crate with its number: name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "expression_source_bytes",
        SOURCE_BYTES as u64,
        "longest condition; longer ones are refused before parsing",
    ),
    (
        "expression_nesting",
        NESTING as u64,
        "brackets within brackets; checked before parsing, the parser recurses",
    ),
    (
        "expression_operators",
        OPERATORS as u64,
        "operators of one condition; a flat chain recurses like brackets",
    ),
    ("expression_depth", DEPTH as u64, "depth of the parsed tree; evaluation recurses on the caller's stack"),
    ("expression_stack_bytes", STACK_BYTES as u64, "stack of the thread that parses a condition"),
];
