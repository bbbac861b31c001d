//! Small state that must outlive the process: notifications that wait to be sent, container logs of incidents, and named values. Every call
//! that writes has committed durably when it returns; it takes some milliseconds, so call it from a thread that
//! may wait.

use std::collections::HashSet;

use bifocal_model::{ContainerLog, Timestamp};
use bifocal_redact::Redacted;
use rusqlite::{OptionalExtension as _, params};

use crate::Error;
use crate::catalogue::{ALERT, Catalogue};
use crate::limits::{CONTAINER_LOGS, OUTBOX_LOOKAHEAD};

/// A handle on the small state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SmallState {
    catalogue: Catalogue,
}

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
    /// Not before.
    pub next_time: Timestamp,
    /// When it ended; `None` while it waits.
    pub done_at: Option<Timestamp>,
    /// How it ended, or how the last attempt did: `delivered`, `gave up: …`, `HTTP 503`.
    pub outcome: Option<String>,
}

const COLUMNS: &str = "key, channel, payload, created, attempts, next_time, done_at, outcome";

impl SmallState {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        Self { catalogue }
    }

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

    /// They were sent, or given up, as one message: they are not due any more.
    pub fn outbox_done(
        &self,
        keys: &[&str],
        channel: &str,
        time: Timestamp,
        outcome: &str,
    ) -> Result<(), Error> {
        let sql = "UPDATE outbox SET done_at = ?3, outcome = ?4, attempts = attempts + 1
                   WHERE key IN (SELECT value FROM json_each(?1)) AND channel = ?2 AND done_at IS NULL";
        self.execute("finish notifications", sql, params![list(keys), channel, time.as_nanos(), outcome])
    }

    /// An attempt to send them as one message failed; the next one is not before `next_time`.
    pub fn outbox_failed(
        &self,
        keys: &[&str],
        channel: &str,
        attempts: u32,
        next_time: Timestamp,
        outcome: &str,
    ) -> Result<(), Error> {
        let sql = "UPDATE outbox SET attempts = ?3, next_time = ?4, outcome = ?5
                   WHERE key IN (SELECT value FROM json_each(?1)) AND channel = ?2 AND done_at IS NULL";
        let params = params![list(keys), channel, attempts, next_time.as_nanos(), outcome];
        self.execute("postpone notifications", sql, params)
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

    /// Forgets notifications that ended before `time`.
    pub fn outbox_forget(&self, time: Timestamp) -> Result<(), Error> {
        let sql = "DELETE FROM outbox WHERE done_at < ?1";
        self.execute("forget notifications", sql, params![time.as_nanos()])
    }

    /// Keeps a value under a name.
    pub fn kv_put(&self, name: &str, body: &[u8]) -> Result<(), Error> {
        let sql = "INSERT OR REPLACE INTO kv (name, body) VALUES (?1, ?2)";
        self.execute("keep a value", sql, params![name, body])
    }

    /// The value under a name.
    pub fn kv_get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let connection = self.catalogue.lock();
        let found = connection.query_row("SELECT body FROM kv WHERE name = ?1", [name], |row| row.get(0));
        found.optional().map_err(Error::catalogue("read a value"))
    }

    /// Keeps what containers wrote around an incident, in place of what was kept of it before. Of many incidents the newest
    /// are kept; returns whether an older one had to go.
    pub fn container_logs_put(
        &self,
        incident: &str,
        logs: &[ContainerLog<Redacted>],
        time: Timestamp,
    ) -> Result<bool, Error> {
        let encode = |err| Error::Encode { what: "container logs", err };
        let body = rmp_serde::to_vec_named(logs).map_err(encode)?;
        self.execute(
            "keep container logs",
            "INSERT OR REPLACE INTO container_logs (incident, created, body) VALUES (?1, ?2, ?3)",
            params![incident, time.as_nanos(), body],
        )?;
        let sql = "DELETE FROM container_logs WHERE incident NOT IN (
                       SELECT incident FROM container_logs ORDER BY created DESC, incident LIMIT ?1)";
        let connection = self.catalogue.lock();
        let gone = connection.execute(sql, params![CONTAINER_LOGS]);
        gone.map(|rows| rows > 0).map_err(Error::catalogue("forget container logs"))
    }

    /// What containers wrote around an incident; `None` where nobody looked.
    pub fn container_logs(&self, incident: &str) -> Result<Option<Vec<ContainerLog<Redacted>>>, Error> {
        let sql = "SELECT body FROM container_logs WHERE incident = ?1";
        let found: Option<Vec<u8>> = {
            let connection = self.catalogue.lock();
            let found = connection.query_row(sql, [incident], |row| row.get(0)).optional();
            found.map_err(Error::catalogue("read container logs"))?
        };
        // What an earlier version wrote in another form is as if nobody had looked.
        Ok(found.and_then(|body| rmp_serde::from_slice(&body).ok()))
    }

    fn execute(&self, action: &'static str, sql: &str, params: impl rusqlite::Params) -> Result<(), Error> {
        self.catalogue.lock().execute(sql, params).map(|_| ()).map_err(Error::catalogue(action))
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
    })
}
