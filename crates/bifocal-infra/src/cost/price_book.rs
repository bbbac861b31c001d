//! Prices and accelerators of instance types: the data file, and what the configuration puts before it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What instance types cost and hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceBook {
    /// By instance type and region.
    prices: BTreeMap<(String, String), InstancePrice>,
    /// Prices of the configuration: by type, for all regions or for one.
    own: BTreeMap<(String, Option<String>), InstancePrice>,
    /// Accelerators of the configuration, for types that the file does not know.
    own_accelerators: BTreeMap<String, u32>,
    families: BTreeMap<String, Family>,
    vcpus_per_xlarge: u32,
}

/// One price, and where it is from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstancePrice {
    /// US dollars an hour of one instance.
    pub usd_per_hour: f64,
    /// Who says so.
    pub source: String,
    /// When it was looked up.
    pub date: String,
    /// Whether the source shows the price of hosting.
    pub verified: bool,
}

/// What is wrong with a list of prices.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file cannot be read.
    #[error("read the list of prices")]
    Toml(#[source] Box<toml::de::Error>),
    /// A row that cannot be.
    #[error("price of `{instance_type}`: {what}")]
    Row {
        /// The instance type.
        instance_type: String,
        /// What is wrong.
        what: &'static str,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "for readers of the file")]
    version: u32,
    vcpus_per_xlarge: u32,
    cpu_families: Vec<String>,
    family: Vec<FamilyRow>,
    price: Vec<PriceRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FamilyRow {
    name: String,
    accelerator: String,
    memory_gb: Option<u32>,
    accelerators: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceRow {
    instance_type: String,
    usd_per_hour: f64,
    region: String,
    source: String,
    date: String,
    verified: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Family {
    accelerator: Option<String>,
    memory_gb: Option<u32>,
    /// By size; of a family without accelerators it is empty.
    accelerators: BTreeMap<String, u32>,
}

impl PriceBook {
    /// The prices that come with the binary.
    #[expect(clippy::expect_used, reason = "the file is part of the binary, and a test reads it")]
    pub fn builtin() -> Self {
        static BOOK: LazyLock<PriceBook> = LazyLock::new(|| {
            PriceBook::parse(include_str!("prices.toml")).expect("the built-in prices are valid")
        });
        BOOK.clone()
    }

    /// Reads a list of prices.
    pub fn parse(text: &str) -> Result<Self, BookError> {
        let file: File = toml::from_str(text).map_err(|err| BookError::Toml(Box::new(err)))?;
        let mut book = Self { vcpus_per_xlarge: file.vcpus_per_xlarge, ..Self::default() };
        for name in file.cpu_families {
            book.families.insert(name, Family::default());
        }
        for row in file.family {
            let family = Family {
                accelerator: Some(row.accelerator),
                memory_gb: row.memory_gb,
                accelerators: row.accelerators,
            };
            book.families.insert(row.name, family);
        }
        for row in file.price {
            let refuse = |what| BookError::Row { instance_type: row.instance_type.clone(), what };
            if !(row.usd_per_hour.is_finite() && row.usd_per_hour > 0.0) {
                return Err(refuse("is no amount above 0"));
            }
            let key = (row.instance_type.clone(), row.region.clone());
            let PriceRow { usd_per_hour, source, date, verified, .. } = &row;
            let (usd_per_hour, verified) = (*usd_per_hour, *verified);
            let price = InstancePrice { usd_per_hour, source: source.clone(), date: date.clone(), verified };
            if book.prices.insert(key, price).is_some() {
                return Err(refuse("stands there twice for one region"));
            }
        }
        Ok(book)
    }

    /// A price of the configuration, for one region or for all. It comes before the file's.
    pub fn set(
        &mut self,
        instance_type: &str,
        region: Option<&str>,
        usd_per_hour: f64,
    ) -> Result<(), BookError> {
        if !(usd_per_hour.is_finite() && usd_per_hour >= 0.0) {
            let what = "is no amount of dollars";
            return Err(BookError::Row { instance_type: instance_type.to_owned(), what });
        }
        let price = InstancePrice {
            usd_per_hour,
            source: "configuration".to_owned(),
            date: String::new(),
            verified: true,
        };
        self.own.insert((instance_type.to_owned(), region.map(str::to_owned)), price);
        Ok(())
    }

    /// How many accelerators a type holds, from the configuration.
    pub fn set_accelerators(&mut self, instance_type: &str, accelerators: u32) {
        self.own_accelerators.insert(instance_type.to_owned(), accelerators);
    }

    /// The price of a type in a region; `None` when it is unknown.
    pub fn price(&self, instance_type: &str, region: &str) -> Option<&InstancePrice> {
        let own = |region: Option<&str>| self.own.get(&(instance_type.to_owned(), region.map(str::to_owned)));
        let key = (instance_type.to_owned(), region.to_owned());
        own(Some(region)).or_else(|| own(None)).or_else(|| self.prices.get(&key))
    }

    /// Regions in which the price of a type is known, for a hint.
    pub fn regions(&self, instance_type: &str) -> Vec<&str> {
        let of_type = self.prices.keys().filter(|(known, _)| known == instance_type);
        of_type.map(|(_, region)| region.as_str()).collect()
    }

    /// Accelerators of one instance of a type; 0 of a type without, `None` of an unknown one.
    pub fn accelerators(&self, instance_type: &str) -> Option<u32> {
        if let Some(own) = self.own_accelerators.get(instance_type) {
            return Some(*own);
        }
        let (family, size) = self.family(instance_type)?;
        if family.accelerator.is_none() { Some(0) } else { family.accelerators.get(size).copied() }
    }

    /// What the accelerators of a type are, and how many gigabytes each has, where that is known.
    pub fn accelerator(&self, instance_type: &str) -> Option<(&str, Option<u32>)> {
        let (family, _) = self.family(instance_type)?;
        Some((family.accelerator.as_deref()?, family.memory_gb))
    }

    /// Cores of one instance of a type without accelerators.
    pub fn vcpus(&self, instance_type: &str) -> Option<u32> {
        let (_, size) = self.family(instance_type)?;
        match size {
            "large" => Some(self.vcpus_per_xlarge / 2),
            "xlarge" => Some(self.vcpus_per_xlarge),
            _ => Some(size.strip_suffix("xlarge")?.parse::<u32>().ok()? * self.vcpus_per_xlarge),
        }
    }

    fn family<'t>(&self, instance_type: &'t str) -> Option<(&Family, &'t str)> {
        let (family, size) = instance_type.strip_prefix("ml.").unwrap_or(instance_type).split_once('.')?;
        Some((self.families.get(family)?, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_of_their_region_and_an_unknown_one_is_unknown() {
        let book = PriceBook::builtin();
        let price = book.price("ml.g6.12xlarge", "us-east-1").unwrap();
        assert_eq!((price.usd_per_hour, price.date.as_str(), price.verified), (5.752, "2026-08", true));
        assert_eq!(book.price("ml.g5.12xlarge", "us-east-1").unwrap().usd_per_hour, 7.09, "not the G6's");
        assert_eq!(book.price("ml.g6.12xlarge", "eu-west-1"), None);
        assert_eq!(book.price("ml.p4de.24xlarge", "us-east-1"), None, "known, but not what it costs");
        assert_eq!(book.regions("ml.g5.48xlarge"), ["us-west-2"]);
        assert!(!book.price("ml.g5.4xlarge", "us-east-1").unwrap().verified);
    }

    #[test]
    fn the_configuration_comes_first() {
        let mut book = PriceBook::builtin();
        book.set("ml.g6.12xlarge", None, 4.0).unwrap();
        book.set("ml.g6.12xlarge", Some("eu-west-1"), 4.5).unwrap();
        let usd = |region| book.price("ml.g6.12xlarge", region).unwrap().usd_per_hour;
        assert_eq!((usd("us-east-1"), usd("eu-west-1")), (4.0, 4.5));
        for wrong in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(book.set("ml.g5.xlarge", None, wrong).is_err());
        }
        book.set_accelerators("ml.new.48xlarge", 16);
        assert_eq!(book.accelerators("ml.new.48xlarge"), Some(16));
    }

    #[test]
    fn accelerators_are_known_by_family_and_size() {
        let book = PriceBook::builtin();
        for (instance_type, want) in [
            ("ml.g5.12xlarge", Some(4)),
            ("ml.g5.16xlarge", Some(1)),
            ("ml.g6e.48xlarge", Some(8)),
            ("ml.p5.4xlarge", Some(1)),
            ("ml.inf2.48xlarge", Some(12)),
            ("ml.m5.xlarge", Some(0)),
            ("ml.g5.3xlarge", None),
            ("ml.x9.xlarge", None),
            ("", None),
        ] {
            assert_eq!(book.accelerators(instance_type), want, "{instance_type}");
        }
        assert_eq!(book.accelerator("ml.p4de.24xlarge"), Some(("A100", Some(80))));
        assert_eq!(book.accelerator("ml.c5.xlarge"), None);
        assert_eq!((book.vcpus("ml.c5.large"), book.vcpus("ml.c5.4xlarge")), (Some(2), Some(16)));
    }

    #[test]
    fn a_list_that_cannot_be_is_refused() {
        let head = "version = 1\nvcpus_per_xlarge = 4\ncpu_families = []\nfamily = []\n";
        let row = |usd: &str| {
            format!(
                "[[price]]\ninstance_type = \"a.b\"\nusd_per_hour = {usd}\nregion = \"r\"\nsource = \"s\"\ndate = \"d\"\nverified = true\n"
            )
        };
        assert!(PriceBook::parse(&format!("{head}{}", row("1.5"))).is_ok());
        for wrong in
            [format!("{head}{}", row("0.0")), format!("{head}{0}{0}", row("1.5")), head.replace("4", "x")]
        {
            assert!(PriceBook::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
