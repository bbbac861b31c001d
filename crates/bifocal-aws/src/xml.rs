//! The little XML that S3, STS and errors speak.

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

/// Calls `each` with the name and the decoder of every child of the root.
pub(crate) fn children(
    text: &str,
    mut each: impl FnMut(&str, ScopedDecoder<'_, '_>) -> Result<(), XmlDecodeError>,
) -> Result<(), XmlDecodeError> {
    let mut document = Document::new(text);
    let mut root = document.root_element()?;
    while let Some(child) = root.next_tag() {
        let name = child.start_el().local().to_owned();
        each(&name, child)?;
    }
    Ok(())
}

/// The text inside an element.
pub(crate) fn text(mut element: ScopedDecoder<'_, '_>) -> Result<String, XmlDecodeError> {
    Ok(try_data(&mut element)?.into_owned())
}

/// The text of the first element with one of these names, at any depth, in the order of the names' first find.
pub(crate) fn find<const N: usize>(text: &str, names: [&str; N]) -> [Option<String>; N] {
    let mut found: [Option<String>; N] = std::array::from_fn(|_| None);
    let mut document = Document::new(text);
    while let Some(start) = document.next_start_element() {
        let Some(i) = names.iter().position(|name| start.local() == *name) else { continue };
        let mut element = document.scoped_to(start);
        if let Ok(value) = try_data(&mut element)
            && found[i].is_none()
        {
            found[i] = Some(value.into_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_at_any_depth_and_entities_are_read() {
        let text = "<?xml version=\"1.0\"?><ErrorResponse><Error><Type>Sender</Type><Code>A&amp;B</Code></Error></ErrorResponse>";
        assert_eq!(find(text, ["Code", "Message"]), [Some("A&B".to_owned()), None]);
        assert_eq!(find("no xml <<", ["Code"]), [None]);
    }
}
