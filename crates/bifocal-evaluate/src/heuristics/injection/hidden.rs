//! Text that a reader does not see and a model does.

/// What hides, and the text without it.
#[derive(Debug, PartialEq)]
pub(super) struct Hidden {
    pub(super) points: f64,
    /// The text as a reader sees it; `None` where nothing hides.
    pub(super) visible: Option<String>,
}

/// So many tag characters are a text; flags of emoji have up to seven, and end with one of their own.
const TAGS_MIN: u32 = 8;
/// So many invisible characters inside words are no accident.
const INSIDE_MIN: u32 = 3;

/// Tag characters (U+E0000 on) write ASCII invisibly: three points. Zero-width characters inside words hide words from
/// whoever searches them: two points. Neither is counted between emoji or in scripts that need them.
pub(super) fn look(text: &str) -> Hidden {
    // All of them begin with one of four bytes; most answers have none.
    if !text.bytes().any(|byte| matches!(byte, 0xc2 | 0xe2 | 0xef | 0xf3)) {
        return Hidden { points: 0.0, visible: None };
    }
    let (mut tags, mut inside, mut before, mut gap) = (0, 0, ' ', false);
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{e0020}'..='\u{e007e}' => tags += 1,
            '\u{200b}'..='\u{200f}'
            | '\u{2060}'..='\u{2064}'
            | '\u{feff}'
            | '\u{ad}'
            | '\u{202a}'..='\u{202e}' => {
                gap = true;
            }
            _ => {
                inside += u32::from(gap && before.is_ascii_alphabetic() && c.is_ascii_alphabetic());
                (before, gap) = (c, false);
                visible.push(c);
            }
        }
    }
    let points = if tags >= TAGS_MIN {
        3.0
    } else if inside >= INSIDE_MIN {
        2.0
    } else {
        0.0
    };
    Hidden { points, visible: (visible.len() < text.len()).then_some(visible) }
}
