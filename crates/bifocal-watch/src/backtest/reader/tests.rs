use super::*;

const GOOD: &str = r#"{"t":"2026-11-24T13:51:00Z","target":"a","dimension":"d","score":0.5,"pi":1}"#;

fn numbers(text: &[u8], bad: BadLine) -> Result<(Vec<u64>, Reading), ReadError> {
    let mut numbers = Vec::new();
    let reading = read_scores(text, bad, |number, _| numbers.push(number))?;
    Ok((numbers, reading))
}

#[test]
fn empty_lines_are_left_out_and_keep_their_numbers() {
    let text = format!("\u{feff}{GOOD}\r\n\n  \n{GOOD}\n{GOOD}");
    let (numbers, reading) = numbers(text.as_bytes(), BadLine::Refuse).unwrap();
    assert_eq!((numbers, reading.lines, reading.skipped), (vec![1, 4, 5], 3, 0));
}

#[test]
fn a_bad_line_ends_it_or_is_counted() {
    let text = format!("{GOOD}\n{GOOD}x\n{GOOD}\nnull\n");
    let err = numbers(text.as_bytes(), BadLine::Refuse).unwrap_err().to_string();
    assert!(err.starts_with("line 2, column 77: trailing characters"), "{err}");
    let (numbers, reading) = numbers(text.as_bytes(), BadLine::Skip).unwrap();
    assert_eq!((numbers, reading.lines, reading.skipped), (vec![1, 3], 4, 2));
    assert_eq!(reading.first_skipped.unwrap().0, 2);
}

#[test]
fn a_line_beyond_the_limit_is_not_kept_and_what_follows_is_read() {
    let longest = format!("{}{}", " ".repeat(HISTORY_LINE_BYTES - GOOD.len()), GOOD);
    let text = format!(
        "{longest}\n{}\n{GOOD}\n{}",
        "y".repeat(3 * HISTORY_LINE_BYTES),
        "z".repeat(2 * HISTORY_LINE_BYTES)
    );
    let (numbers, reading) = numbers(text.as_bytes(), BadLine::Skip).unwrap();
    assert_eq!((numbers, reading.skipped), (vec![1, 3], 2));
    assert!(reading.first_skipped.unwrap().1.what.contains("longer than 65536 bytes"));
}

#[test]
fn events_come_in_the_order_of_their_times_up_to_the_limit() {
    let event = |secs: usize| {
        format!(
            "{{\"t\":\"2026-11-24T13:{:02}:{:02}Z\",\"kind\":\"deployment\"}}\n",
            secs / 60 % 60,
            secs % 60
        )
    };
    let text = event(9) + &event(3);
    let (events, _) = read_events(text.as_bytes(), BadLine::Refuse).unwrap();
    assert!(events[0].time < events[1].time);
    let many: String = (0..=HISTORY_EVENTS).map(event).collect();
    assert!(matches!(read_events(many.as_bytes(), BadLine::Refuse), Err(ReadError::TooManyEvents)));
}
