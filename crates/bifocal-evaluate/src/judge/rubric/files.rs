//! Where rubrics are read from: those that come with Bifocal, and a folder of one's own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{Rubric, Rubrics};
use crate::Error;
use crate::limits::{RUBRIC_FILE_BYTES, RUBRIC_FILES};

const SHIPPED: [(&str, &str); 9] = [
    ("citation_quality.toml", include_str!("../rubrics/citation_quality.toml")),
    ("code_correctness.toml", include_str!("../rubrics/code_correctness.toml")),
    ("completeness.toml", include_str!("../rubrics/completeness.toml")),
    ("conversation_coherence.toml", include_str!("../rubrics/conversation_coherence.toml")),
    ("factual_consistency.toml", include_str!("../rubrics/factual_consistency.toml")),
    ("helpfulness.toml", include_str!("../rubrics/helpfulness.toml")),
    ("relevance.toml", include_str!("../rubrics/relevance.toml")),
    ("safety.toml", include_str!("../rubrics/safety.toml")),
    ("professional_tone.toml", include_str!("../rubrics/professional_tone.toml")),
];

/// Prompts of shipped rubrics that have one of their own.
const SHIPPED_PROMPTS: [(&str, &str); 1] =
    [("citation_quality.jinja", include_str!("../rubrics/citation_quality.jinja"))];

pub(super) fn shipped() -> Result<Rubrics, Error> {
    let mut rubrics = BTreeMap::new();
    for (name, text) in SHIPPED {
        let rubric = Rubric::parse_beside(name, text, &shipped_prompt)?;
        rubrics.insert(rubric.dimension.clone(), rubric);
    }
    Ok(Rubrics(rubrics))
}

fn shipped_prompt(file: &str) -> Result<(PathBuf, String), Error> {
    let found = SHIPPED_PROMPTS.iter().find(|(name, _)| *name == file);
    let (name, text) = found.ok_or_else(|| Error::ReadRubric {
        path: PathBuf::from(file),
        err: io::Error::from(io::ErrorKind::NotFound),
    })?;
    Ok((PathBuf::from(name), (*text).to_owned()))
}

pub(super) fn with_folder(folder: &Path) -> Result<Rubrics, Error> {
    let mut rubrics = shipped()?;
    let unread = |err| Error::ReadRubric { path: folder.to_owned(), err };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.extension() == Some(OsStr::new("toml")) {
            paths.push(path);
        }
    }
    if paths.len() > RUBRIC_FILES {
        let problem = format!("there are {} rubrics in it, and {RUBRIC_FILES} are the most", paths.len());
        return Err(Error::BadRubric { name: folder.display().to_string(), problem });
    }
    paths.sort();
    let mut own: BTreeMap<String, String> = BTreeMap::new();
    for path in paths {
        let name = path.display().to_string();
        let text = text_of(&path)?;
        let rubric = Rubric::parse_beside(&name, &text, &|file| beside(folder, file))?;
        if let Some(other) = own.insert(rubric.dimension.clone(), name.clone()) {
            let problem =
                format!("`{}` has a rubric already, in {other}: take one of them out", rubric.dimension);
            return Err(Error::BadRubric { name, problem });
        }
        rubrics.0.insert(rubric.dimension.clone(), rubric);
    }
    Ok(rubrics)
}

/// A file that a rubric names: one that stands beside it, and nothing else of the disk.
fn beside(folder: &Path, file: &str) -> Result<(PathBuf, String), Error> {
    let path = folder.join(file);
    if Path::new(file).file_name() != Some(OsStr::new(file)) {
        let err = io::Error::new(
            io::ErrorKind::InvalidInput,
            "a rubric names a file that stands beside it: give the name without a folder",
        );
        return Err(Error::ReadRubric { path, err });
    }
    let text = text_of(&path)?;
    Ok((path, text))
}

/// What is in a file of rubrics, which is never longer than the limit.
fn text_of(path: &Path) -> Result<String, Error> {
    let unread = |err| Error::ReadRubric { path: path.to_owned(), err };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unread)?;
    file.take(RUBRIC_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > RUBRIC_FILE_BYTES {
        let problem = format!("the file has more than {RUBRIC_FILE_BYTES} bytes");
        return Err(Error::BadRubric { name: path.display().to_string(), problem });
    }
    String::from_utf8(bytes)
        .map_err(|err| unread(io::Error::new(io::ErrorKind::InvalidData, err.utf8_error())))
}
