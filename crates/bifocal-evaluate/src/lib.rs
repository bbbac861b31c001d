//! bifocal-evaluate
