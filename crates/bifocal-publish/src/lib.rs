//! bifocal-publish
