//! The text of queries. Names and labels with dots stand in double quotes: written with underscores they match nothing.

use bifocal_model::Span;

/// The label that names the endpoint.
const ENDPOINT: &str = "aws.sagemaker.endpoint.name";

/// All series of a name of one endpoint. A selector must name the metric.
pub(super) fn selector(name: &str, endpoint: &str) -> String {
    format!("{{\"{}\",\"{ENDPOINT}\"=\"{}\"}}", escaped(name), escaped(endpoint))
}

/// How much series of deltas grew in the time before.
pub(super) fn growth(name: &str, endpoint: &str, over: Span) -> String {
    format!("sum_over_time({}[{}s])", selector(name, endpoint), over.to_duration().as_secs())
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_and_colons_are_quoted() {
        assert_eq!(
            selector("vllm:num_requests_running", "llm-prod"),
            r#"{"vllm:num_requests_running","aws.sagemaker.endpoint.name"="llm-prod"}"#
        );
        assert_eq!(selector("a\"b\\", "x"), r#"{"a\"b\\","aws.sagemaker.endpoint.name"="x"}"#);
        assert_eq!(
            growth("a", "x", Span::from_secs(60)),
            r#"sum_over_time({"a","aws.sagemaker.endpoint.name"="x"}[60s])"#
        );
    }
}
