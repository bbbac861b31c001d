//! bifocal-infra
