//! bifocal-watch
