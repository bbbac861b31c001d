//! Where the services answer: AWS's own hosts, or what the user put in their place.

use std::collections::BTreeMap;

use url::Url;

use crate::error::Error;
use crate::operation::Service;

/// Addresses that stand in for those of AWS. `AWS_ENDPOINT_URL_<SERVICE>` goes before `AWS_ENDPOINT_URL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    all: Option<Url>,
    by_service: BTreeMap<Service, Url>,
}

impl Endpoints {
    /// The hosts of AWS.
    pub fn of_aws() -> Self {
        Self::default()
    }

    /// One address for every service.
    pub fn at(address: &str) -> Result<Self, Error> {
        Ok(Self { all: Some(parse("endpoint", address)?), by_service: BTreeMap::new() })
    }

    /// With an address of one service's own.
    pub fn with(mut self, service: Service, address: &str) -> Result<Self, Error> {
        self.by_service.insert(service, parse(service.label(), address)?);
        Ok(self)
    }

    /// From variables such as those of the environment.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        const ALL: &str = "AWS_ENDPOINT_URL";
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let ignored = given("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value == "true");
        if ignored {
            return Ok(Self::default());
        }
        let mut endpoints =
            Self { all: given(ALL).map(|value| parse(ALL, &value)).transpose()?, ..Self::default() };
        for &service in Service::ALL {
            let name = format!("{ALL}_{}", service.environment_suffix());
            if let Some(address) = given(&name) {
                endpoints.by_service.insert(service, parse(&name, &address)?);
            }
        }
        Ok(endpoints)
    }

    /// Whether the service is not asked at AWS's own host.
    pub fn is_replaced(&self, service: Service) -> bool {
        self.all.is_some() || self.by_service.contains_key(&service)
    }

    /// The service's address in the region, without a path where it is AWS's own.
    pub fn base(&self, service: Service, region: &str) -> Result<Url, Error> {
        if let Some(url) = self.by_service.get(&service).or(self.all.as_ref()) {
            return Ok(url.clone());
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        parse("region", &format!("https://{}.{region}.{domain}", service.host_prefix()))
    }

    /// The address of a bucket: `https://BUCKET.s3.REGION...`, or `ADDRESS/BUCKET` where the host is not AWS's own or
    /// the bucket's name does not fit the host's certificate.
    pub(crate) fn bucket(&self, bucket: &str, region: &str) -> Result<Url, Error> {
        let mut url = self.base(Service::S3, region)?;
        if !self.is_replaced(Service::S3) && !bucket.contains('.') {
            let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
            if url.set_host(Some(&host)).is_ok() {
                return Ok(url);
            }
        }
        let wrong = || Error::Endpoint { name: "s3".into(), reason: "it cannot have a path".into() };
        url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().push(bucket);
        Ok(url)
    }
}

fn parse(name: &str, address: &str) -> Result<Url, Error> {
    let wrong = |reason: &str| Error::Endpoint { name: name.to_owned(), reason: reason.to_owned() };
    let url = Url::parse(address).map_err(|err| wrong(&err.to_string()))?;
    let usable =
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && url.username().is_empty();
    if usable { Ok(url) } else { Err(wrong("it is no http://HOST:PORT or https://HOST address")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_are_those_of_aws_unless_replaced() {
        let aws = Endpoints::of_aws();
        let base = |service| aws.base(service, "eu-west-1").unwrap().to_string();
        assert_eq!(base(Service::SageMaker), "https://api.sagemaker.eu-west-1.amazonaws.com/");
        assert_eq!(base(Service::CloudWatch), "https://monitoring.eu-west-1.amazonaws.com/");
        let china = aws.base(Service::Sts, "cn-north-1").unwrap();
        assert_eq!(china.as_str(), "https://sts.cn-north-1.amazonaws.com.cn/");

        let variables = |name: &str| match name {
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:5000".to_owned()),
            "AWS_ENDPOINT_URL_S3" => Some("http://127.0.0.1:9000/base".to_owned()),
            _ => None,
        };
        let replaced = Endpoints::from_variables(variables).unwrap();
        assert_eq!(replaced.base(Service::Sts, "eu-west-1").unwrap().as_str(), "http://127.0.0.1:5000/");
        assert_eq!(replaced.bucket("b", "eu-west-1").unwrap().as_str(), "http://127.0.0.1:9000/base/b");
    }

    #[test]
    fn a_bucket_is_in_the_host_where_its_name_allows_it() {
        let bucket = |name| Endpoints::of_aws().bucket(name, "us-east-1").unwrap().to_string();
        assert_eq!(bucket("logs"), "https://logs.s3.us-east-1.amazonaws.com/");
        assert_eq!(bucket("my.logs"), "https://s3.us-east-1.amazonaws.com/my.logs");
    }

    #[test]
    fn an_address_that_is_none_is_named() {
        for wrong in ["127.0.0.1:5000", "ftp://h", "http://user@h"] {
            let err = Endpoints::at(wrong).unwrap_err().to_string();
            assert!(err.contains("endpoint"), "{err}");
        }
        let err = Endpoints::from_variables(|name| (name == "AWS_ENDPOINT_URL_STS").then(|| "x".into()))
            .unwrap_err();
        assert!(err.to_string().contains("AWS_ENDPOINT_URL_STS"), "{err}");
    }
}
