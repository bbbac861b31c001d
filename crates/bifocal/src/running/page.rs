//! The page's address: API, page and `/metrics`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;
use bifocal_api::{
    ApiState, Deliveries, Delivery, JudgeNow, JudgePace, JudgeSpend, JudgedStratum, Judging, SpendNow,
    incident_picture, router,
};
use bifocal_evaluate::judge::{Cap, Circuit, JudgeQueue, JudgeState};
use bifocal_evaluate::pacer::Pace;
use bifocal_model::Timestamp;
use bifocal_publish::prometheus::Form;
use bifocal_store::{Intake, SmallState};
use bifocal_telemetry::{Clock, TaskGroup, Telemetry};
use bifocal_watch::Snapshot;
use tokio::net::TcpListener;

use super::listener::{self, Bounds};
use super::sink;
use crate::outbound::Pictures;
use crate::pipeline::Pipeline;
use crate::user_error::{Code, UserError};

/// Messages that are looked at for what became of alerts, the newest.
const OUTBOX_SHOWN: u32 = 2_000;

pub(super) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|err| {
        UserError::new(Code::PortInUse, format!("listen on {address} for page and API: {err}"))
            .hint("stop the other process or choose another address with --listen 127.0.0.1:PORT")
            .into()
    })
}

pub(super) fn serve(listener: TcpListener, state: ApiState, telemetry: Telemetry, tasks: &TaskGroup) {
    let served = listener::serve(listener, router(state), Bounds::default(), telemetry, tasks.drain());
    tasks.spawn("page", served);
}

pub(super) fn snapshot(snapshot: Arc<ArcSwap<Snapshot>>) -> Arc<dyn Fn() -> Arc<Snapshot> + Send + Sync> {
    Arc::new(move || snapshot.load_full())
}

/// Draws incidents that the watch knows.
pub(super) fn pictures(pipeline: &Pipeline, clock: &Arc<dyn Clock>) -> Pictures {
    let (reader, snapshot, clock) = (pipeline.reader(), pipeline.snapshot(), Arc::clone(clock));
    Pictures(Arc::new(move |id| {
        let snapshot = snapshot.load();
        let incident = snapshot.incidents.iter().find(|incident| incident.id == id)?;
        incident_picture(&reader, incident, clock.now()).ok()
    }))
}

pub(super) fn metrics(
    form: Form,
    pipeline: &Pipeline,
    telemetry: &Telemetry,
) -> Arc<dyn Fn() -> String + Send + Sync> {
    let (exposition, snapshot) = (pipeline.exposition(), pipeline.snapshot());
    let (reader, telemetry) = (pipeline.reader(), telemetry.clone());
    Arc::new(move || {
        let ledger = ledger_lines(&reader.ledger());
        let exposition = exposition.lock().unwrap_or_else(PoisonError::into_inner);
        exposition.render(form, &snapshot.load(), &ledger, &telemetry)
    })
}

/// Sources by outcome and reason, then judging the same way, summed over targets.
fn ledger_lines(ledger: &bifocal_store::Ledger) -> Vec<(String, String, String, u64)> {
    let mut lines: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    let mut add = |source: &str, outcome: &str, reason: &str, count: u64| {
        *lines.entry((source.to_owned(), outcome.to_owned(), reason.to_owned())).or_default() += count;
    };
    for ((source, _), arrived, line) in ledger.lines() {
        add(source.name(), "received", "", arrived.received);
        add(source.name(), "in_flight", "", arrived.in_flight);
        add(source.name(), "stored", "", line.stored);
        add(source.name(), "duplicate", "", line.duplicate);
        line.rejected.iter().for_each(|(reason, count)| add(source.name(), "rejected", reason, *count));
        line.dropped.iter().for_each(|(reason, count)| add(source.name(), "dropped", reason, *count));
    }
    for line in ledger.judging.values() {
        add("judge", "selected", "", line.selected);
        add("judge", "scored", "", line.scored);
        add("judge", "pending", "", line.pending);
        line.failed.iter().for_each(|(reason, count)| add("judge", "failed", reason, *count));
        line.shed.iter().for_each(|(reason, count)| add("judge", "shed", reason, *count));
    }
    lines.into_iter().map(|((source, outcome, reason), count)| (source, outcome, reason, count)).collect()
}

pub(super) fn readiness(intake: Intake) -> Arc<dyn Fn() -> Result<(), String> + Send + Sync> {
    Arc::new(move || {
        let full = || "the journal's queue is full: the disk is slower than the sources".to_owned();
        sink::has_room(&intake).then_some(()).ok_or_else(full)
    })
}

/// The pace of judging, as the pipeline last settled it.
type SharedPace = Arc<ArcSwap<Option<Pace>>>;

pub(super) fn judge_pace(pace: SharedPace) -> JudgePace {
    Arc::new(move || {
        let pace = pace.load();
        let pace = pace.as_ref().as_ref()?;
        let strata = pace.strata.iter().map(|stratum| JudgedStratum {
            target: stratum.target.id().to_string(),
            stratum: stratum.stratum.clone(),
            answers: stratum.answers,
            chosen: stratum.chosen,
            judged: stratum.judged,
            shed: stratum.shed,
            inclusion: stratum.inclusion,
            floor: stratum.floor,
            lacks: stratum.lacks,
            lacked_yesterday: stratum.lacked_yesterday,
        });
        Some(Judging { settled: pace.settled, core: pace.core, strata: strata.collect() })
    })
}

pub(super) fn judge_spend(queue: Option<JudgeQueue>, pace: SharedPace) -> JudgeSpend {
    Arc::new(move || {
        let queue = queue.as_ref()?;
        let pace = pace.load();
        let pace = pace.as_ref().as_ref();
        let spent = queue.spent();
        let (cap_usd, cap_tokens) = match queue.judge().config().cap() {
            Cap::Usd { usd, .. } => (Some(usd), None),
            Cap::Tokens(tokens) => (None, Some(tokens)),
        };
        let day = Timestamp::from_secs(spent.day.saturating_mul(86_400)).date_and_hour().0;
        let priced = queue.judge().prices().is_some();
        Some(SpendNow {
            usd: priced.then_some(spent.usd),
            tokens: spent.tokens,
            cap_usd,
            cap_tokens,
            day,
            forecast_usd: pace.and_then(|pace| pace.forecast_usd),
            forecast_tokens: pace.and_then(|pace| pace.forecast_tokens),
            below_floor: pace.map_or(0, |pace| pace.below_floor),
            below_floor_yesterday: pace.map_or(0, |pace| pace.below_floor_yesterday),
            waiting: queue.waiting() as u64,
            judges: queue.states().into_iter().map(judge_now).collect(),
        })
    })
}

fn judge_now(state: JudgeState) -> JudgeNow {
    let circuit = match state.standing.circuit {
        Circuit::Closed => "closed",
        Circuit::Open => "open",
        Circuit::HalfOpen => "half_open",
    };
    JudgeNow {
        evaluator: state.evaluator,
        role: state.role.to_owned(),
        circuit: circuit.to_owned(),
        away_since: state.standing.away_since,
        failures: state.standing.failures,
        last_failure: state.standing.last_failure.map(str::to_owned),
        next_try: state.standing.next_try,
        without_schema: state.without_schema,
    }
}

pub(super) fn deliveries(small_state: SmallState) -> Arc<dyn Fn() -> Deliveries + Send + Sync> {
    Arc::new(move || {
        let mut by_alert = Deliveries::new();
        for outgoing in small_state.outbox_recent(OUTBOX_SHOWN).unwrap_or_default() {
            let outcome = match (&outgoing.done_at, &outgoing.outcome) {
                (Some(_), Some(outcome)) if outcome == "delivered" => "delivered",
                (Some(_), _) => "failed",
                (None, _) => "pending",
            };
            by_alert.entry(alert_of(&outgoing.key).to_owned()).or_default().push(Delivery {
                channel: outgoing.channel,
                outcome: outcome.to_owned(),
                at: outgoing.done_at,
                attempts: outgoing.attempts,
                unanswered: outgoing.unanswered,
            });
        }
        by_alert
    })
}

/// The alert of a message: its key is the alert's id with `:firing`, `:resolved`, `:cause:<word>` or `:severity:<word>` behind.
fn alert_of(key: &str) -> &str {
    let (id, _) = key.rsplit_once(':').unwrap_or((key, ""));
    [":cause", ":severity"].iter().find_map(|word| id.strip_suffix(word)).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::alert_of;

    #[test]
    fn a_message_is_of_the_alert_whose_id_it_has_whole() {
        for (key, alert) in [
            ("m@9:1700:slow:firing", "m@9:1700:slow"),
            ("m@9:1700:slow answers:resolved", "m@9:1700:slow answers"),
            ("m@9:1700:slow:cause:judge", "m@9:1700:slow"),
            ("m@9:1700:slow:severity:critical", "m@9:1700:slow"),
            ("m@9:1700:a: b:firing", "m@9:1700:a: b"),
        ] {
            assert_eq!(alert_of(key), alert);
        }
    }
}
