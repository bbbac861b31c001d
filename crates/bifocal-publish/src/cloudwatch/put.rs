//! What goes to CloudWatch in one call.

use bifocal_model::Timestamp;

use crate::limits::{CLOUDWATCH_DATA_PER_PUT, CLOUDWATCH_PUT_BYTES};

/// One call of PutMetricData.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// Where to.
    pub namespace: String,
    /// At most 1,000, and at most a megabyte.
    pub data: Vec<Datum>,
}

/// One point of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// The metric.
    pub metric: String,
    /// Name and value; never empty, ASCII only.
    pub dimensions: Vec<(&'static str, String)>,
    /// When.
    pub time: Timestamp,
    /// The unit.
    pub unit: Unit,
    /// The number or numbers.
    pub value: Value,
}

/// Units of CloudWatch that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Scores and shares, as in AWS's notebook.
    None,
    /// Durations.
    Milliseconds,
    /// Numbers of answers.
    Count,
}

impl Unit {
    /// As CloudWatch spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Milliseconds => "Milliseconds",
            Self::Count => "Count",
        }
    }
}

/// One number, or what sums up many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// One number.
    One(f64),
    /// A statistic set.
    Many {
        /// How many.
        n: f64,
        /// Their sum.
        sum: f64,
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
}

impl Value {
    /// The one number that stands for all.
    pub(super) fn mean(self) -> f64 {
        match self {
            Self::One(value) => value,
            Self::Many { n, sum, .. } => sum / n,
        }
    }

    /// CloudWatch refuses what is no number.
    fn is_finite(self) -> bool {
        match self {
            Self::One(value) => value.is_finite(),
            Self::Many { n, sum, min, max } => [n, sum, min, max].into_iter().all(f64::is_finite),
        }
    }
}

impl Datum {
    /// What it takes in a body, at most: names twice quoted, numbers, the words around them.
    fn bytes(&self) -> usize {
        let dimensions: usize =
            self.dimensions.iter().map(|(name, value)| name.len() + 2 * value.len() + 32).sum();
        self.metric.len() + dimensions + 256
    }
}

/// Data of one namespace in as few calls as the limits of CloudWatch allow. What is no number is left out.
pub(super) fn puts(namespace: &str, data: Vec<Datum>) -> Vec<Put> {
    let mut puts: Vec<Put> = Vec::new();
    let mut bytes = 0;
    for datum in data.into_iter().filter(|datum| datum.value.is_finite()) {
        let is_full = |put: &Put| {
            put.data.len() >= CLOUDWATCH_DATA_PER_PUT || bytes + datum.bytes() > CLOUDWATCH_PUT_BYTES
        };
        if puts.last().is_none_or(is_full) {
            puts.push(Put { namespace: namespace.to_owned(), data: Vec::new() });
            bytes = 0;
        }
        bytes += datum.bytes();
        if let Some(put) = puts.last_mut() {
            put.data.push(datum);
        }
    }
    puts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datum(value: f64, dimension: &str) -> Datum {
        Datum {
            metric: "relevance_score".into(),
            dimensions: vec![("InferenceComponentName", dimension.to_owned())],
            time: Timestamp::from_secs(0),
            unit: Unit::None,
            value: Value::One(value),
        }
    }

    /// limits cloudwatch_data_per_put and cloudwatch_put_bytes.
    #[test]
    fn a_call_holds_what_cloudwatch_takes() {
        let many = puts("n", vec![datum(0.5, "qwen"); CLOUDWATCH_DATA_PER_PUT + 1]);
        assert_eq!(many.iter().map(|put| put.data.len()).collect::<Vec<_>>(), [CLOUDWATCH_DATA_PER_PUT, 1]);
        let long = puts("n", vec![datum(0.5, &"x".repeat(1_000)); 900]);
        assert_eq!(long.iter().map(|put| put.data.len()).sum::<usize>(), 900, "nothing is lost");
        assert!(long.len() > 1 && long.iter().all(|put| put.data.len() * 2_000 <= CLOUDWATCH_PUT_BYTES));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let wide = Datum {
            value: Value::Many { n: 1.0, sum: f64::INFINITY, min: 0.0, max: 1.0 },
            ..datum(0.0, "q")
        };
        assert_eq!(puts("n", vec![datum(f64::NAN, "q"), wide]), []);
    }
}
