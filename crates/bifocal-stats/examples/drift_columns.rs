//! Drift of numeric columns from sketches: what `bench/drift.py` runs beside Evidently.
//!
//! `drift_columns COLUMNS REFERENCE WINDOW`: two files of little-endian f64, column by column. Prints one JSON object a column.
#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use std::error::Error;

use bifocal_stats::drift::{Histogram, Scale, psi};

const BOOTSTRAP_ROUNDS: u32 = 99;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: drift_columns COLUMNS REFERENCE WINDOW");
    let columns: usize = next()?.parse()?;
    let (reference, window) = (sketches(&next()?, columns)?, sketches(&next()?, columns)?);
    for (seed, (reference, window)) in (0u64..).zip(reference.iter().zip(&window)) {
        let distances = reference.distances(window, Scale::Linear)?;
        let index = psi(reference, window, BOOTSTRAP_ROUNDS, seed)?;
        println!(
            "{{\"ks\": {}, \"ks_p_value\": {}, \"wasserstein\": {}, \"psi\": {}, \"psi_p_value\": {}}}",
            distances.ks, distances.ks_p_value, distances.wasserstein, index.psi, index.p_value
        );
    }
    Ok(())
}

fn sketches(path: &str, columns: usize) -> Result<Vec<Histogram>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let rows = bytes.len() / 8 / columns.max(1);
    let mut sketches = vec![Histogram::default(); columns];
    for (sketch, column) in sketches.iter_mut().zip(bytes.chunks_exact(8 * rows.max(1))) {
        for value in column.chunks_exact(8) {
            sketch.add(f64::from_le_bytes(value.try_into()?));
        }
    }
    Ok(sketches)
}
