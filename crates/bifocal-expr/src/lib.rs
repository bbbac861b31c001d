//! bifocal-expr
