//! The proxy alone, with capture on and a sink that only counts: what forwarding, decoding and redaction cost.
//!
//! `bare_proxy LISTEN UPSTREAM`, such as `bare_proxy 127.0.0.1:7701 http://127.0.0.1:8000`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bifocal_capture::proxy::{Proxy, ProxyOptions, Sink};
use bifocal_model::{Inference, Loss, Source};
use bifocal_redact::Redacted;
use bifocal_store::{Arrival, Arrivals, Door};
use bifocal_telemetry::{SystemClock, TaskGroup, Telemetry};

#[derive(Default)]
struct Count {
    arrivals: Arrivals,
    calls: AtomicU64,
}

impl Sink for Count {
    fn door(&self) -> Door {
        self.arrivals.door(Source::Proxy)
    }

    fn take(&self, inferences: Vec<Inference<Redacted>>, losses: Vec<Loss>, _: Arrival) {
        self.calls.fetch_add(inferences.len() as u64, Ordering::Relaxed);
        for loss in losses {
            tracing::warn!(count = loss.count, "not recorded");
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, listen, upstream] = arguments.as_slice() else {
        return Err("usage: bare_proxy LISTEN UPSTREAM".into());
    };
    let options = ProxyOptions::new(listen.parse()?, upstream, "local");
    let tasks = TaskGroup::new();
    let clock = Arc::new(SystemClock::new());
    let (proxy, recorder) =
        Proxy::bind(&options, Arc::new(Count::default()), clock, &Telemetry::new()).await?;
    tasks.spawn_blocking("recorder", move || recorder.run());
    tasks.spawn("proxy", proxy.run(tasks.drain()));
    tokio::signal::ctrl_c().await?;
    tasks.stop_and_join().await;
    Ok(())
}
