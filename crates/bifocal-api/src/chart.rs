//! The picture of an incident for messages: the score with its interval, the baseline, when it began and what lies there.
//!
//! Colours are those of the page: plum is quality, amber the onset range, red the alarm, blue what happened. The interval is a
//! band and never a line alone; where nothing was judged there is a gap.

mod canvas;
mod png;

use bifocal_model::{Incident, Timestamp};
use canvas::{ADVANCE, Canvas, Colour};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 420;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 940.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 352.0;

const PAPER: Colour = [255, 255, 255];
const INK: Colour = [28, 27, 25];
const DIM: Colour = [110, 107, 100];
const LINE: Colour = [225, 223, 216];
const PLUM: Colour = [154, 61, 120];
const AMBER: Colour = [214, 158, 46];
const RED: Colour = [197, 48, 48];
const BLUE: Colour = [0, 98, 168];

/// One step: seconds, mean, lower and upper end.
pub(crate) type Point = (f64, f64, f64, f64);

/// What the picture shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) incident: &'a Incident,
    /// Means with their intervals, oldest first.
    pub(crate) points: &'a [Point],
    /// From when to when.
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Seconds of a step: further apart is a gap.
    pub(crate) step_seconds: f64,
}

/// As PNG.
pub(crate) fn png(shown: &Shown<'_>) -> Vec<u8> {
    let mut canvas = Canvas::new(WIDTH, HEIGHT, PAPER);
    let incident = shown.incident;
    let title = format!("{}: {}", incident.target.name(), incident.dimension.as_str().replace('_', " "));
    canvas.text((LEFT, 14.0), 3, &within(&title, 48), INK);
    canvas.text((LEFT, 46.0), 1, &within(&incident.sentence, 144), DIM);
    let frame = Frame::of(shown);
    frame.axes(&mut canvas);
    frame.onset(&mut canvas, incident);
    frame.score(&mut canvas, shown);
    frame.marks(&mut canvas, incident);
    png::encode(canvas.width, canvas.height, &canvas.pixels)
}

/// From time and score to pixels.
struct Frame {
    from: f64,
    to: f64,
    least: f64,
    most: f64,
}

impl Frame {
    fn of(shown: &Shown<'_>) -> Self {
        let baseline = shown.incident.baseline;
        let least = shown.points.iter().fold(baseline, |least, point| least.min(point.2));
        let most = shown.points.iter().fold(baseline, |most, point| most.max(point.3));
        let room = (0.08 * (most - least)).max(0.02);
        let (from, to) = (shown.from.as_secs_f64(), shown.to.as_secs_f64());
        let (least, most) = ((least - room).max(0.0), (most + room).min(1.0));
        Self { from, to: to.max(from + 1.0), least, most: most.max(least + 0.01) }
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * ((seconds - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * ((value - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    /// Four lines of scores, five times.
    fn axes(&self, canvas: &mut Canvas) {
        for i in 0..=4 {
            let value = self.least + (self.most - self.least) * f64::from(i) / 4.0;
            canvas.line((LEFT, self.y(value)), (RIGHT, self.y(value)), 1.0, 0.0, LINE);
            canvas.text((14.0, self.y(value) - 7.0), 2, &format!("{value:.2}"), DIM);
        }
        for i in 0..=4 {
            let seconds = self.from + (self.to - self.from) * f64::from(i) / 4.0;
            let text = clock(seconds, self.to - self.from);
            let width = f64::from(ADVANCE * 2) * text.chars().count() as f64;
            let x = (self.x(seconds) - 0.5 * width).clamp(4.0, f64::from(WIDTH) - width);
            canvas.text((x, BOTTOM + 10.0), 2, &text, DIM);
        }
    }

    fn onset(&self, canvas: &mut Canvas, incident: &Incident) {
        let (from, to) = (self.x(incident.onset_from.as_secs_f64()), self.x(incident.onset_to.as_secs_f64()));
        canvas.fill((from, TOP), (to.max(from + 2.0), BOTTOM), AMBER, 0.22);
        let y = self.y(incident.baseline);
        canvas.line((LEFT, y), (RIGHT, y), 1.5, 7.0, DIM);
    }

    /// The band between the ends, then the line; both break where nothing was judged.
    fn score(&self, canvas: &mut Canvas, shown: &Shown<'_>) {
        if shown.points.is_empty() {
            canvas.text((LEFT + 300.0, 0.5 * (TOP + BOTTOM)), 2, "nothing judged in this time", DIM);
        }
        let joined = |pair: &[Point]| pair[1].0 - pair[0].0 <= 2.5 * shown.step_seconds;
        for pair in shown.points.windows(2).filter(|pair| joined(pair)) {
            let (a, b) = (pair[0], pair[1]);
            let (left, right) = (self.x(a.0), self.x(b.0));
            let mut x = left.round();
            while x < right.round() {
                let share = if right > left { ((x - left) / (right - left)).clamp(0.0, 1.0) } else { 0.0 };
                let between = |of_a: f64, of_b: f64| of_a + (of_b - of_a) * share;
                let (upper, lower) = (self.y(between(a.3, b.3)), self.y(between(a.2, b.2)));
                canvas.fill((x, upper), (x + 1.0, lower), PLUM, 0.24);
                x += 1.0;
            }
        }
        for pair in shown.points.windows(2).filter(|pair| joined(pair)) {
            let (a, b) = (pair[0], pair[1]);
            canvas.line((self.x(a.0), self.y(a.1)), (self.x(b.0), self.y(b.1)), 2.5, 0.0, PLUM);
        }
        // A step without neighbours is a whisker of its own.
        for (i, point) in shown.points.iter().enumerate() {
            let before = i > 0 && joined(&[shown.points[i - 1], *point]);
            let after = shown.points.get(i + 1).is_some_and(|next| joined(&[*point, *next]));
            if !before && !after {
                let x = self.x(point.0);
                canvas.line((x, self.y(point.2)), (x, self.y(point.3)), 2.0, 0.0, PLUM);
                canvas.line((x - 3.0, self.y(point.1)), (x + 3.0, self.y(point.1)), 3.0, 0.0, PLUM);
            }
        }
    }

    /// The alarm, aligned events, and what the colours mean.
    fn marks(&self, canvas: &mut Canvas, incident: &Incident) {
        for event in &incident.aligned {
            let x = self.x(event.time.as_secs_f64());
            canvas.line((x, TOP), (x, BOTTOM), 1.5, 3.0, BLUE);
        }
        let x = self.x(incident.opened.as_secs_f64());
        canvas.line((x, TOP), (x, BOTTOM), 2.0, 0.0, RED);
        let happened = match incident.aligned.as_slice() {
            [] => "no aligned event".to_owned(),
            [event] => event.id.clone(),
            [event, rest @ ..] => format!("{} and {} more", event.id, rest.len()),
        };
        let words = [
            (PLUM, "mean, 95% interval".to_owned()),
            (DIM, "baseline".to_owned()),
            (AMBER, "began here".to_owned()),
            (RED, "alarm".to_owned()),
            (BLUE, within(&happened, 24)),
        ];
        let mut left = LEFT;
        for (colour, text) in words {
            canvas.fill((left, 391.0), (left + 14.0, 405.0), colour, 1.0);
            canvas.text((left + 20.0, 391.0), 2, &text, INK);
            left += 40.0 + f64::from(ADVANCE * 2) * text.chars().count() as f64;
        }
    }
}

/// The time of day, with the day where the picture spans several.
fn clock(seconds: f64, span: f64) -> String {
    let text = (Timestamp::default() + bifocal_model::Span::from_secs_f64(seconds)).to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    if span > 36.0 * 3600.0 { format!("{} {}", part(5, 10), part(11, 16)) } else { part(11, 16) }
}

/// The first characters, with a mark where some were left out.
fn within(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use bifocal_model::{AlignedEvent, Attribution, Dimension, EventKind, Fingerprint, Handling, TargetKey};

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(1_795_528_260 + 60 * minute)
    }

    fn incident() -> Incident {
        Incident {
            id: "i".into(),
            target: TargetKey::of_model("local", "qwen2.5-7b-instruct"),
            dimension: Dimension::new("relevance"),
            fingerprint: Fingerprint(1),
            opened: at(150),
            closed: None,
            onset_from: at(110),
            onset_to: at(132),
            evidence: 1e6,
            threshold: 1e6,
            baseline: 0.84,
            attribution: Attribution::default(),
            aligned: vec![AlignedEvent {
                time: at(118),
                kind: EventKind::Deployment,
                id: "d-123".into(),
                summary: "deployment d-123".into(),
            }],
            examples: Vec::new(),
            sentence: "qwen2.5-7b-instruct: relevance is lower by 0.05 to 0.11; deployment d-123 lies in the onset range".into(),
            handling: Handling::default(),
        }
    }

    /// Steps of ten minutes: good until minute 115, worse behind, and a gap from 180 to 220.
    fn points() -> Vec<Point> {
        let minutes = (5..300).step_by(10).filter(|minute| !(180..220).contains(minute));
        let of = |minute: i64| {
            let mean = if minute < 115 { 0.84 } else { 0.73 } + 0.01 * ((minute / 10 % 3) as f64 - 1.0);
            (at(minute).as_secs_f64(), mean, mean - 0.03, mean + 0.03)
        };
        minutes.map(of).collect()
    }

    fn shown<'a>(incident: &'a Incident, points: &'a [Point]) -> Shown<'a> {
        Shown { incident, points, from: at(0), to: at(300), step_seconds: 600.0 }
    }

    fn canvas(incident: &Incident, points: &[Point]) -> Canvas {
        let (shown, mut canvas) = (shown(incident, points), Canvas::new(WIDTH, HEIGHT, PAPER));
        let frame = Frame::of(&shown);
        frame.onset(&mut canvas, incident);
        frame.score(&mut canvas, &shown);
        frame.marks(&mut canvas, incident);
        canvas
    }

    #[expect(clippy::cast_possible_truncation, reason = "inside of the picture")]
    fn pixel(canvas: &Canvas, x: f64, y: f64) -> [u8; 3] {
        let at = ((y.round() as u32 * canvas.width + x.round() as u32) * 3) as usize;
        canvas.pixels[at..at + 3].try_into().unwrap()
    }

    #[test]
    fn score_onset_and_alarm_stand_where_they_belong() {
        let (incident, points) = (incident(), points());
        let picture = canvas(&incident, &points);
        let frame = Frame::of(&shown(&incident, &points));
        let x = |minute: i64| frame.x(at(minute).as_secs_f64());
        let plum = |pixel: [u8; 3]| {
            let [red, green, blue] = pixel.map(u32::from);
            red > green + 60 && blue > green + 20
        };
        let near = |minute: i64, value: f64| {
            (-16..=16).any(|dy| plum(pixel(&picture, x(minute), frame.y(value) + f64::from(dy))))
        };
        // The line swings by 0.01, some twelve pixels, around both levels, which are 130 apart.
        assert!(near(65, 0.84) && near(265, 0.73), "the line before and after");
        assert!(!near(65, 0.73) && !near(265, 0.84), "and not the other way round");
        assert!(
            !(-40..=40).any(|dy| plum(pixel(&picture, x(200), frame.y(0.73) + f64::from(dy)))),
            "a gap is a gap"
        );
        assert_eq!(pixel(&picture, x(150), TOP + 20.0), RED);
        let amber = pixel(&picture, x(127), TOP + 4.0);
        assert!(amber[2] < amber[0] && amber[0] > 200, "{amber:?}");
        assert_eq!(pixel(&picture, x(60), TOP + 2.0), PAPER, "before the onset range");
    }

    #[test]
    fn it_is_a_png_of_its_size_whatever_there_is() {
        let incident = incident();
        for points in [points(), Vec::new(), vec![points()[0]]] {
            let file = png(&shown(&incident, &points));
            assert_eq!(&file[1..4], b"PNG");
            assert_eq!(file[16..24], [WIDTH.to_be_bytes(), HEIGHT.to_be_bytes()].concat());
            assert!(file.len() < 100_000, "{}", file.len());
        }
        if let Some(folder) = std::env::var_os("BIFOCAL_RENDER") {
            std::fs::write(
                std::path::Path::new(&folder).join("chart.png"),
                png(&shown(&incident, &points())),
            )
            .ok();
        }
    }
}
