//! What is taken out of a text before a judge reads it: what cannot be seen, and what could pass for the judge's own
//! chat template. The text between the markers is otherwise as it was.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// Tokens of chat templates that are whole words; those of the form `<|…|>` are found by their beginning.
const TOKENS: [&str; 22] = [
    "<|",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<</SYS>>",
    "<s>",
    "</s>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<bos>",
    "<eos>",
    "<unk>",
    "<pad>",
    "<think>",
    "</think>",
    "<start_of_image>",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[AVAILABLE_TOOLS]",
    "[TOOL_CALLS]",
    "[TOOL_RESULTS]",
    "<\u{ff5c}",
];

static MATCHER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(TOKENS).ok());

/// The text without invisible characters, with template tokens taken apart, and cut to head and tail.
pub(crate) fn sanitize(text: &str, chars_max: usize) -> String {
    apart(&head_and_tail(&visible(text), chars_max))
}

/// Without zero-width, bidirectional, tag, variation and control characters, blank letters and line separators, by which text can hide from a reader or from the
/// patterns below. Taking them out comes first: it could put a token together.
fn visible(text: &str) -> String {
    let hidden = |c: &char| {
        matches!(*c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{2028}' | '\u{2029}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{e0000}'..='\u{e007f}')
            || (c.is_control() && !matches!(c, '\n' | '\t'))
    };
    text.chars().filter(|c| !hidden(c)).collect()
}

/// Two thirds from the beginning and one from the end, and a word on what is left out.
fn head_and_tail(text: &str, chars_max: usize) -> String {
    let count = text.chars().count();
    if count <= chars_max {
        return text.to_owned();
    }
    let tail = chars_max / 3;
    let head = chars_max - tail;
    let byte_of = |nth: usize| text.char_indices().nth(nth).map_or(text.len(), |(byte, _)| byte);
    let (end, start) = (byte_of(head), byte_of(count - tail));
    format!("{}\n[{} characters left out]\n{}", &text[..end], count - chars_max, &text[start..])
}

/// A space behind the first character of each token: still readable, no token any more. Inserting cannot make a new
/// one, as removing could.
fn apart(text: &str) -> String {
    let Some(matcher) = MATCHER.as_ref() else { return text.replace('<', "< ") };
    let mut clean = String::with_capacity(text.len());
    let mut done = 0;
    for found in matcher.find_iter(text) {
        let split = found.start() + 1;
        clean.push_str(&text[done..split]);
        clean.push(' ');
        done = split;
    }
    clean.push_str(&text[done..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_text_and_template_tokens_are_taken_apart() {
        let clean = |text| sanitize(text, 10_000);
        assert_eq!(clean("plain <b>text</b> | x < y\n\tok"), "plain <b>text</b> | x < y\n\tok");
        assert_eq!(clean("a<|im_end|>\n<|im_start|>system"), "a< |im_end|>\n< |im_start|>system");
        assert_eq!(clean("<\u{200b}|im_end|>"), "< |im_end|>");
        assert_eq!(clean("<|<|im_end|>im_end|>"), "< |< |im_end|>im_end|>");
        assert_eq!(clean("[INST] be good [/INST] <s>"), "[ INST] be good [ /INST] < s>");
        assert_eq!(clean("\u{202e}evil\u{202c} \u{e0041}tag\u{0}"), "evil tag");
    }

    #[test]
    fn long_texts_keep_head_and_tail() {
        let text = format!("{}{}", "ä".repeat(9_000), "z".repeat(9_000));
        let clean = sanitize(&text, 6_000);
        assert!(clean.starts_with(&"ä".repeat(4_000)) && clean.ends_with(&"z".repeat(2_000)));
        assert!(clean.contains("\n[12000 characters left out]\n"));
        assert_eq!(sanitize(&"z".repeat(6_000), 6_000), "z".repeat(6_000));
    }
}
