//! bifocal-api
