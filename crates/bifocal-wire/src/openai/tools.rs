//! Tools that a request lists, calls of them in an answer, and whether the calls fit.

use bifocal_model::ToolUse;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json_schema::{Fit, Schema};
use crate::limits::{TOOL_ARGUMENT_BYTES, TOOL_BYTES, TOOL_CALLS, TOOLS, head};
use crate::loose::{Loose, aside};

/// The tools of a request: the name of each and the schema of its arguments, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools(Vec<(String, Option<Box<str>>)>);

/// The calls of tools in an answer, put together from the pieces of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCalls {
    calls: Vec<Call>,
    /// Something was left out for its size: what is here says nothing.
    is_cut: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Call {
    index: u32,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Loose<'a>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Called<'a> {
    #[serde(borrow, default)]
    index: Loose<'a>,
    #[serde(borrow)]
    function: Option<Saying<'a>>,
}

#[derive(Deserialize)]
struct Saying<'a> {
    #[serde(borrow, default)]
    name: Loose<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl Tools {
    /// `tools` of a request, or its older `functions`; `None` where there are none, or more than is looked at.
    pub(crate) fn of(tools: Option<&RawValue>, functions: Option<&RawValue>) -> Option<Self> {
        let is_long = |raw: Option<&RawValue>| raw.is_some_and(|raw| raw.get().len() > TOOL_BYTES);
        if is_long(tools) || is_long(functions) {
            return None;
        }
        let listed = aside::<Vec<Listed<'_>>>(tools).unwrap_or_default();
        let older = aside::<Vec<Function<'_>>>(functions).unwrap_or_default();
        let all = listed.into_iter().filter_map(|tool| tool.function).chain(older);
        let all: Vec<_> = all
            .filter_map(|tool| Some((tool.name.name()?, tool.parameters.map(|text| text.get().into()))))
            .take(TOOLS + 1)
            .collect();
        (!all.is_empty() && all.len() <= TOOLS).then_some(Self(all))
    }

    /// Whether these calls fit; `None` where there is none that could be told of. A schema with keywords that are not checked
    /// here says nothing.
    pub fn check(&self, calls: &ToolCalls) -> Option<ToolUse> {
        if calls.is_cut {
            return None;
        }
        let mut said = ToolUse { calls: 0, fault: None };
        for call in &calls.calls {
            let Some(fault) = self.fault(call) else { continue };
            said.calls += 1;
            said.fault = said.fault.or(fault);
        }
        (said.calls > 0).then_some(said)
    }

    /// What is wrong with a call, `Some(None)`: nothing; `None`: it cannot be told.
    fn fault(&self, call: &Call) -> Option<Option<&'static str>> {
        let Some((_, schema)) = self.0.iter().find(|(name, _)| *name == call.name) else {
            return Some(Some("unknown_tool"));
        };
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        let Ok(arguments @ Value::Object(_)) = serde_json::from_str::<Value>(arguments) else {
            return Some(Some("no_json"));
        };
        let Some(schema) = schema else { return Some(None) };
        match Schema::read(schema).ok()?.check(&arguments) {
            Fit::Fits => Some(None),
            Fit::Breaks(keyword) => Some(Some(keyword)),
            Fit::TooLong => None,
        }
    }
}

impl ToolCalls {
    /// Takes `tool_calls` of a message or of a piece of one, or its older `function_call`.
    pub(crate) fn take(&mut self, calls: Option<&RawValue>, function_call: Option<&RawValue>) {
        let called = aside::<Vec<Called<'_>>>(calls).unwrap_or_default();
        for (at, call) in (0_u32..).zip(called) {
            let Some(saying) = call.function else { continue };
            self.add(call.index.count().unwrap_or(at), saying);
        }
        if let Some(saying) = aside::<Saying<'_>>(function_call) {
            self.add(0, saying);
        }
    }

    fn add(&mut self, index: u32, saying: Saying<'_>) {
        let held: usize = self.calls.iter().map(|call| call.arguments.len()).sum();
        let at = match self.calls.iter().position(|call| call.index == index) {
            Some(at) => at,
            None if self.calls.len() < TOOL_CALLS => {
                self.calls.push(Call { index, ..Call::default() });
                self.calls.len() - 1
            }
            None => {
                self.is_cut = true;
                return;
            }
        };
        let Some(call) = self.calls.get_mut(at) else { return };
        if call.name.is_empty() {
            call.name = saying.name.name().unwrap_or_default();
        }
        let Some(raw) = saying.arguments else { return };
        // A text with JSON in it, or the JSON itself.
        let piece = serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| match raw.get() {
            "null" => String::new(),
            json => json.to_owned(),
        });
        let kept = head(&piece, TOOL_ARGUMENT_BYTES.saturating_sub(held));
        self.is_cut |= kept.len() < piece.len();
        call.arguments.push_str(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn tools() -> Tools {
        let json = r#"[
            {"type":"function","function":{"name":"weather","parameters":{"type":"object",
                "properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":1}},
                "required":["city"],"additionalProperties":false}}},
            {"type":"function","function":{"name":"now"}},
            {"type":"function","function":{"name":"odd","parameters":{"type":"object","patternProperties":{}}}},
            {"type":"web_search"}
        ]"#;
        Tools::of(Some(&raw(json)), None).unwrap()
    }

    fn check(name: &str, arguments: &str) -> Option<ToolUse> {
        let mut calls = ToolCalls::default();
        let call = serde_json::json!([{"function": {"name": name, "arguments": arguments}}]);
        calls.take(Some(&raw(&call.to_string())), None);
        tools().check(&calls)
    }

    #[test]
    fn calls_are_checked_against_the_schema_of_their_tool() {
        let fits = Some(ToolUse { calls: 1, fault: None });
        let breaks = |fault| Some(ToolUse { calls: 1, fault: Some(fault) });
        for (name, arguments, said) in [
            ("weather", r#"{"city":"Bern"}"#, fits),
            ("weather", r#"{"city":"Bern","days":2}"#, fits),
            ("weather", r#"{"days":2}"#, breaks("required")),
            ("weather", r#"{"city":7}"#, breaks("type")),
            ("weather", r#"{"city":"Bern","days":0}"#, breaks("minimum")),
            ("weather", r#"{"city":"Bern","place":1}"#, breaks("additionalProperties")),
            ("weather", r#"{"city":"Bern""#, breaks("no_json")),
            ("weather", r#"["Bern"]"#, breaks("no_json")),
            ("now", "", fits),
            ("now", r#"{"zone":"CET"}"#, fits),
            ("wether", r#"{"city":"Bern"}"#, breaks("unknown_tool")),
            ("odd", "{}", None),
        ] {
            assert_eq!(check(name, arguments), said, "{name}({arguments})");
        }
        assert_eq!(tools().check(&ToolCalls::default()), None);
        assert_eq!(Tools::of(Some(&raw("7")), Some(&raw("[]"))), None);
    }

    #[test]
    fn pieces_of_a_stream_make_the_same_calls() {
        let mut calls = ToolCalls::default();
        for piece in [
            r#"[{"index":0,"id":"a","function":{"name":"weather","arguments":""}}]"#,
            r#"[{"index":0,"function":{"arguments":"{\"city\":"}},{"index":1,"function":{"name":"now","arguments":null}}]"#,
            r#"[{"index":0,"function":{"arguments":"\"Bern\"}"}}]"#,
            r#"[{"index":1,"function":{"arguments":{"zone":"CET"}}},{"index":2}]"#,
        ] {
            calls.take(Some(&raw(piece)), None);
        }
        assert_eq!(tools().check(&calls), Some(ToolUse { calls: 2, fault: None }));
        let mut older = ToolCalls::default();
        older.take(None, Some(&raw(r#"{"name":"weather","arguments":"{}"}"#)));
        assert_eq!(tools().check(&older), Some(ToolUse { calls: 1, fault: Some("required") }));
        let functions = Tools::of(None, Some(&raw(r#"[{"name":"weather"}]"#))).unwrap();
        assert_eq!(functions.check(&older), Some(ToolUse { calls: 1, fault: None }));
    }

    #[test]
    fn limits_tools_tool_bytes_tool_calls_and_tool_argument_bytes() {
        let list = |n: usize| {
            let tools: Vec<String> = (0..n).map(|i| format!(r#"{{"function":{{"name":"t{i}"}}}}"#)).collect();
            Tools::of(Some(&raw(&format!("[{}]", tools.join(",")))), None)
        };
        assert!(list(TOOLS).is_some() && list(TOOLS + 1).is_none());
        let long = format!(r#"[{{"function":{{"name":"{}"}}}}]"#, "t".repeat(TOOL_BYTES));
        assert!(Tools::of(Some(&raw(&long)), None).is_none());
        let mut calls = ToolCalls::default();
        for i in 0..=TOOL_CALLS {
            assert!(!calls.is_cut, "{i}");
            calls.take(Some(&raw(&format!(r#"[{{"index":{i},"function":{{"name":"now"}}}}]"#))), None);
        }
        assert_eq!((calls.calls.len(), tools().check(&calls)), (TOOL_CALLS, None));
        let mut long = ToolCalls::default();
        let words = serde_json::json!([{"function": {"name": "now", "arguments": "x".repeat(TOOL_ARGUMENT_BYTES + 1)}}]);
        long.take(Some(&raw(&words.to_string())), None);
        assert_eq!((long.calls[0].arguments.len(), long.is_cut), (TOOL_ARGUMENT_BYTES, true));
    }
}
