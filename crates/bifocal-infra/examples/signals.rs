//! Prints `docs/guide/signals.md`.
#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use bifocal_infra::scrape::map;

fn main() {
    print!("{}", map::rows::guide(map::builtin()));
}
