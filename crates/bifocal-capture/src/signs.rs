//! What an answer shows beside its text.

use bifocal_model::{Completeness, Signs};
use bifocal_wire::{CallResponse, Tools};

/// In a few numbers; calls of tools that were not captured to their end say nothing.
pub(crate) fn of(tools: Option<&Tools>, response: &CallResponse, completeness: &Completeness) -> Signs {
    let is_whole = *completeness == Completeness::Complete && response.complete;
    Signs {
        tool_use: tools.filter(|_| is_whole).and_then(|tools| tools.check(&response.tool_calls)),
        tokens: response.log_probs.as_ref().and_then(|log_probs| log_probs.signs()),
    }
}

#[cfg(test)]
mod tests {
    use bifocal_wire::CallRequest;

    use super::*;

    #[test]
    fn calls_of_tools_and_probabilities_are_measured_where_the_answer_is_whole() {
        let request = CallRequest::parse(
            br#"{"messages":[],"tools":[{"function":{"name":"now","parameters":{"required":["zone"]}}}]}"#,
        );
        let tools = request.unwrap().tools;
        let response = CallResponse::parse(
            br#"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"now","arguments":"{}"}}]},
                "finish_reason":"tool_calls","logprobs":{"content":[{"token":"a","logprob":-0.25}]}}]}"#,
        )
        .unwrap();
        let signs = of(tools.as_ref(), &response, &Completeness::Complete);
        assert_eq!(signs.tool_use.unwrap().fault, Some("required"));
        assert_eq!(signs.tokens.unwrap().mean, -0.25);
        let cut = of(tools.as_ref(), &response, &Completeness::AnswerTruncated);
        assert!(cut.tool_use.is_none() && cut.tokens.is_some());
        assert_eq!(of(None, &response, &Completeness::Complete).tool_use, None, "nothing was listed");
    }
}
