//! The catalogue: which segments exist, up to which record everything is sealed, and small state. SQLite, one
//! connection behind a lock, every commit durable before the call returns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bifocal_model::{AnchorScore, Event, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::labels::Person;
use crate::segment::{Segment, Table};
use crate::{Checkpoint, Error, Seq, failpoint, limits};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (
    path TEXT PRIMARY KEY, tab TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, sealed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (name TEXT PRIMARY KEY, sealed INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoints (
    file TEXT PRIMARY KEY, offset INTEGER NOT NULL, finished_at INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS anchor_scores (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS labels (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    key TEXT NOT NULL, channel TEXT NOT NULL, payload BLOB NOT NULL, created INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_time INTEGER NOT NULL, done_at INTEGER, outcome TEXT,
    PRIMARY KEY (key, channel)) WITHOUT ROWID;
DROP INDEX IF EXISTS outbox_due;
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (channel, created, key) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS outbox_alerts ON outbox (channel,
    CASE WHEN json_valid(CAST(payload AS TEXT)) THEN json_extract(CAST(payload AS TEXT), '$.alert_id') END)
    WHERE done_at IS NULL;
CREATE TABLE IF NOT EXISTS container_logs (
    incident TEXT PRIMARY KEY, created INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kv (name TEXT PRIMARY KEY, body BLOB NOT NULL);
";

/// Columns that a table of an earlier version does not have yet. An earlier version reads past them.
const LATER_COLUMNS: &[(&str, &str, &str)] = &[
    ("outbox", "begun", "INTEGER"),
    ("outbox", "unanswered", "INTEGER NOT NULL DEFAULT 0"),
    ("outbox", "parcel", "TEXT"),
];

/// Which alert a message of the outbox is about, as the index `outbox_alerts` holds it; NULL where it does not say.
pub(crate) const ALERT: &str =
    "CASE WHEN json_valid(CAST(payload AS TEXT)) THEN json_extract(CAST(payload AS TEXT), '$.alert_id') END";

/// The catalogue's connection. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    connection: Arc<Mutex<Connection>>,
}

/// Everything that a seal commits at once.
#[derive(Debug)]
pub(crate) struct Commit<'a> {
    pub(crate) sealed: Seq,
    pub(crate) at: Timestamp,
    pub(crate) segments: &'a [Segment],
    pub(crate) states: &'a [(&'a str, Vec<u8>)],
    pub(crate) checkpoints: &'a [Checkpoint],
    pub(crate) events: &'a [(Seq, Event)],
    pub(crate) anchors: &'a [(Seq, AnchorScore)],
    pub(crate) labels: &'a [(Seq, Person)],
}

/// What the catalogue holds at start.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) sealed: Seq,
    /// When it was last written.
    pub(crate) at: Option<Timestamp>,
    /// Whether the last process said goodbye; `None` when there was none.
    pub(crate) clean: Option<bool>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) states: BTreeMap<String, Vec<u8>>,
    pub(crate) checkpoints: BTreeMap<String, Checkpoint>,
    pub(crate) events: Vec<(Seq, Event)>,
    pub(crate) anchors: Vec<(Seq, AnchorScore)>,
    pub(crate) labels: Vec<(Seq, Person)>,
}

impl Catalogue {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // FULL: a commit is durable when it returns, not only consistent.
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.execute_batch(SCHEMA)?;
            for (table, column, kind) in LATER_COLUMNS {
                let sql = "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2";
                if !connection.prepare(sql)?.exists([table, column])? {
                    connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind}"))?;
                }
            }
            Ok(connection)
        };
        let connection = Arc::new(Mutex::new(open().map_err(Error::catalogue("open tables"))?));
        Ok(Self { connection })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while it was held rolled its transaction back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn load(&self) -> Result<Saved, Error> {
        let connection = self.lock();
        let meta = |name: &str| {
            let query = "SELECT value FROM meta WHERE name = ?1";
            connection.query_row(query, [name], |row| row.get::<_, i64>(0)).optional()
        };
        let read = || -> rusqlite::Result<Saved> {
            let mut saved = Saved {
                sealed: Seq(meta("sealed")?.unwrap_or(0).cast_unsigned()),
                at: meta("at")?.map(Timestamp::from_nanos),
                clean: meta("clean")?.map(|clean| clean != 0),
                ..Saved::default()
            };
            let mut query = connection
                .prepare("SELECT path, tab, rows, bytes, min_time, max_time, sealed FROM segments ORDER BY sealed, path")?;
            for segment in query.query_map([], segment_of)? {
                saved.segments.extend(segment?);
            }
            let mut query = connection.prepare("SELECT name, body FROM states")?;
            saved.states =
                query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
            let mut query = connection.prepare("SELECT file, offset, finished_at FROM checkpoints")?;
            for checkpoint in query.query_map([], checkpoint_of)? {
                let checkpoint = checkpoint?;
                saved.checkpoints.insert(checkpoint.file.clone(), checkpoint);
            }
            Ok(saved)
        };
        let mut saved = read().map_err(Error::catalogue("read"))?;
        saved.events = rows(&connection, "events", "an event")?;
        saved.anchors = rows(&connection, "anchor_scores", "an anchor's score")?;
        saved.labels = rows(&connection, "labels", "a label")?;
        Ok(saved)
    }

    /// Notes whether the process has said goodbye.
    pub(crate) fn set_clean(&self, clean: bool, at: Timestamp) -> Result<(), Error> {
        let mut connection = self.lock();
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            set_meta(&transaction, "clean", i64::from(clean))?;
            set_meta(&transaction, "at", at.as_nanos())?;
            transaction.commit()
        };
        write().map_err(Error::catalogue("note start or end"))
    }

    /// The last sealed record, as committed.
    pub(crate) fn sealed(&self) -> Result<Seq, Error> {
        let connection = self.lock();
        let query = "SELECT value FROM meta WHERE name = 'sealed'";
        let found = connection.query_row(query, [], |row| row.get::<_, i64>(0)).optional();
        let found = found.map_err(Error::catalogue("read the sealed sequence"))?;
        Ok(Seq(found.unwrap_or(0).cast_unsigned()))
    }

    pub(crate) fn commit(&self, commit: &Commit<'_>) -> Result<(), Error> {
        let events = bodies(commit.events, "an event")?;
        let anchors = bodies(commit.anchors, "an anchor's score")?;
        let labels = bodies(commit.labels, "a label")?;
        let mut connection = self.lock();
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            set_meta(&transaction, "sealed", commit.sealed.0.cast_signed())?;
            set_meta(&transaction, "at", commit.at.as_nanos())?;
            for segment in commit.segments {
                insert_segment(&transaction, segment)?;
            }
            failpoint::pass("sqlite.mid_transaction");
            for (name, body) in commit.states {
                let sql = "INSERT OR REPLACE INTO states (name, sealed, body) VALUES (?1, ?2, ?3)";
                transaction.prepare_cached(sql)?.execute(params![
                    name,
                    commit.sealed.0.cast_signed(),
                    body
                ])?;
            }
            for checkpoint in commit.checkpoints {
                let sql =
                    "INSERT OR REPLACE INTO checkpoints (file, offset, finished_at) VALUES (?1, ?2, ?3)";
                let finished = checkpoint.finished_at.map(u64::cast_signed);
                let offset = checkpoint.offset.cast_signed();
                transaction.prepare_cached(sql)?.execute(params![checkpoint.file, offset, finished])?;
            }
            put_rows(&transaction, "events", &events, limits::EVENTS)?;
            put_rows(&transaction, "anchor_scores", &anchors, limits::ANCHOR_SCORES)?;
            put_rows(&transaction, "labels", &labels, limits::LABELS)?;
            failpoint::pass("seal.before_commit");
            transaction.commit()?;
            failpoint::pass("seal.after_commit");
            Ok(())
        };
        write().map_err(Error::catalogue("commit a seal"))
    }

    /// Forgets segments; their files may then be deleted.
    pub(crate) fn remove(&self, paths: &[PathBuf]) -> Result<(), Error> {
        let mut connection = self.lock();
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            for path in paths {
                transaction.execute("DELETE FROM segments WHERE path = ?1", [path.to_string_lossy()])?;
            }
            transaction.commit()
        };
        write().map_err(Error::catalogue("forget segments"))
    }
}

/// A record's sequence and its encoded body.
type Body = (i64, Vec<u8>);

fn bodies<T: Serialize>(records: &[(Seq, T)], what: &'static str) -> Result<Vec<Body>, Error> {
    let encode = |(seq, record): &(Seq, T)| {
        let body = rmp_serde::to_vec_named(record).map_err(|err| Error::Encode { what, err })?;
        Ok((seq.0.cast_signed(), body))
    };
    records.iter().map(encode).collect()
}

/// Every row of a table of records, in their order.
fn rows<T: DeserializeOwned>(
    connection: &Connection,
    table: &str,
    what: &'static str,
) -> Result<Vec<(Seq, T)>, Error> {
    let read = || -> rusqlite::Result<Vec<Body>> {
        let mut query = connection.prepare(&format!("SELECT seq, body FROM {table} ORDER BY seq"))?;
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let decode = |(seq, body): Body| {
        let record = rmp_serde::from_slice(&body).map_err(|err| Error::Decode { what, err })?;
        Ok((Seq(seq.cast_unsigned()), record))
    };
    read().map_err(Error::catalogue("read records"))?.into_iter().map(decode).collect()
}

/// Adds rows to a table of records and forgets the oldest beyond the limit.
fn put_rows(transaction: &Transaction<'_>, table: &str, bodies: &[Body], limit: u64) -> rusqlite::Result<()> {
    for (seq, body) in bodies {
        let sql = format!("INSERT OR REPLACE INTO {table} (seq, body) VALUES (?1, ?2)");
        transaction.prepare_cached(&sql)?.execute(params![seq, body])?;
    }
    let sql = format!(
        "DELETE FROM {table} WHERE seq <= (SELECT seq FROM {table} ORDER BY seq DESC LIMIT 1 OFFSET ?1)"
    );
    transaction.execute(&sql, [limit.cast_signed()])?;
    Ok(())
}

fn set_meta(transaction: &Transaction<'_>, name: &str, value: i64) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    transaction.prepare_cached(sql)?.execute(params![name, value]).map(|_| ())
}

fn insert_segment(transaction: &Transaction<'_>, segment: &Segment) -> rusqlite::Result<()> {
    let sql = "INSERT INTO segments (path, tab, rows, bytes, min_time, max_time, sealed)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = transaction.prepare_cached(sql)?;
    statement.execute(params![
        segment.path.to_string_lossy(),
        segment.table.name(),
        segment.rows.cast_signed(),
        segment.bytes.cast_signed(),
        segment.min_time.as_nanos(),
        segment.max_time.as_nanos(),
        segment.sealed.cast_signed(),
    ])?;
    Ok(())
}

/// `None` for a table of a later version: its files are left alone.
fn segment_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Segment>> {
    let Some(table) = Table::named(&row.get::<_, String>(1)?) else { return Ok(None) };
    Ok(Some(Segment {
        table,
        path: PathBuf::from(row.get::<_, String>(0)?),
        rows: row.get::<_, i64>(2)?.cast_unsigned(),
        bytes: row.get::<_, i64>(3)?.cast_unsigned(),
        min_time: Timestamp::from_nanos(row.get(4)?),
        max_time: Timestamp::from_nanos(row.get(5)?),
        sealed: row.get::<_, i64>(6)?.cast_unsigned(),
    }))
}

fn checkpoint_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Checkpoint> {
    let finished_at: Option<i64> = row.get(2)?;
    Ok(Checkpoint {
        file: row.get(0)?,
        offset: row.get::<_, i64>(1)?.cast_unsigned(),
        finished_at: finished_at.map(i64::cast_unsigned),
    })
}
