//! Signature version 4.

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bifocal_model::Timestamp;

use crate::connect::Aws;
use crate::credentials::{Credentials, system_time};
use crate::error::Error;
use crate::operation::Service;

impl Aws {
    /// Signs a request for the service, in this region and with this identity: for what is passed on and not made
    /// here. Its address must be the one that it will be sent to, since the host is signed.
    pub async fn sign<B: AsRef<[u8]>>(
        &self,
        service: Service,
        request: &mut http::Request<B>,
    ) -> Result<(), Error> {
        let now = self.now();
        let credentials = self.inner.source.credentials(now).await?;
        apply(service, self.region(), &credentials, now, request)
    }
}

/// Adds the headers of the signature.
pub(crate) fn apply<B: AsRef<[u8]>>(
    service: Service,
    region: &str,
    credentials: &Credentials,
    now: Timestamp,
    request: &mut http::Request<B>,
) -> Result<(), Error> {
    let mut settings = SigningSettings::default();
    if service == Service::S3 {
        // S3 signs the path as it is sent, and wants the hash of the body in a header.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let unsignable = |what: String| Error::Misuse { action: "sign", what };
    let identity = credentials.0.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service.signing_name())
        .time(system_time(now))
        .settings(settings)
        .build()
        .map_err(|err| unsignable(err.to_string()))?
        .into();
    let address = request.uri().to_string();
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let instructions = {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Bytes(request.body().as_ref());
        let signable = SignableRequest::new(request.method().as_str(), &address, headers, body)
            .map_err(|err| unsignable(err.to_string()))?;
        sign(signable, &params).map_err(|err| unsignable(err.to_string()))?.into_parts().0
    };
    instructions.apply_to_request_http1x(request);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `get-vanilla` of AWS's published SigV4 test suite, with its service `service`, cannot be had with one of ours;
    /// the value below was made by botocore 1.43 (SigV4Auth) for this same request.
    #[test]
    fn a_signature_is_the_one_that_botocore_makes() {
        let mut request = http::Request::post("https://monitoring.us-east-1.amazonaws.com/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
            .body(b"{}".as_slice())
            .unwrap();
        let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None);
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        apply(Service::CloudWatch, "us-east-1", &keys, now, &mut request).unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert_eq!(authorization, include_str!("../testdata/sign/botocore.txt").trim());
    }
}
