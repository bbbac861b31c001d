//! Answers of Prometheus's HTTP API: the series of an instant query, native histograms among them, and lists of names.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::WireError;
use crate::limits::{EXPOSITION_BYTES, LABELS, SAMPLES, WARNING_BYTES, WARNINGS, head};
use crate::loose::Loose;

/// What an instant query found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vector {
    /// The series, as they came.
    pub series: Vec<Series>,
    /// What the server says of the answer: that it was cut, for one.
    pub warnings: Vec<String>,
    /// Series that could not be read or are past a limit.
    pub left_out: u64,
}

/// One series and its newest value.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name; empty where a function took it away.
    pub name: String,
    /// Its other labels, by name.
    pub labels: BTreeMap<String, String>,
    /// What it has.
    pub point: Point,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// A number; NaN and infinities are values too.
    Number(f64),
    /// A native histogram.
    Histogram {
        /// How many.
        count: f64,
        /// Their sum.
        sum: f64,
        /// Upper ends with how many lie in each bucket, in the order of the answer.
        buckets: Vec<(f64, f64)>,
    },
}

/// A list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The names.
    pub names: Vec<String>,
    /// What the server says of the answer.
    pub warnings: Vec<String>,
    /// Names past the limit.
    pub left_out: u64,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Answer<'a, T> {
    #[serde(borrow)]
    status: Loose<'a>,
    data: Option<T>,
    #[serde(borrow, default)]
    warnings: Option<Vec<Loose<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    result_type: Loose<'a>,
    #[serde(borrow, default)]
    result: Vec<Found<'a>>,
}

#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow, default)]
    metric: BTreeMap<String, Loose<'a>>,
    #[serde(borrow, default)]
    value: Option<(f64, Loose<'a>)>,
    #[serde(borrow, default)]
    histogram: Option<(f64, Native<'a>)>,
}

#[derive(Deserialize)]
struct Native<'a> {
    #[serde(borrow)]
    count: Loose<'a>,
    #[serde(borrow)]
    sum: Loose<'a>,
    #[serde(borrow, default)]
    buckets: Vec<(Loose<'a>, Loose<'a>, Loose<'a>, Loose<'a>)>,
}

/// Reads the answer to an instant query.
pub fn vector(body: &[u8]) -> Result<Vector, WireError> {
    let (data, warnings) = answer::<Data<'_>>(body)?;
    if data.result_type.text().is_none_or(|kind| kind != "vector") {
        return Err(WireError::UnknownAnswer);
    }
    let mut vector = Vector { warnings, ..Vector::default() };
    for found in data.result {
        match found.series().filter(|_| vector.series.len() < SAMPLES) {
            Some(series) => vector.series.push(series),
            None => vector.left_out += 1,
        }
    }
    Ok(vector)
}

/// Reads the answer that lists the values of a label.
pub fn names(body: &[u8]) -> Result<Names, WireError> {
    let (data, warnings) = answer::<Vec<Loose<'_>>>(body)?;
    let mut names = Names { warnings, ..Names::default() };
    for name in data {
        match name.text().filter(|_| names.names.len() < SAMPLES) {
            Some(name) => names.names.push(name.into_owned()),
            None => names.left_out += 1,
        }
    }
    Ok(names)
}

fn answer<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<(T, Vec<String>), WireError> {
    if body.len() > EXPOSITION_BYTES {
        return Err(WireError::TooLong {
            what: "an answer",
            name: "exposition_bytes",
            limit: EXPOSITION_BYTES,
        });
    }
    let text = std::str::from_utf8(body)?;
    let answer: Answer<'a, T> = serde_json::from_str(text).map_err(|err| WireError::json(&err))?;
    let data = answer.data.filter(|_| answer.status.text().is_some_and(|status| status == "success"));
    let said = answer.warnings.unwrap_or_default().into_iter().filter_map(Loose::text);
    let warnings = said.take(WARNINGS).map(|warning| head(&warning, WARNING_BYTES).to_owned()).collect();
    Ok((data.ok_or(WireError::UnknownAnswer)?, warnings))
}

impl Found<'_> {
    fn series(self) -> Option<Series> {
        if self.metric.len() > LABELS {
            return None;
        }
        let mut labels = BTreeMap::new();
        for (name, value) in self.metric {
            labels.insert(name, value.text()?.into_owned());
        }
        let name = labels.remove("__name__").unwrap_or_default();
        let point = match (self.value, self.histogram) {
            (Some((_, value)), _) => Point::Number(number(&value)?),
            (None, Some((_, native))) => native.point()?,
            (None, None) => return None,
        };
        Some(Series { name, labels, point })
    }
}

impl Native<'_> {
    fn point(self) -> Option<Point> {
        let bucket = |(_, _, upper, count): &(Loose<'_>, Loose<'_>, Loose<'_>, Loose<'_>)| {
            Some((number(upper).filter(|upper| !upper.is_nan())?, number(count)?))
        };
        let buckets = self.buckets.iter().map(bucket).collect::<Option<Vec<_>>>()?;
        Some(Point::Histogram { count: number(&self.count)?, sum: number(&self.sum)?, buckets })
    }
}

/// The API writes numbers as text.
fn number(value: &Loose<'_>) -> Option<f64> {
    match value {
        Loose::Text(text) => text.trim().parse().ok(),
        other => other.number(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_native_histograms_are_read() {
        let body = br#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"__name__":"vllm:num_requests_running","aws.sagemaker.endpoint.name":"llm"},"value":[1795521600.5,"12"]},
            {"metric":{"a":"b"},"value":[1795521600,"NaN"]},
            {"metric":{"__name__":"h"},"histogram":[1795521600,{"count":"5","sum":"1.5","buckets":[[0,"0","0.1","3"],[0,"0.1","+Inf","2"]]}]},
            {"metric":{"__name__":"x"},"value":[1,"twelve"]},
            {"metric":{"__name__":"x"}}]},
            "warnings":["result truncated to 500 series",7]}"#;
        let vector = vector(body).unwrap();
        assert_eq!(vector.warnings, ["result truncated to 500 series"]);
        assert_eq!((vector.series.len(), vector.left_out), (3, 2));
        assert_eq!(vector.series[0].name, "vllm:num_requests_running");
        assert_eq!(vector.series[0].labels["aws.sagemaker.endpoint.name"], "llm");
        assert_eq!(vector.series[0].point, Point::Number(12.0));
        assert!(matches!(vector.series[1].point, Point::Number(value) if value.is_nan()));
        let histogram =
            Point::Histogram { count: 5.0, sum: 1.5, buckets: vec![(0.1, 3.0), (f64::INFINITY, 2.0)] };
        assert_eq!(vector.series[2].point, histogram);
    }

    #[test]
    fn lists_and_failures() {
        let listed = names(br#"{"status":"success","data":["a","b",3]}"#).unwrap();
        assert_eq!((listed.names, listed.left_out), (vec!["a".to_owned(), "b".to_owned()], 1));
        for wrong in [
            r#"{"status":"error","errorType":"bad_data","error":"secret"}"#,
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            "{}",
            "",
        ] {
            let err = vector(wrong.as_bytes()).unwrap_err().to_string();
            assert!(!err.contains("secret"), "{err}");
        }
    }

    #[test]
    fn limits_of_an_answer() {
        let warnings: Vec<String> =
            (0..=WARNINGS).map(|_| format!("\"{}\"", "w".repeat(WARNING_BYTES + 1))).collect();
        let body = format!(r#"{{"status":"success","data":[],"warnings":[{}]}}"#, warnings.join(","));
        let listed = names(body.as_bytes()).unwrap();
        assert_eq!(listed.warnings, vec!["w".repeat(WARNING_BYTES); WARNINGS]);
        let many = format!(r#"{{"status":"success","data":[{}"a"]}}"#, "\"a\",".repeat(SAMPLES));
        let listed = names(many.as_bytes()).unwrap();
        assert_eq!((listed.names.len(), listed.left_out), (SAMPLES, 1));
        let labels: Vec<String> = (0..=LABELS).map(|n| format!("\"l{n}\":\"\"")).collect();
        let wide = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{{}}},"value":[1,"1"]}}]}}}}"#,
            labels.join(",")
        );
        assert_eq!(vector(wide.as_bytes()).unwrap().left_out, 1);
        let long = vec![b' '; EXPOSITION_BYTES + 1];
        assert!(matches!(vector(&long), Err(WireError::TooLong { .. })));
    }
}
