//! One captured call becomes one inference.

use std::collections::BTreeMap;

use bifocal_model::{
    Completeness, Component, ErrorClass, Identity, Inference, InferenceId, Probability, Source, TargetKey,
    TargetNames, Timing, TokenCount, Usage,
};
use bifocal_wire::data_capture::CapturedCall;
use bifocal_wire::{CallRequest, CallResponse, ErrorBody, Fields};

use crate::signs;

use crate::data_capture::attribution::{Attribution, By, UNATTRIBUTED};

/// What all calls of one file have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) origin: String,
    pub(crate) endpoint: String,
    pub(crate) variant: String,
    pub(crate) capture_probability: Probability,
    pub(crate) fingerprint: String,
    pub(crate) attribution: Attribution,
    /// Fields of requests that hold context.
    pub(crate) fields: Fields,
}

impl Common {
    /// The inference of the line at this offset, and what says whose it is. `last` is the target of the call before:
    /// calls of one target share its names.
    pub(crate) fn inference(
        &self,
        call: CapturedCall,
        offset: u64,
        last: &mut Option<TargetKey>,
    ) -> (Inference<String>, By) {
        let (component, by) = self.attribution.of(&self.variant, &call);
        let key = call.event_id.unwrap_or_else(|| format!("{}:{offset}", self.fingerprint));
        let identity = Identity { source: Source::DataCapture, key };
        let completeness = completeness(call.request.as_ref(), call.response.as_ref(), call.failed.as_ref());
        let request = call.request.unwrap_or_default();
        let failed =
            call.failed.or_else(|| call.response.as_ref().and_then(|response| response.error.clone()));
        let status = failed.as_ref().and_then(|error| error.code);
        let error =
            failed.map(|error| error.code.and_then(ErrorClass::of_status).unwrap_or(ErrorClass::Upstream));
        let response = call.response.unwrap_or_default();
        let signs = signs::of(request.tools.as_ref(), &response, &completeness);
        let shared = last.take().filter(|target| target.component == component);
        let target = last.insert(shared.unwrap_or_else(|| self.target(component))).clone();
        let served = response.served_model.map(|model| ("served_model".to_owned(), model));
        let joins = call.inference_id.map(|id| ("inference_id".to_owned(), id));
        let inference = Inference {
            id: InferenceId::of_identity(&identity, call.time),
            identity,
            target,
            labels: served.into_iter().chain(joins).collect::<BTreeMap<_, _>>(),
            tenant: None,
            time: call.time,
            usage: usage(&request, response.usage, error),
            messages: request.messages,
            answer: if error.is_none() { response.text } else { String::new() },
            finish_reason: response.finish_reason,
            // The record has no latency: absent, not zero.
            timing: Timing::default(),
            status,
            error,
            completeness,
            capture_probability: self.capture_probability,
            format_asked: request.format_asked,
            streamed: request.stream,
            redactions: Vec::new(),
            findings: bifocal_model::Findings::default(),
            chance: None,
            signs,
        };
        (inference, by)
    }

    /// The target of lines that cannot be read.
    pub(crate) fn nobody(&self) -> TargetKey {
        self.target(Component::InferenceComponent(UNATTRIBUTED.to_owned()))
    }

    fn target(&self, component: Component) -> TargetKey {
        TargetKey::new(TargetNames {
            origin: self.origin.clone(),
            endpoint: self.endpoint.clone(),
            variant: self.variant.clone(),
            component,
        })
    }
}

fn completeness(
    request: Option<&CallRequest>,
    response: Option<&CallResponse>,
    failed: Option<&ErrorBody>,
) -> Completeness {
    match (request, response) {
        (_, Some(response)) if response.truncated => Completeness::AnswerTruncated,
        (None, Some(_)) => Completeness::ResponseOnly,
        (_, None) if failed.is_none() => Completeness::RequestOnly,
        _ => Completeness::Complete,
    }
}

fn usage(request: &CallRequest, said: Usage, error: Option<ErrorClass>) -> Usage {
    let bytes: usize = request.messages.iter().map(|message| message.text.len()).sum();
    let counted =
        (bytes > 0 && error.is_none()).then(|| u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX));
    Usage { input: said.input.or_else(|| counted.map(TokenCount::estimate)), output: said.output }
}
