//! The API and the page: axum routes under `/api/v1`, an OpenAPI document, and the embedded page.
//!
//! A handler extracts, asks the watch's snapshot and the store's reader, and maps what it gets into the rows of
//! [`rows`]; nothing is decided here. Reading from disk happens on blocking threads. Field names are stable;
//! times are RFC 3339 UTC; a number that is absent is `null`, never 0.
//!
//! Known quirks: `targets` and `fleet` give the same rows; `fleet` exists so that the first page is one request.
//! Cursors are time and id of the last row; they stay valid while the row is kept.
//! `scores` lists scores with a record of their own: of evaluators that look at every answer only what fell short of 1. What was
//! good is a bit of the call, and `inferences` lists it among the call's scores.

mod chart;
mod demo;
mod error;
mod guard;
pub mod labels;
mod limits;
mod openapi;
mod page;
mod picture;
mod router;
mod routes;
pub mod rows;
mod runbooks;
mod state;

pub use demo::{ActiveIncident, DemoControl};
pub use error::{ApiError, Code};
pub use limits::LIMITS;
pub use picture::incident_picture;
pub use router::router;
pub use state::{
    ApiState, Deliveries, Delivery, JudgeNow, JudgePace, JudgeSpend, JudgedStratum, Judging, SpendNow,
};
