//! What must not be committed: paths of one machine, hosts of package registries, and what tools leave behind.

use super::{Finding, Tree};

/// Folders of a machine. Built from pieces, so that this file does not name what it forbids.
const PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("C:\\Us", "ers"),
    concat!("/tm", "p/b/"),
    concat!(".li", "brary/"),
    concat!("target-", "shared"),
    concat!("testbed-", "shared"),
    concat!("tools-", "shared"),
];

/// Hosts of package registries: where packages come from is a matter of each machine's configuration.
const HOSTS: &[&str] = &[
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("index.cra", "tes.io"),
    concat!("static.cra", "tes.io"),
    concat!("art", "ifactory"),
    concat!("proxy.gol", "ang.org"),
];

/// Left behind by tools.
const TRAILERS: &[&str] = &[concat!("Co-auth", "ored-by:"), concat!("<<<<", "<<< "), concat!(">>>>", ">>> ")];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (number, line) in file.text.lines().enumerate() {
            let place = format!("{}:{}", file.path, number + 1);
            if let Some(path) = PATHS.iter().find(|path| names_path(line, path)) {
                let todo = "write a path from the root of the checkout, or take it from the environment";
                findings.push(Finding::new(&place, format!("names a path of one machine, `{path}`"), todo));
            }
            if let Some(host) = HOSTS.iter().find(|host| line.contains(*host)) {
                let todo = "remove it: package managers know where their packages come from";
                findings.push(Finding::new(&place, format!("names the package registry `{host}`"), todo));
            }
            if let Some(words) =
                TRAILERS.iter().find(|words| line.to_lowercase().contains(&words.to_lowercase()))
            {
                findings.push(Finding::new(&place, format!("holds `{words}`"), "remove it"));
            }
        }
    }
    findings
}

/// Whether the line names the folder itself, and not one of the same name further down or in a web address.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}$*~".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(line: &str) -> Vec<Finding> {
        check(&Tree::of(&[("docs/a.md", &format!("first\n{line}\n"))]))
    }

    #[test]
    fn every_pattern_is_found_and_its_line_named() {
        for pattern in PATHS.iter().chain(HOSTS).chain(TRAILERS) {
            let found = findings(&format!("see {pattern}main"));
            assert_eq!(found.len(), 1, "{pattern}");
            assert_eq!(found[0].place, "docs/a.md:2");
        }
    }

    #[test]
    fn a_folder_of_the_same_name_further_down_is_none_of_a_machine() {
        assert_eq!(findings(concat!("https://example.com/net", "/wo", "rk/a and src/ho", "me/x")), []);
    }
}
