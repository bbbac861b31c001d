//! The outbox: notifications that wait to be sent, and what became of those that were.
//!
//! An attempt is noted here before anything is sent, so that a start after a stop in the middle of it knows which messages a
//! receiver may have: those are sent again, under the same key, and counted. The note costs one commit a look at most, for
//! the next attempt is noted in the commit that ends the one before.

use std::collections::HashSet;

use bifocal_model::{Span, Timestamp};
use rusqlite::params;

use crate::catalogue::ALERT;
use crate::limits::OUTBOX_LOOKAHEAD;
use crate::{Error, SmallState};

/// What began and has not ended is kept so many times as long as the rest: its end goes where its beginning was told.
const LASTING: i64 = 10;

/// A notification for one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The idempotency key.
    pub key: String,
    /// The channel.
    pub channel: String,
    /// What is sent.
    pub payload: Vec<u8>,
    /// When it was put here.
    pub created: Timestamp,
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts that may have reached the receiver although nothing confirms it: it may have the message already.
    pub unanswered: u32,
    /// The key of the first of the messages that it was first sent together with; `None` before it was sent.
    pub parcel: Option<String>,
    /// Not before.
    pub next_time: Timestamp,
    /// When it ended; `None` while it waits.
    pub done_at: Option<Timestamp>,
    /// How it ended, or how the last attempt did: `delivered`, `gave up: …`, `HTTP 503`.
    pub outcome: Option<String>,
}

/// What is known of an attempt to send messages as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// It begins now.
    Begins,
    /// They were sent, or given up: they are not due any more.
    Ended {
        /// How.
        outcome: &'a str,
    },
    /// It failed.
    Failed {
        /// Attempts so far, this one among them.
        attempts: u32,
        /// The next one is not before.
        next_time: Timestamp,
        /// Why.
        outcome: &'a str,
        /// Whether the receiver said no, or was never reached. Without an answer it may have taken them.
        is_answered: bool,
    },
}

const COLUMNS: &str =
    "key, channel, payload, created, attempts, next_time, done_at, outcome, unanswered, parcel";

impl SmallState {
    /// Puts a notification into the outbox. `false` when the same key is there for the channel: nothing changes.
    pub fn outbox_put(
        &self,
        key: &str,
        channel: &str,
        payload: &[u8],
        time: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "INSERT OR IGNORE INTO outbox (key, channel, payload, created, next_time)
                   VALUES (?1, ?2, ?3, ?4, ?4)";
        let connection = self.catalogue.lock();
        let put = connection.execute(sql, params![key, channel, payload, time.as_nanos()]);
        put.map(|rows| rows > 0).map_err(Error::catalogue("put a notification"))
    }

    /// Notifications of a channel to send at `now`, the oldest first. One with an older companion that is not sent yet
    /// is not among them: messages with the same `alert_id` in their JSON keep their order. Of those whose time has come the
    /// oldest [`OUTBOX_LOOKAHEAD`] are looked at, so that a channel that is down for long costs no more than that; those that
    /// wait for another attempt are not among these, and keep no new one waiting.
    pub fn outbox_due(&self, channel: &str, now: Timestamp, limit: u32) -> Result<Vec<Outgoing>, Error> {
        let alert = |row: &str| ALERT.replace("payload", &format!("{row}.payload"));
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox AS due
             WHERE channel = ?1 AND done_at IS NULL AND next_time <= ?3 AND NOT EXISTS (
                 SELECT 1 FROM outbox AS older
                 WHERE older.channel = ?1 AND {} = {} AND older.done_at IS NULL AND older.next_time > ?3
                 AND (older.created, older.key) < (due.created, due.key))
             ORDER BY created, key LIMIT ?2",
            alert("older"),
            alert("due"),
        );
        let waiting = self.outgoing(&sql, params![channel, OUTBOX_LOOKAHEAD, now.as_nanos()])?;
        let mut alerts = HashSet::new();
        let is_first =
            |outgoing: &Outgoing| alert_of(&outgoing.payload).is_none_or(|alert| alerts.insert(alert));
        Ok(waiting.into_iter().filter(is_first).take(limit as usize).collect())
    }

    /// The newest notifications of all channels, sent or not.
    pub fn outbox_recent(&self, limit: u32) -> Result<Vec<Outgoing>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM outbox ORDER BY created DESC, key LIMIT ?1");
        self.outgoing(&sql, params![limit])
    }

    /// What was put for any channel about one alert, the newest first.
    pub fn outbox_of(&self, alert_id: &str) -> Result<Vec<Outgoing>, Error> {
        // A key is the alert's id, a colon and what is told of it: those lie together.
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox WHERE key > ?1 || ':' AND key < ?1 || ';' ORDER BY created DESC, key DESC"
        );
        let near = self.outgoing(&sql, params![alert_id])?;
        // A rule's name may hold a colon, and then its keys begin as those of another rule do.
        Ok(near
            .into_iter()
            .filter(|outgoing| alert_of(&outgoing.payload).as_deref() == Some(alert_id))
            .collect())
    }

    /// Notes attempts of a channel, all in one commit. Each is about the messages with these keys that have not ended.
    pub fn outbox_note(
        &self,
        channel: &str,
        time: Timestamp,
        notes: &[(&[&str], Attempt<'_>)],
    ) -> Result<(), Error> {
        const OF: &str =
            "WHERE key IN (SELECT value FROM json_each(?1)) AND channel = ?2 AND done_at IS NULL";
        let mut connection = self.catalogue.lock();
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            for (messages, attempt) in notes {
                let keys = list(messages);
                match *attempt {
                    Attempt::Begins => {
                        let sql = format!("UPDATE outbox SET begun = ?3, parcel = coalesce(parcel, ?4) {OF}");
                        let params = params![keys, channel, time.as_nanos(), messages.first()];
                        transaction.prepare_cached(&sql)?.execute(params)?;
                    }
                    Attempt::Ended { outcome } => {
                        let sql = format!(
                            "UPDATE outbox SET begun = NULL, done_at = ?3, outcome = ?4, attempts = attempts + 1 {OF}"
                        );
                        let params = params![keys, channel, time.as_nanos(), outcome];
                        transaction.prepare_cached(&sql)?.execute(params)?;
                    }
                    Attempt::Failed { attempts, next_time, outcome, is_answered } => {
                        let sql = format!(
                            "UPDATE outbox SET begun = NULL, attempts = ?3, next_time = ?4, outcome = ?5,
                             unanswered = unanswered + ?6 {OF}"
                        );
                        let next = next_time.as_nanos();
                        let params = params![keys, channel, attempts, next, outcome, !is_answered];
                        transaction.prepare_cached(&sql)?.execute(params)?;
                    }
                }
            }
            transaction.commit()
        };
        write().map_err(Error::catalogue("note an attempt"))
    }

    /// After a start: the attempts of a channel that were begun, and neither confirmed nor failed before the process ended. They
    /// count as unanswered, and their messages are due. Returns how many messages that were.
    pub fn outbox_interrupted(&self, channel: &str) -> Result<usize, Error> {
        let sql = "UPDATE outbox SET begun = NULL, attempts = attempts + 1, unanswered = unanswered + 1,
                   outcome = 'the process ended before an answer came'
                   WHERE channel = ?1 AND begun IS NOT NULL AND done_at IS NULL";
        let interrupted = self.catalogue.lock().execute(sql, params![channel]);
        interrupted.map_err(Error::catalogue("look for interrupted attempts"))
    }

    /// Gives up what waits for channels that are not among these. Returns how many messages that were.
    pub fn outbox_give_up(
        &self,
        channels: &[String],
        time: Timestamp,
        outcome: &str,
    ) -> Result<usize, Error> {
        let known = list(channels);
        let sql = "UPDATE outbox SET done_at = ?2, outcome = ?3
                   WHERE done_at IS NULL AND channel NOT IN (SELECT value FROM json_each(?1))";
        let connection = self.catalogue.lock();
        let given_up = connection.execute(sql, params![known, time.as_nanos(), outcome]);
        given_up.map_err(Error::catalogue("give up notifications"))
    }

    /// Forgets notifications that ended before `now - kept`. Those of an alert whose end has not been told for as long stay ten
    /// times as long: its end goes where its beginning was told.
    pub fn outbox_forget(&self, now: Timestamp, kept: Span) -> Result<(), Error> {
        let sql = format!(
            "DELETE FROM outbox WHERE done_at < ?1 AND (done_at < ?2 OR EXISTS (
                 SELECT 1 FROM outbox AS ended WHERE ended.channel = outbox.channel
                 AND ended.key = ({}) || ':resolved' AND ended.done_at < ?1))",
            ALERT.replace("payload", "outbox.payload")
        );
        let before = now - kept;
        let long_before = now - Span::from_nanos(kept.as_nanos().saturating_mul(LASTING));
        self.execute("forget notifications", &sql, params![before.as_nanos(), long_before.as_nanos()])
    }

    fn outgoing(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Outgoing>, Error> {
        let connection = self.catalogue.lock();
        let read = || -> rusqlite::Result<Vec<Outgoing>> {
            let mut query = connection.prepare(sql)?;
            query.query_map(params, outgoing_of)?.collect()
        };
        read().map_err(Error::catalogue("read notifications"))
    }
}

/// As `json_each` reads it.
fn list<T: serde::Serialize>(names: &[T]) -> String {
    serde_json::to_string(names).unwrap_or_default()
}

/// Which alert a message is about, read from its JSON.
fn alert_of(payload: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Of {
        alert_id: String,
    }
    serde_json::from_slice::<Of>(payload).ok().map(|of| of.alert_id)
}

fn outgoing_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Outgoing> {
    let done_at: Option<i64> = row.get(6)?;
    Ok(Outgoing {
        key: row.get(0)?,
        channel: row.get(1)?,
        payload: row.get(2)?,
        created: Timestamp::from_nanos(row.get(3)?),
        attempts: row.get(4)?,
        next_time: Timestamp::from_nanos(row.get(5)?),
        done_at: done_at.map(Timestamp::from_nanos),
        outcome: row.get(7)?,
        unanswered: row.get(8)?,
        parcel: row.get(9)?,
    })
}
