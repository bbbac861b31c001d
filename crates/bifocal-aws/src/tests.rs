//! Calls against a server that answers what it was told to.

mod calls;
mod moto;
mod shapes;
