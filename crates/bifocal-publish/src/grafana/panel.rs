//! Panels: how a chart looks, apart from what it shows.

use bifocal_model::StateName;
use serde_json::{Map, Value, json};

use super::query::Query;

/// Columns of a dashboard.
pub(super) const COLUMNS: u32 = 24;
/// Rows of Grafana's grid that a panel takes.
pub(super) const HEIGHT: u32 = 8;

/// One panel, still without its place.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What it says and what it does not, for the (i) beside the title.
    pub(super) help: &'static str,
    pub(super) look: Look,
    /// Columns of 24.
    pub(super) width: u32,
    pub(super) queries: Vec<Query>,
    /// Queries, by letter, that are drawn on an axis of their own with their unit.
    pub(super) right: Option<(&'static str, &'static str)>,
}

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Lines over time, with a unit.
    Lines(&'static str),
    /// Lines from 0 to 1 before the article's bands: below 85% red, below 95% yellow, above green. Bounds are thin.
    Score,
    /// Areas upon each other.
    Stacked(&'static str),
    /// One number a target.
    Number(&'static str),
    /// The names of states over time.
    States,
    /// Something is or is not, over time.
    Firing,
}

/// A panel of half the width.
pub(super) fn panel(title: &'static str, help: &'static str, look: Look, queries: Vec<Query>) -> Panel {
    Panel { title, help, look, width: COLUMNS / 2, queries, right: None }
}

impl Panel {
    pub(super) fn wide(mut self, columns: u32) -> Self {
        self.width = columns;
        self
    }

    /// Draws the query of this letter on the right axis.
    pub(super) fn on_the_right(mut self, letter: &'static str, unit: &'static str) -> Self {
        self.right = Some((letter, unit));
        self
    }

    /// As Grafana reads it. `source` is the type of the data source.
    pub(super) fn json(&self, id: u32, x: u32, y: u32, source: &str) -> Value {
        let datasource = json!({"type": source, "uid": "${datasource}"});
        let targets: Vec<Value> = self
            .queries
            .iter()
            .zip('A'..='Z')
            .map(|(query, letter)| {
                let mut target = query.0.clone();
                target["refId"] = json!(letter.to_string());
                target["datasource"] = datasource.clone();
                if source == "cloudwatch" {
                    target["id"] = json!(format!("q{}", letter.to_ascii_lowercase()));
                }
                target
            })
            .collect();
        json!({
            "id": id,
            "type": self.look.kind(),
            "title": self.title,
            "description": self.help,
            "gridPos": {"h": HEIGHT, "w": self.width, "x": x, "y": y},
            "datasource": datasource,
            "targets": targets,
            "fieldConfig": {"defaults": self.look.defaults(), "overrides": self.overrides()},
            "options": self.look.options(),
        })
    }

    fn overrides(&self) -> Vec<Value> {
        let of = |letter: &str, properties: Value| json!({"matcher": {"id": "byFrameRefID", "options": letter}, "properties": properties});
        let mut all = Vec::new();
        if self.look == Look::Score {
            // By the order of `scores`: the value, then the ends of its interval.
            for bound in ["B", "C"] {
                let thin = json!([
                    {"id": "custom.lineWidth", "value": 1},
                    {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [4, 4]}},
                    {"id": "custom.hideFrom", "value": {"legend": true, "tooltip": false, "viz": false}},
                ]);
                all.push(of(bound, thin));
            }
        }
        if let Some((letter, unit)) = self.right {
            let right = json!([
                {"id": "unit", "value": unit},
                {"id": "custom.axisPlacement", "value": "right"},
                {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 4]}},
                {"id": "min", "value": 0},
                {"id": "max", "value": null},
            ]);
            all.push(of(letter, right));
        }
        all
    }
}

impl Look {
    fn kind(self) -> &'static str {
        match self {
            Self::Lines(_) | Self::Score | Self::Stacked(_) => "timeseries",
            Self::Number(_) => "stat",
            Self::States | Self::Firing => "state-timeline",
        }
    }

    fn defaults(self) -> Value {
        let lines = json!({"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "spanNulls": false});
        let with = |more: Value| {
            let mut custom: Map<String, Value> = lines.as_object().cloned().unwrap_or_default();
            custom.extend(more.as_object().cloned().unwrap_or_default());
            Value::Object(custom)
        };
        match self {
            Self::Lines(unit) => json!({"unit": unit, "min": 0, "custom": lines}),
            Self::Stacked(unit) => {
                let stacked = json!({"fillOpacity": 30, "stacking": {"mode": "normal", "group": "A"}});
                json!({"unit": unit, "min": 0, "custom": with(stacked)})
            }
            Self::Score => json!({
                "unit": "percentunit", "min": 0, "max": 1, "thresholds": bands(),
                "custom": with(json!({"thresholdsStyle": {"mode": "dashed+area"}})),
            }),
            Self::Number("percentunit") => json!({"unit": "percentunit", "thresholds": bands()}),
            Self::Number(unit) => json!({"unit": unit}),
            Self::States => json!({"mappings": [{"type": "value", "options": states()}],
                "custom": {"fillOpacity": 80, "lineWidth": 0}}),
            Self::Firing => json!({
                "mappings": [{"type": "value", "options": {
                    "0": {"text": "quiet", "color": "green", "index": 0},
                    "1": {"text": "firing", "color": "red", "index": 1},
                }}],
                "custom": {"fillOpacity": 80, "lineWidth": 0},
            }),
        }
    }

    fn options(self) -> Value {
        let legend = |placement: &str| json!({"showLegend": true, "displayMode": "list", "placement": placement, "calcs": []});
        match self {
            Self::Lines(_) | Self::Score | Self::Stacked(_) => {
                json!({"legend": legend("bottom"), "tooltip": {"mode": "multi", "sort": "desc"}})
            }
            Self::Number(_) => json!({
                "colorMode": "value", "graphMode": "area", "textMode": "value_and_name",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            }),
            Self::States | Self::Firing => json!({
                "mergeValues": true, "showValue": "auto", "alignValue": "left", "rowHeight": 0.9,
                "legend": legend("bottom"), "tooltip": {"mode": "single"},
            }),
        }
    }
}

/// The article's bands.
fn bands() -> Value {
    json!({"mode": "absolute", "steps": [
        {"color": "red", "value": null},
        {"color": "yellow", "value": 0.85},
        {"color": "green", "value": 0.95},
    ]})
}

/// Name and colour of each state by its number.
fn states() -> Value {
    let each = StateName::ALL.into_iter().map(|state| {
        let color = match state {
            StateName::Healthy => "green",
            StateName::Unknown => "text",
            StateName::Wasteful => "blue",
            StateName::ServiceDegraded => "yellow",
            StateName::Overloaded => "orange",
            StateName::SilentDegradation => "purple",
            StateName::Outage => "red",
        };
        let shown = json!({"text": state.name(), "color": color, "index": state.code()});
        (state.code().to_string(), shown)
    });
    Value::Object(each.collect())
}
