//! bifocal-capture
