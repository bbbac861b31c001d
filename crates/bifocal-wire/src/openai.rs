//! Requests and whole responses of OpenAI-compatible servers and of SageMaker's own containers (LMI, TGI).

mod conversation;
mod reply;
mod request;
mod response;

pub(crate) use reply::{Choice, Details, Reply};
pub use request::CallRequest;
pub use response::{CallResponse, ErrorBody};
pub(crate) use response::{error_of, finish_reason, usage};
