//! How near an answer is to its question, by static vectors of tokens: the cosine of the means of both. The files are the user's, in
//! the form of wordllama's: one matrix with a row for each token (safetensors) and the tokenizer that gives their numbers.
//!
//! It sees synonyms, which n-grams of letters do not, and no order of words: "the dog bites the man" is "the man bites the dog".

mod bpe;
mod matrix;

use std::fs;
use std::path::Path;

use bifocal_model::{Inference, fnv1a};
use bifocal_redact::Redacted;

use crate::limits::{FEATURE_BYTES, TOKENIZER_BYTES, VECTORS_BYTES};
use bpe::Bpe;
use matrix::Matrix;

/// Vectors and their tokenizer.
#[derive(Debug)]
pub(super) struct Vectors {
    tokenizer: Bpe,
    matrix: Matrix,
}

impl Vectors {
    /// Reads both files, and tells what makes them what they are; an error says which cannot be used, and why.
    pub(super) fn open(vectors: &Path, tokenizer: &Path) -> Result<(Self, String), String> {
        let matrix_bytes = read(vectors, VECTORS_BYTES)?;
        let tokenizer_bytes = read(tokenizer, TOKENIZER_BYTES)?;
        let definition = format!(
            "{:016x} {:016x}",
            fnv1a(matrix_bytes.iter().copied()),
            fnv1a(tokenizer_bytes.iter().copied())
        );
        let wrong = |path: &Path, what: String| format!("{}: {what}", path.display());
        let matrix = Matrix::read(&matrix_bytes).map_err(|what| wrong(vectors, what))?;
        let bpe = Bpe::read(&tokenizer_bytes).map_err(|what| wrong(tokenizer, what))?;
        if bpe.tokens() > matrix.rows() {
            return Err(format!(
                "the tokenizer has {} tokens, and {} has vectors of {}: take the two files that belong together",
                bpe.tokens(),
                vectors.display(),
                matrix.rows()
            ));
        }
        Ok((Self { tokenizer: bpe, matrix }, definition))
    }

    /// The cosine of the question and the answer, of the first 4 kB of each, cut to [0, 1]; `None` where one of them says nothing.
    pub(super) fn nearness(&self, call: &Inference<Redacted>) -> Option<f64> {
        let newest = call.messages.iter().rev().find(|message| message.role == "user")?;
        let (asked, said) = (self.mean(newest.text.as_str())?, self.mean(call.answer.as_str())?);
        Some(cosine(&asked, &said)?.clamp(0.0, 1.0))
    }

    /// The mean vector of a text's tokens.
    fn mean(&self, text: &str) -> Option<Vec<f32>> {
        let head = text.get(..text.floor_char_boundary(FEATURE_BYTES)).unwrap_or(text);
        self.matrix.mean(&self.tokenizer.ids(head))
    }
}

fn cosine(a: &[f32], b: &[f32]) -> Option<f64> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let norm = (dot(a, a) * dot(b, b)).sqrt();
    (norm > 0.0).then(|| dot(a, b) / norm)
}

/// What is in a file that is no longer than this.
fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let unreadable = |err: std::io::Error| format!("read {}: {err}", path.display());
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > bytes_max {
        return Err(format!("{} has {bytes} bytes, and {bytes_max} are the most", path.display()));
    }
    fs::read(path).map_err(unreadable)
}

#[cfg(test)]
mod tests;
