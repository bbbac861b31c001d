//! bifocal
