//! The tokenizer of Llama's kind, as its JSON describes it: byte-pair encoding over whole texts, spaces as `▁`, and the bytes of what
//! is in no token. Other kinds are refused: their numbers would be those of other words.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// Stands for a space, and before the first word.
const SPACE: char = '\u{2581}';
/// Characters that are joined at once: longer runs without a space are cut, for the time grows with the square.
const RUN_CHARS: usize = 64;

/// A tokenizer.
#[derive(Debug)]
pub(super) struct Bpe {
    chars: HashMap<char, u32>,
    /// The token of each byte that is in no other.
    bytes: Vec<u32>,
    /// Two tokens that may be joined: how early, and what they make.
    merges: HashMap<(u32, u32), (u32, u32)>,
    tokens: usize,
}

#[derive(Deserialize)]
struct File {
    model: Model,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    vocab: HashMap<String, u32>,
    #[serde(default)]
    merges: Vec<Merge>,
}

/// `"a b"`, or as newer files have it `["a", "b"]`.
struct Merge(String, String);

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pair = match Value::deserialize(deserializer)? {
            Value::String(text) => text.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())),
            Value::Array(two) => match &two[..] {
                [Value::String(a), Value::String(b)] => Some((a.clone(), b.clone())),
                _ => None,
            },
            _ => None,
        };
        let (a, b) = pair.ok_or_else(|| serde::de::Error::custom("a merge is two tokens"))?;
        Ok(Self(a, b))
    }
}

impl Bpe {
    /// Reads a `tokenizer.json`; an error says what is wrong.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let File { model, normalizer, pre_tokenizer } =
            serde_json::from_slice(bytes).map_err(|err| format!("it is no tokenizer in JSON: {err}"))?;
        let spaces = normalizer.to_string();
        let is_llama = model.kind == "BPE"
            && model.byte_fallback
            && pre_tokenizer.is_null()
            && spaces.contains("Prepend")
            && spaces.contains(SPACE);
        if !is_llama {
            return Err(
                "it is no tokenizer of Llama's kind (BPE with bytes, spaces as ▁), as wordllama's is"
                    .to_owned(),
            );
        }
        let Model { vocab, merges, .. } = model;
        let crosses = |token: &&String| token.trim_start_matches(SPACE).contains(SPACE);
        if let Some(token) = vocab.keys().find(crosses) {
            return Err(format!("its token `{token}` goes over a space, which is not read"));
        }
        let of_byte = |byte: u8| vocab.get(&format!("<0x{byte:02X}>")).copied();
        let bytes: Vec<u32> = (0..=255).filter_map(of_byte).collect();
        if bytes.len() != 256 {
            return Err("it has no token for some byte".to_owned());
        }
        let mut pairs = HashMap::with_capacity(merges.len());
        for (rank, Merge(a, b)) in (0_u32..).zip(&merges) {
            let known = (vocab.get(a), vocab.get(b), vocab.get(&format!("{a}{b}")));
            let (Some(one), Some(two), Some(made)) = known else {
                return Err(format!(
                    "it joins `{a}` and `{b}`, and does not know one of them or what they make"
                ));
            };
            pairs.entry((*one, *two)).or_insert((rank, *made));
        }
        let only = |token: &String| {
            let mut chars = token.chars();
            chars.next().filter(|_| chars.next().is_none())
        };
        let chars = vocab.iter().filter_map(|(token, id)| Some((only(token)?, *id))).collect();
        let tokens = vocab.values().max().map_or(0, |most| *most as usize + 1);
        Ok(Self { chars, bytes, merges: pairs, tokens })
    }

    /// One more than the highest number of a token.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// The numbers of a text's tokens.
    pub(super) fn ids(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3 + 1);
        if text.is_empty() {
            return ids;
        }
        let (mut run, mut last, mut chars) = (Vec::new(), SPACE, 0);
        for c in std::iter::once(SPACE).chain(text.chars()) {
            let c = if c == ' ' { SPACE } else { c };
            // No token goes over the beginning of a word, so each is joined by itself.
            if (c == SPACE && last != SPACE) || chars == RUN_CHARS {
                self.join(&mut run);
                ids.append(&mut run);
                chars = 0;
            }
            match self.chars.get(&c) {
                Some(id) => run.push(*id),
                None => {
                    let mut buffer = [0; 4];
                    let bytes = c.encode_utf8(&mut buffer).bytes();
                    run.extend(bytes.filter_map(|byte| self.bytes.get(usize::from(byte))));
                }
            }
            last = c;
            chars += 1;
        }
        self.join(&mut run);
        ids.append(&mut run);
        ids
    }

    /// Joins the two neighbours that come first in the list of merges, as long as there are some.
    fn join(&self, run: &mut Vec<u32>) {
        loop {
            let pairs = run.windows(2).enumerate();
            let known = pairs.filter_map(|(at, two)| Some((at, *self.merges.get(&(two[0], two[1]))?)));
            let Some((at, (_, made))) = known.min_by_key(|(at, (rank, _))| (*rank, *at)) else { return };
            run[at] = made;
            run.remove(at + 1);
        }
    }
}
