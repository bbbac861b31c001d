//! What should be in a Grafana.

use bifocal_watch::alert::RuleConfig;
use serde_json::{Value, json};

use super::alerts::{Around, over_cloudwatch, over_prometheus};
use super::contact::Contact;
use super::dashboard::{Page, dashboard};
use super::{FOLDER, MARK, PREFIX, datasource, quality, quantity, together};
use crate::cloudwatch::WriteBackConfig;

/// Which data source the dashboards read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// A Prometheus that scrapes Bifocal.
    Prometheus,
    /// CloudWatch: SageMaker's metrics, and those that Bifocal writes.
    CloudWatch,
}

impl Flavour {
    /// The name in uids, tags and folders; also the type of the data source.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::CloudWatch => "cloudwatch",
        }
    }

    pub(super) const fn source_type(self) -> &'static str {
        self.name()
    }
}

/// A component that CloudWatch's rules are made for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// Its endpoint.
    pub endpoint: String,
    /// Its name.
    pub name: String,
}

/// Where a flavour's data source comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DataSource {
    /// One is chosen on the dashboard; alert rules name that of the uid that would be made.
    #[default]
    Chosen,
    /// One that is there already, by its uid.
    There(String),
    /// One is made: the address of a Prometheus, or the region of CloudWatch.
    Made(String),
}

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The dashboards' flavours, in order.
    pub flavours: Vec<Flavour>,
    /// Prometheus.
    pub prometheus: DataSource,
    /// CloudWatch.
    pub cloudwatch: DataSource,
    /// The alert rules of the configuration.
    pub rules: Vec<RuleConfig>,
    /// What Bifocal writes to CloudWatch.
    pub written: WriteBackConfig,
    /// The components that CloudWatch's alert rules are for.
    pub components: Vec<Component>,
    /// Whom Grafana tells; rules send to the first, Grafana's own policies hold without one.
    pub contacts: Vec<Contact>,
    /// The address of Bifocal's page, for links in alerts.
    pub page: Option<String>,
}

/// What kind of thing it is, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A data source.
    DataSource,
    /// A folder.
    Folder,
    /// A dashboard.
    Dashboard,
    /// A contact point.
    ContactPoint,
    /// An alert rule.
    AlertRule,
}

impl Kind {
    /// What a person calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataSource => "data source",
            Self::Folder => "folder",
            Self::Dashboard => "dashboard",
            Self::ContactPoint => "contact point",
            Self::AlertRule => "alert rule",
        }
    }
}

/// One thing in a Grafana.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What kind.
    pub kind: Kind,
    /// Its uid.
    pub uid: String,
    /// As Grafana's API takes and gives it.
    pub body: Value,
}

impl Object {
    /// The thing of this body, which says its uid.
    pub fn new(kind: Kind, body: Value) -> Self {
        let uid = body["uid"].as_str().unwrap_or_default().to_owned();
        Self { kind, uid, body }
    }

    /// What a person calls it.
    pub fn title(&self) -> &str {
        let named = self.body["title"].as_str().or_else(|| self.body["name"].as_str());
        named.unwrap_or(&self.uid)
    }
}

/// Whether a thing that was found is one that Bifocal made: by its uid, and by its mark where it can carry one.
pub fn is_ours(object: &Object) -> bool {
    let is_marked = match object.kind {
        Kind::Dashboard => {
            object.body["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == MARK))
        }
        Kind::AlertRule => object.body["labels"]["managed_by"] == MARK,
        Kind::DataSource | Kind::Folder | Kind::ContactPoint => true,
    };
    is_marked && object.uid.starts_with(PREFIX)
}

/// What should be there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// In the order in which they are made.
    pub objects: Vec<Object>,
    /// What a person should know: what could not be said, and why.
    pub notes: Vec<String>,
}

impl Desired {
    /// What these options want.
    pub fn of(options: &Options) -> Self {
        let mut desired = Self::default();
        desired.objects.push(Object::new(Kind::Folder, json!({"uid": FOLDER, "title": "LLM"})));
        desired
            .objects
            .extend(options.contacts.iter().map(|contact| Object::new(Kind::ContactPoint, contact.json())));
        for flavour in &options.flavours {
            desired.add(*flavour, options);
        }
        desired.objects.sort_by_key(|object| object.kind);
        desired
    }

    fn add(&mut self, flavour: Flavour, options: &Options) {
        let source = match flavour {
            Flavour::Prometheus => &options.prometheus,
            Flavour::CloudWatch => &options.cloudwatch,
        };
        let made = match (source, flavour) {
            (DataSource::Made(url), Flavour::Prometheus) => Some(datasource::prometheus(url)),
            (DataSource::Made(region), Flavour::CloudWatch) => {
                Some(datasource::cloudwatch(region, &options.namespaces()))
            }
            _ => None,
        };
        self.objects.extend(made.map(|body| Object::new(Kind::DataSource, body)));
        let uid = match source {
            DataSource::There(uid) => uid.clone(),
            DataSource::Chosen | DataSource::Made(_) => datasource::uid(flavour),
        };
        let chosen = (*source != DataSource::Chosen).then_some(uid.as_str());
        for page in Page::ALL {
            let rows = match page {
                Page::Quantity => quantity::rows(flavour),
                Page::Quality => quality::rows(flavour, &options.written),
                Page::Together => together::rows(flavour, &options.written),
            };
            self.objects.push(Object::new(Kind::Dashboard, dashboard(page, flavour, &rows, chosen)));
        }
        let around = Around {
            source: &uid,
            receiver: options.contacts.first().map(Contact::name),
            page: options.page.as_deref(),
        };
        let rules = match flavour {
            Flavour::Prometheus => over_prometheus(&options.rules, &around),
            Flavour::CloudWatch => {
                let (rules, left_out) =
                    over_cloudwatch(&options.rules, &options.components, &options.written, &around);
                self.note_cloudwatch(&options.components, left_out);
                rules
            }
        };
        self.objects.extend(rules.into_iter().map(|body| Object::new(Kind::AlertRule, body)));
    }

    fn note_cloudwatch(&mut self, components: &[Component], left_out: Vec<String>) {
        if components.is_empty() {
            self.notes.push(
                "no alert rules over CloudWatch: name endpoint and component with --component ENDPOINT/NAME, or in the \
                 configuration"
                    .to_owned(),
            );
        } else {
            self.notes
                .extend(left_out.into_iter().map(|rule| format!("no alert rule over CloudWatch for {rule}")));
        }
    }
}

impl Options {
    /// The namespaces of the known components, as the data source's editor offers them.
    fn namespaces(&self) -> String {
        let of = |component: &Component| self.written.namespace.named(&component.name, &component.endpoint);
        let mut all: Vec<String> = self.components.iter().map(of).collect();
        all.dedup();
        all.join(",")
    }
}
