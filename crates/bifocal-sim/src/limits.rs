//! Every limit of this crate with its number. Each has a test that reaches it.

/// Occurrences of incidents in one run; more are refused.
pub(crate) const INCIDENTS: usize = 256;
/// Arrivals of one component in one second; the mean is 11, more than 40 has never a chance in a year.
pub(crate) const ARRIVALS_PER_SECOND: u64 = 64;
/// Requests of the traffic generator that may be open at once; further ones are left out and counted.
pub(crate) const OPEN_REQUESTS: usize = 2048;
/// Bytes of a request that the simulated servers read.
pub(crate) const REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// Name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    ("sim_incidents", INCIDENTS as u64, "incidents started in one run; more are refused"),
    (
        "sim_arrivals_per_second",
        ARRIVALS_PER_SECOND,
        "arrivals of one component in one second; the mean is 11",
    ),
    ("sim_open_requests", OPEN_REQUESTS as u64, "open requests of the traffic generator; more are left out"),
    ("sim_request_bytes", REQUEST_BYTES as u64, "a request to a simulated server; longer ones get 413"),
];
