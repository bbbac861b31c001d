//! The allowed edges between crates, and the check that there is no other.

use super::{File, Finding, Tree};

/// Each crate with the crates it may use. The arrows point down only. A crate may stand here before it exists.
pub(super) const EDGES: &[(&str, &[&str])] = &[
    ("bifocal-model", &[]),
    ("bifocal-telemetry", &["model"]),
    ("bifocal-expr", &["model"]),
    ("bifocal-stats", &["model"]),
    ("bifocal-wire", &["model"]),
    ("bifocal-redact", &["model"]),
    ("bifocal-aws", &["model", "wire", "telemetry"]),
    ("bifocal-store", &["model", "redact", "stats", "telemetry"]),
    ("bifocal-query", &["model", "store"]),
    ("bifocal-evaluate", &["model", "wire", "expr", "redact", "stats", "store", "telemetry"]),
    ("bifocal-infra", &["model", "wire", "aws", "store", "telemetry"]),
    ("bifocal-capture", &["model", "wire", "redact", "aws", "store", "telemetry"]),
    ("bifocal-watch", &["model", "expr", "stats", "store", "telemetry"]),
    ("bifocal-compare", &["model", "stats", "store"]),
    ("bifocal-publish", &["model", "aws", "store", "watch", "telemetry"]),
    ("bifocal-api", &["model", "store", "watch", "compare", "telemetry"]),
    ("bifocal-sim", &["model", "wire", "telemetry"]),
    (
        "bifocal",
        &[
            "model",
            "telemetry",
            "expr",
            "stats",
            "wire",
            "redact",
            "aws",
            "store",
            "query",
            "evaluate",
            "infra",
            "capture",
            "watch",
            "compare",
            "publish",
            "api",
            "sim",
        ],
    ),
];

/// The one crate that may name the SQL engine: it is as large as everything else together.
const ENGINE: &str = "datafusion";
const ENGINE_CRATE: &str = "bifocal-query";

const DEPENDENCIES: &[&str] = &["dependencies", "build-dependencies"];

/// What the crate may use, if the table knows it.
pub(super) fn allowed(name: &str) -> Option<&'static [&'static str]> {
    EDGES.iter().find(|(known, _)| *known == name).map(|(_, uses)| *uses)
}

/// The manifests of the crates, with the name of each (its folder).
pub(super) fn manifests(tree: &Tree) -> impl Iterator<Item = (&str, &File)> {
    tree.files.iter().filter_map(|file| {
        let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        (!name.contains('/')).then_some((name, file))
    })
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, file) in manifests(tree) {
        findings.extend(check_manifest(name, file));
    }
    for file in tree.below("crates/", "rs") {
        let crate_name = file.path.split('/').nth(1).unwrap_or_default();
        if crate_name != ENGINE_CRATE && file.text.contains(&format!("{ENGINE}::")) {
            findings.push(engine_named(&file.path));
        }
    }
    findings
}

fn check_manifest(name: &str, file: &File) -> Vec<Finding> {
    let Some(uses) = allowed(name) else {
        let todo = "add it to EDGES in xtask/src/tidy/edges.rs and to the table of ARCHITECTURE.md";
        return vec![Finding::new(
            &file.path,
            format!("the table of crate edges does not know `{name}`"),
            todo,
        )];
    };
    let manifest: toml::Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(err) => return vec![Finding::new(&file.path, format!("is not TOML: {err}"), "correct it")],
    };
    let mut findings = Vec::new();
    for used in dependencies(&manifest) {
        if used.starts_with(ENGINE) && name != ENGINE_CRATE {
            findings.push(engine_named(&file.path));
        }
        let short = match used.strip_prefix("bifocal-") {
            Some(short) => short,
            None if used == "bifocal" => "the binary",
            None => continue,
        };
        if !uses.contains(&short) {
            let may = if uses.is_empty() { "nothing".to_owned() } else { uses.join(", ") };
            findings.push(Finding::new(
                &file.path,
                format!("`{name}` may not use `{used}`"),
                format!(
                    "it may use {may}; pass what it needs as data, or change the table by a decision record"
                ),
            ));
        }
    }
    findings
}

/// Names of the packages in all normal and build dependency tables, those for one platform among them.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let mut tables = vec![manifest];
    if let Some(toml::Value::Table(targets)) = manifest.get("target") {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    let mut names = Vec::new();
    for table in tables {
        for kind in DEPENDENCIES {
            let Some(toml::Value::Table(entries)) = table.get(*kind) else { continue };
            for (key, value) in entries {
                let renamed = value.get("package").and_then(toml::Value::as_str);
                names.push(renamed.unwrap_or(key).to_owned());
            }
        }
    }
    names
}

fn engine_named(path: &str) -> Finding {
    Finding::new(
        path,
        format!("names `{ENGINE}`"),
        format!("only `{ENGINE_CRATE}` may: an edit elsewhere must not rebuild it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, manifest: &str) -> Vec<Finding> {
        check(&Tree::of(&[(&format!("crates/{name}/Cargo.toml"), manifest)]))
    }

    #[test]
    fn allowed_edges_and_dev_dependencies_pass() {
        let manifest = "[dependencies]\nbifocal-model.workspace = true\nbytes = \"1\"\n[dev-dependencies]\nbifocal-sim.workspace = true\n";
        assert_eq!(findings("bifocal-wire", manifest), []);
    }

    #[test]
    fn a_forbidden_edge_is_reported_in_every_form() {
        for manifest in [
            "[dependencies]\nbifocal-store.workspace = true\n",
            "[build-dependencies]\nbifocal-store = { path = \"../bifocal-store\" }\n",
            "[target.'cfg(unix)'.dependencies]\nbifocal-store.workspace = true\n",
            "[dependencies]\nstore = { package = \"bifocal-store\", path = \"../bifocal-store\" }\n",
        ] {
            let found = findings("bifocal-wire", manifest);
            assert_eq!(found.len(), 1, "{manifest}");
            assert_eq!(found[0].what, "`bifocal-wire` may not use `bifocal-store`");
            assert!(found[0].todo.starts_with("it may use model;"), "{}", found[0].todo);
        }
    }

    #[test]
    fn nothing_may_use_the_binary() {
        assert_eq!(findings("bifocal-wire", "[dependencies]\nbifocal.workspace = true\n").len(), 1);
    }

    #[test]
    fn an_unknown_crate_and_a_broken_manifest_are_reported() {
        assert!(findings("bifocal-new", "")[0].what.contains("does not know `bifocal-new`"));
        assert!(findings("bifocal-wire", "[dependencies")[0].what.starts_with("is not TOML"));
    }

    #[test]
    fn only_query_names_the_engine() {
        let manifest = "[dependencies]\ndatafusion = \"50\"\n";
        assert_eq!(findings("bifocal-query", manifest), []);
        assert_eq!(findings("bifocal-store", manifest).len(), 1);
        let source = format!("use {ENGINE}::prelude;");
        assert_eq!(check(&Tree::of(&[("crates/bifocal-store/src/lib.rs", &source)])).len(), 1);
        assert_eq!(check(&Tree::of(&[("crates/bifocal-query/src/lib.rs", &source)])), []);
    }

    #[test]
    fn the_table_has_no_cycle() {
        // Every crate stands below all that it uses.
        for (name, uses) in EDGES {
            let at = EDGES.iter().position(|(known, _)| known == name);
            for used in *uses {
                let used_at = EDGES.iter().position(|(known, _)| *known == format!("bifocal-{used}"));
                assert!(used_at.is_some() && used_at < at, "{name} uses {used}");
            }
        }
    }
}
