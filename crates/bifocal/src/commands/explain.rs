//! `bifocal explain CODE`.

use crate::Done;
use crate::output;
use crate::user_error::{Code, UserError};

/// Prints the page of a code.
pub fn run(code: &str) -> anyhow::Result<Done> {
    let wanted = code.trim().to_ascii_uppercase();
    let Some((_, _, page)) = Code::PAGES.iter().find(|(_, name, _)| *name == wanted) else {
        let known: Vec<&str> = Code::PAGES.iter().map(|(_, name, _)| *name).collect();
        let error = UserError::new(Code::Usage, format!("explain `{code}`: there is no such code"));
        return Err(error.hint(format!("codes: {}", known.join(", "))).into());
    };
    output::line(page.trim_end());
    Ok(Done::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_begins_with_its_code() {
        for (code, name, page) in Code::PAGES {
            assert_eq!(code.as_str(), *name);
            assert!(page.starts_with(&format!("# {name}: ")), "{name}");
            assert!(page.contains("**What to do.**"), "{name} says what to do");
        }
    }

    #[test]
    fn an_unknown_code_is_a_usage_mistake() {
        let error = run("B9999").unwrap_err();
        assert_eq!(error.downcast_ref::<UserError>().unwrap().code, Code::Usage);
    }
}
