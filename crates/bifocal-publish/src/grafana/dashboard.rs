//! A dashboard: rows of panels, laid out from the left, with variables and a mark of whose it is.

use serde_json::{Value, json};

use super::desired::Flavour;
use super::panel::{COLUMNS, HEIGHT, Panel};
use super::query::instant;
use super::variables::variables;
use super::{MARK, PREFIX};

/// The version of the classic model that is written; newer Grafanas migrate it.
const SCHEMA_VERSION: u32 = 39;

/// Panels under a heading.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) title: &'static str,
    /// The variable for each of whose values the row is there once.
    pub(super) repeat: Option<&'static str>,
    pub(super) panels: Vec<Panel>,
}

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Quantity,
    Quality,
    Together,
}

impl Page {
    pub(super) const ALL: [Self; 3] = [Self::Quantity, Self::Quality, Self::Together];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Quantity => "LLM Quantity",
            Self::Quality => "LLM Quality",
            Self::Together => "LLM Quantity x Quality",
        }
    }

    /// The end of uid and file name.
    fn slug(self) -> &'static str {
        match self {
            Self::Quantity => "llm-quantity",
            Self::Quality => "llm-quality",
            Self::Together => "llm-quantity-quality",
        }
    }
}

/// The uid of a dashboard.
pub(super) fn uid(page: Page, flavour: Flavour) -> String {
    format!("{PREFIX}{}-{}", flavour.name(), page.slug())
}

/// The whole dashboard. `source` is the uid of the data source that is chosen at first, if there is one.
pub(super) fn dashboard(page: Page, flavour: Flavour, rows: &[Row], source: Option<&str>) -> Value {
    let links: Vec<Value> =
        Page::ALL.into_iter().filter(|other| *other != page).map(|o| link(o, flavour)).collect();
    json!({
        "uid": uid(page, flavour),
        // Grafana wants titles that differ inside of a folder.
        "title": match flavour {
            Flavour::Prometheus => page.title().to_owned(),
            Flavour::CloudWatch => format!("{} (CloudWatch)", page.title()),
        },
        "tags": [MARK, "llm", flavour.name()],
        "schemaVersion": SCHEMA_VERSION,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "links": links,
        "templating": {"list": variables(flavour, source)},
        "annotations": {"list": annotations(flavour)},
        "panels": panels(rows, flavour),
    })
}

fn link(page: Page, flavour: Flavour) -> Value {
    json!({
        "title": page.title(), "type": "link", "url": format!("/d/{}", uid(page, flavour)), "icon": "dashboard",
        "tooltip": "", "tags": [], "asDropdown": false, "targetBlank": false, "includeVars": true, "keepTime": true,
    })
}

/// Alerts of Bifocal over all charts.
fn annotations(flavour: Flavour) -> Vec<Value> {
    let Flavour::Prometheus = flavour else { return Vec::new() };
    vec![json!({
        "name": "Alerts", "enable": true, "iconColor": "red",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "expr": instant("max by (alert, severity, @L) (bifocal_alert_firing{@S})", "").0["expr"],
        "step": "60s", "titleFormat": "{{alert}}", "textFormat": "{{inference_component}}{{model}}",
        "tagKeys": "severity",
    })]
}

fn panels(rows: &[Row], flavour: Flavour) -> Vec<Value> {
    let mut all = Vec::new();
    let (mut id, mut y) = (0, 0);
    let mut next = || {
        id += 1;
        id
    };
    for row in rows {
        let mut heading = json!({
            "type": "row", "id": next(), "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        });
        if let Some(variable) = row.repeat {
            heading["repeat"] = json!(variable);
        }
        all.push(heading);
        y += 1;
        let mut x = 0;
        for panel in &row.panels {
            if x + panel.width > COLUMNS {
                (x, y) = (0, y + HEIGHT);
            }
            all.push(panel.json(next(), x, y, flavour.source_type()));
            x += panel.width;
        }
        y += HEIGHT;
    }
    all
}
