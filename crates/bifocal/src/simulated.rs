//! The simulator's bytes through the ordinary decoding, redaction, scrape and judge, without sockets: the demo's
//! history and the simulations in process stand on this.

mod inline_judge;
mod replay;
mod run;

pub use inline_judge::InlineJudge;
pub use replay::Replay;
pub use run::{Run, World};
