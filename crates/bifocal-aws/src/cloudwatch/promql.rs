//! CloudWatch's PromQL: Prometheus's HTTP API behind AWS's signature. Answers are handed on as bytes: how they are read is
//! `bifocal-wire`'s.

use bifocal_model::Timestamp;
use bytes::Bytes;

use crate::connect::Aws;
use crate::error::Error;
use crate::limits::JSON_BYTES;
use crate::operation::{Operation, Service};
use crate::protocol::unbuildable;

const QUERY: Operation = Operation::read(Service::CloudWatch, "PromQLQuery", "cloudwatch:QueryMetrics");
const NAMES: Operation = Operation::read(Service::CloudWatch, "PromQLNames", "cloudwatch:DescribeMetrics");

impl Aws {
    /// An instant query at a time.
    pub async fn promql(&self, query: &str, time: Timestamp) -> Result<Vec<u8>, Error> {
        let mut url = self.inner.endpoints.base(Service::CloudWatch, self.region())?;
        url.set_path("/api/v1/query");
        let request = http::Request::post(url.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form(query, time)))
            .map_err(|err| unbuildable(&QUERY, &err))?;
        self.call(&QUERY, &request, JSON_BYTES).await
    }

    /// The names of all metrics that PromQL knows.
    pub async fn promql_names(&self) -> Result<Vec<u8>, Error> {
        let mut url = self.inner.endpoints.base(Service::CloudWatch, self.region())?;
        url.set_path("/api/v1/label/__name__/values");
        let request = http::Request::get(url.as_str()).body(Bytes::new());
        let request = request.map_err(|err| unbuildable(&NAMES, &err))?;
        self.call(&NAMES, &request, JSON_BYTES).await
    }
}

fn form(query: &str, time: Timestamp) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("query", query).append_pair("time", &time.as_secs_f64().to_string()).finish()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fake, Prepared};

    #[tokio::test]
    async fn queries_are_signed_for_the_service_that_takes_them() {
        let fake = Fake::answering([Prepared::ok("{}"), Prepared::ok("[]")]).await;
        fake.aws.promql(r#"{"a:b","c.d"="e f"}"#, fake.now()).await.unwrap();
        fake.aws.promql_names().await.unwrap();
        let asked = fake.asked();
        assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("POST", "/api/v1/query"));
        assert_eq!(asked[0].body, "query=%7B%22a%3Ab%22%2C%22c.d%22%3D%22e+f%22%7D&time=1795521600");
        let signed = asked[0].headers["authorization"].to_str().unwrap();
        assert!(signed.contains("/us-east-1/monitoring/aws4_request"), "{signed}");
        assert_eq!(
            (asked[1].method.as_str(), asked[1].path.as_str()),
            ("GET", "/api/v1/label/__name__/values")
        );
    }
}
