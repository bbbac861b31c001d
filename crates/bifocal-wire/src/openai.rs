//! Requests and whole responses of OpenAI-compatible servers and of SageMaker's own containers (LMI, TGI).

mod conversation;
mod log_probs;
mod reply;
mod request;
mod response;
mod tools;

pub use log_probs::LogProbs;
pub(crate) use log_probs::log_probs_of_choice;
pub(crate) use reply::{Choice, Details, Reply};
pub use request::{CallRequest, Sampling};
pub use response::{CallResponse, ErrorBody};
pub(crate) use response::{error_of, finish_reason, replies, usage};
pub use tools::{ToolCalls, Tools};
