//! Vectors and tokenizers of one's own, made by hand, and what cannot be used.

use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::custom::{CustomConfig, Customs};
use crate::limits::{TOKENIZER_BYTES, VECTORS_BYTES};
use crate::sample::inference;

const SPACE: &str = "\u{2581}";

/// A file with one matrix.
fn safetensors(dtype: &str, shape: &[usize], numbers: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let header = json!({"__metadata__": {"by": "hand"},
        "embedding.weight": {"dtype": dtype, "shape": shape, "data_offsets": [0, data.len()]}});
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// Bytes, a few letters, and the words `▁ab` and `▁cd`: in all 265 tokens.
fn tokenizer() -> serde_json::Value {
    let mut vocab: std::collections::BTreeMap<String, usize> =
        (0..256).map(|byte| (format!("<0x{byte:02X}>"), byte)).collect();
    for (at, token) in
        [SPACE, "a", "b", "c", "d", "ab", "cd", "\u{2581}ab", "\u{2581}cd"].into_iter().enumerate()
    {
        vocab.insert(token.to_owned(), 256 + at);
    }
    json!({
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE},
            {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}]},
        "pre_tokenizer": null,
        "model": {"type": "BPE", "byte_fallback": true, "vocab": vocab,
            "merges": ["a b", ["c", "d"], format!("{SPACE} ab"), format!("{SPACE} cd")]},
    })
}

/// `▁ab` looks one way and `▁cd` another; all else looks both ways.
fn numbers() -> Vec<f32> {
    let mut rows = vec![[1.0, 1.0]; 265];
    (rows[263], rows[264]) = ([1.0, 0.0], [0.0, 2.0]);
    rows.concat()
}

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn of(vectors: &[u8], tokenizer: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("v.safetensors"), vectors).unwrap();
        fs::write(folder.path().join("tokenizer.json"), tokenizer).unwrap();
        Self { folder }
    }

    fn good() -> Self {
        Self::of(&safetensors("F32", &[265, 2], &numbers()), tokenizer().to_string().as_bytes())
    }

    fn paths(&self) -> [PathBuf; 2] {
        ["v.safetensors", "tokenizer.json"].map(|name| self.folder.path().join(name))
    }

    fn open(&self) -> Result<(Vectors, String), String> {
        let [vectors, tokenizer] = self.paths();
        Vectors::open(&vectors, &tokenizer)
    }
}

#[test]
fn the_cosine_of_the_means_by_hand() {
    let files = Files::good();
    let (vectors, _) = files.open().unwrap();
    assert_eq!(vectors.tokenizer.ids("ab cd  cd\nab"), [263, 264, 256, 264, 10, 261]);
    assert_eq!(vectors.tokenizer.ids("é"), [256, 0xc3, 0xa9], "what is in no token is its bytes");
    assert!(vectors.tokenizer.ids("").is_empty());
    let near = |question: &str, answer: &str| vectors.nearness(&inference(1, question, answer));
    assert_eq!(near("ab ab", "ab"), Some(1.0));
    assert_eq!(near("ab", "cd"), Some(0.0));
    // Means of (1, 0) and (0.5, 1).
    assert!((near("ab", "ab cd").unwrap() - 0.5 / 1.25_f64.sqrt()).abs() < 1e-9);
    assert_eq!(near("ab", ""), None);
    assert_eq!(near("", "ab"), None);
}

#[test]
fn an_evaluator_of_vectors_gives_numbers_and_is_another_with_another_file() {
    let config = |files: &Files, more: &str| -> CustomConfig {
        let [vectors, tokenizer] = files.paths();
        let text = format!(
            "name = \"near\"\nkind = \"vectors\"\nvectors = {vectors:?}\ntokenizer = {tokenizer:?}\n{more}"
        );
        toml::from_str(&text).unwrap()
    };
    let files = Files::good();
    let said = |config: CustomConfig| {
        let customs = Customs::compile(&[config]).unwrap();
        let call = inference(1, "ab", "ab cd");
        customs.scores(&call, call.time).remove(0)
    };
    let score = said(config(&files, ""));
    assert_eq!((score.dimension.as_str(), score.passed()), ("near", Some(true)));
    assert!((score.value().unwrap().get() - 0.447).abs() < 0.001, "{score:?}");
    let marked = said(config(&files, "mark = 0.5"));
    assert_eq!(marked.passed(), Some(false));
    assert_ne!(marked.fingerprint, score.fingerprint);
    let mut other = numbers();
    other[0] = 2.0;
    let other = Files::of(&safetensors("F32", &[265, 2], &other), tokenizer().to_string().as_bytes());
    assert_ne!(
        said(config(&other, "")).fingerprint,
        score.fingerprint,
        "a number of a token that was not asked"
    );
    let refused = |text: &str| Customs::compile(&[toml::from_str(text).unwrap()]).unwrap_err().to_string();
    assert!(refused("name = \"near\"\nkind = \"vectors\"\nvectors = \"x\"").contains("needs `tokenizer`"));
    assert!(
        refused("name = \"near\"\npattern = \"x\"\nvectors = \"x\"").contains("goes with kind = \"vectors\"")
    );
    assert!(
        refused("name = \"near\"\nkind = \"vectors\"\nvectors = \"/no\"\ntokenizer = \"/no\"")
            .contains("read /no")
    );
}

#[test]
fn files_that_cannot_be_used_say_why() {
    let good = tokenizer().to_string();
    let vectors = |bytes: &[u8], says: &str| {
        let said = Files::of(bytes, good.as_bytes()).open().unwrap_err();
        assert!(said.contains(says) && said.contains("v.safetensors"), "{said}");
    };
    vectors(b"short", "no safetensors file");
    vectors(&[0xff; 64], "no safetensors file");
    vectors(&safetensors("F32", &[265, 2], &numbers())[..90], "no safetensors file");
    let whole = safetensors("F32", &[265, 2], &numbers());
    vectors(&whole[..whole.len() - 1], "ends before its numbers do");
    vectors(&safetensors("BF16", &[265, 2], &numbers()), "F16 and F32 are read");
    vectors(&safetensors("F32", &[530], &numbers()), "1 dimensions");
    vectors(&safetensors("F32", &[265, 3], &numbers()), "530 numbers for 265 rows of 3");
    vectors(&safetensors("F32", &[265, 2], &[f32::NAN; 530]), "a number that is none");
    vectors(&safetensors("F32", &[0, 2], &[]), "0 numbers for 0 rows");
    let many = json!({"a": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}, "b": {}}).to_string();
    vectors(
        &[&(many.len() as u64).to_le_bytes()[..], many.as_bytes(), &[0; 4]].concat(),
        "it holds 2 tensors",
    );
    vectors(&safetensors("F32", &[100, 2], &numbers()[..200]), "the tokenizer has 265 tokens");

    let of = |change: &dyn Fn(&mut serde_json::Value), says: &str| {
        let mut changed = tokenizer();
        change(&mut changed);
        let said = Files::of(&whole, changed.to_string().as_bytes()).open().unwrap_err();
        assert!(said.contains(says) && said.contains("tokenizer.json"), "{said}");
    };
    of(&|t| t["model"]["type"] = json!("WordPiece"), "no tokenizer of Llama's kind");
    of(&|t| t["pre_tokenizer"] = json!({"type": "Whitespace"}), "no tokenizer of Llama's kind");
    of(&|t| t["model"]["byte_fallback"] = json!(false), "no tokenizer of Llama's kind");
    of(&|t| t["model"]["vocab"]["a\u{2581}b"] = json!(9), "goes over a space");
    of(&|t| t["model"]["merges"] = json!(["a z"]), "it joins `a` and `z`");
    of(&|t| t["model"]["merges"] = json!([7]), "a merge is two tokens");
    of(&|t| drop(t["model"]["vocab"].as_object_mut().unwrap().remove("<0x41>")), "no token for some byte");
    let said = Files::of(&whole, b"{").open().unwrap_err();
    assert!(said.contains("no tokenizer in JSON"), "{said}");
}

#[test]
fn limits_of_vectors_and_of_a_run_without_a_space() {
    let files = Files::good();
    let [vectors, tokenizer] = files.paths();
    let long = |path: &PathBuf, bytes: u64| {
        fs::File::options().write(true).open(path).unwrap().set_len(bytes).unwrap()
    };
    long(&vectors, VECTORS_BYTES + 1);
    assert!(files.open().unwrap_err().contains(&format!("{VECTORS_BYTES} are the most")));
    let files = Files::good();
    long(&files.paths()[1], TOKENIZER_BYTES + 1);
    assert!(files.open().unwrap_err().contains(&format!("{TOKENIZER_BYTES} are the most")));
    drop(tokenizer);
    let (vectors, _) = Files::good().open().unwrap();
    let ids = vectors.tokenizer.ids(&"ab".repeat(200));
    assert!((200..210).contains(&ids.len()), "{} tokens of 200 pairs, some cut at their run", ids.len());
}

/// The numbers of Hugging Face's tokenizers and the cosines of numpy, made by `wordllama.py` from the wheel's files.
#[test]
fn real_wordllama_has_the_tokens_and_cosines_of_its_own_library() {
    let Some(folder) = std::env::var_os("BIFOCAL_TESTBED").map(|bed| PathBuf::from(bed).join("wordllama"))
    else {
        eprintln!("skipped: BIFOCAL_TESTBED is not set");
        return;
    };
    let [vectors, tokenizer] =
        ["l2_supercat_256.safetensors", "l2_supercat_tokenizer_config.json"].map(|name| folder.join(name));
    if !vectors.exists() {
        assert!(std::env::var_os("BIFOCAL_CI").is_none(), "testbed/wordllama --install did not run");
        eprintln!("skipped: testbed/wordllama --install did not run");
        return;
    }
    let (vectors, _) = Vectors::open(&vectors, &tokenizer).unwrap();
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/golden/wordllama.json")).unwrap();
    let texts = golden["texts"].as_array().unwrap();
    for row in texts {
        let text = row["text"].as_str().unwrap();
        assert_eq!(json!(vectors.tokenizer.ids(text)), row["ids"], "{text}");
    }
    let mean = |at: &serde_json::Value| {
        let at = usize::try_from(at.as_u64().unwrap()).unwrap();
        vectors.mean(texts[at]["text"].as_str().unwrap()).unwrap()
    };
    for pair in golden["cosines"].as_array().unwrap() {
        let near = cosine(&mean(&pair[0]), &mean(&pair[1])).unwrap();
        assert!((near - pair[2].as_f64().unwrap()).abs() < 1e-4, "{pair}: {near}");
    }
}
