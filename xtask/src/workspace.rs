//! Where things are: the root of the checkout, the build folder and the binaries in it.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, else `target` in the root.
pub(crate) fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root().join(dir),
        _ => root().join("target"),
    }
}

/// The binary that a build of this profile makes (`debug` or `release`).
pub(crate) fn binary(profile: &str) -> PathBuf {
    target_dir().join(profile).join("bifocal")
}

/// Where the real components are installed: `BIFOCAL_TESTBED`, else `target/testbed` in the root.
pub(crate) fn testbed_dir() -> PathBuf {
    match env::var_os("BIFOCAL_TESTBED") {
        Some(dir) if !dir.is_empty() => root().join(dir),
        _ => root().join("target/testbed"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_root_holds_the_workspace() {
        assert!(super::root().join("Cargo.lock").is_file());
        assert!(super::root().join("xtask/Cargo.toml").is_file());
    }
}
