//! Small state that must outlive the process: notifications that wait to be sent (`crate::outbox`), container logs of
//! incidents, and named values. Every call that writes has committed durably when it returns; it takes some
//! milliseconds, so call it from a thread that may wait.

use bifocal_model::{ContainerLog, Timestamp};
use bifocal_redact::Redacted;
use rusqlite::{OptionalExtension as _, params};

use crate::Error;
use crate::catalogue::Catalogue;
use crate::limits::CONTAINER_LOGS;

/// A handle on the small state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SmallState {
    pub(crate) catalogue: Catalogue,
}

impl SmallState {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        Self { catalogue }
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

    pub(crate) fn execute(
        &self,
        action: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<(), Error> {
        self.catalogue.lock().execute(sql, params).map(|_| ()).map_err(Error::catalogue(action))
    }
}
