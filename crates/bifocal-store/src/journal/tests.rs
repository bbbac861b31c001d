use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::fixture::{at, call};

fn batch(first: u64, count: u64) -> Vec<Record> {
    (first..first + count).map(|i| call(i, i64::try_from(i).unwrap())).collect()
}

fn reopen(dir: &Path) -> Result<(Journal, Found), Error> {
    open(dir, Seq(0), at(0), Box::new(Disk))
}

fn records(found: &Found) -> Vec<Record> {
    found.frames.iter().flat_map(|frame| frame.records.clone()).collect()
}

fn wal(dir: &Path) -> PathBuf {
    path(dir, 1)
}

#[test]
fn a_torn_append_is_cut_at_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopen(dir.path()).unwrap();
    journal.append(&[batch(0, 3)], at(1)).unwrap();
    let sound = usize::try_from(journal.bytes()).unwrap();
    journal.append(&[batch(3, 1), batch(4, 1)], at(2)).unwrap();
    drop(journal);
    let whole = fs::read(wal(dir.path())).unwrap();
    for length in sound..whole.len() {
        for zeros in [0, whole.len() - length] {
            let mut torn = whole[..length].to_vec();
            torn.resize(length + zeros, 0);
            if torn == whole {
                continue; // the rest was zeros anyway
            }
            fs::write(wal(dir.path()), &torn).unwrap();
            let (mut journal, found) = reopen(dir.path()).unwrap();
            assert_eq!(records(&found), batch(0, 3), "cut at {length}, {zeros} zeros");
            assert_eq!(found.torn_bytes, (torn.len() - sound) as u64);
            assert_eq!((journal.next(), journal.bytes()), (Seq(4), sound as u64));
            if length.is_multiple_of(16) {
                journal.append(&[batch(9, 1)], at(3)).unwrap();
                drop(journal);
                let (_, found) = reopen(dir.path()).unwrap();
                assert_eq!(records(&found)[3..], batch(9, 1));
            }
        }
    }
}

#[test]
fn a_torn_header_begins_anew() {
    for length in 0..frame::HEADER_BYTES {
        let dir = tempfile::tempdir().unwrap();
        fs::write(wal(dir.path()), &frame::header(Salt::default())[..length]).unwrap();
        let (mut journal, found) = reopen(dir.path()).unwrap();
        assert!(found.frames.is_empty());
        journal.append(&[batch(0, 1)], at(1)).unwrap();
        drop(journal);
        assert_eq!(records(&reopen(dir.path()).unwrap().1), batch(0, 1));
    }
}

#[test]
fn damage_in_the_middle_names_file_and_place() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopen(dir.path()).unwrap();
    journal.append(&[batch(0, 1)], at(1)).unwrap();
    let second = journal.bytes();
    journal.append(&[batch(1, 1)], at(2)).unwrap();
    let third = journal.bytes();
    journal.append(&[batch(2, 1)], at(3)).unwrap();
    drop(journal);
    let whole = fs::read(wal(dir.path())).unwrap();
    for offset in (second..third).step_by(7) {
        let mut damaged = whole.clone();
        damaged[usize::try_from(offset).unwrap()] ^= 0x40;
        fs::write(wal(dir.path()), &damaged).unwrap();
        let error = reopen(dir.path()).unwrap_err();
        let Error::Damaged { path, offset: found, .. } = &error else { panic!("{error}") };
        assert_eq!((path, *found), (&wal(dir.path()), second), "flipped at {offset}");
        assert_eq!(error.code(), Some("B0222"));
        assert_eq!(fs::read(wal(dir.path())).unwrap(), damaged, "evidence is left alone");
    }
}

#[test]
fn a_text_that_looks_like_a_frame_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut fake = Vec::new();
    frame::encode(&mut fake, Salt::default(), Seq(2), at(1), &[batch(7, 1)]).unwrap();
    let (mut journal, _) = reopen(dir.path()).unwrap();
    journal.append(&[batch(0, 1)], at(1)).unwrap();
    drop(journal);
    let mut bytes = fs::read(wal(dir.path())).unwrap();
    bytes.extend([0; 20]);
    bytes.extend(fake);
    fs::write(wal(dir.path()), &bytes).unwrap();
    let (_, found) = reopen(dir.path()).unwrap();
    assert_eq!(records(&found), batch(0, 1), "a torn end, not damage");
}

#[test]
fn missing_records_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Seq(5), at(0), Box::new(Disk)).unwrap();
    journal.append(&[batch(0, 1)], at(1)).unwrap();
    drop(journal);
    let error = open(dir.path(), Seq(4), at(0), Box::new(Disk)).unwrap_err();
    assert!(error.to_string().contains("expected record 5, found 6"), "{error}");
}

/// A journal of version 1 is read to its end and followed by a file of this version: a reader of version 1 would lose the
/// findings of calls that were appended to its file.
#[test]
fn a_journal_of_version_1_is_read_and_not_continued() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), Seq(0), at(0), Box::new(Disk)).unwrap();
    journal.append(&[batch(0, 2)], at(1)).unwrap();
    drop(journal);
    let mut bytes = fs::read(wal(dir.path())).unwrap();
    bytes[4] = 1;
    fs::write(wal(dir.path()), &bytes).unwrap();
    let (mut journal, found) = reopen(dir.path()).unwrap();
    assert_eq!(found.frames.len(), 1);
    journal.append(&[batch(2, 1)], at(2)).unwrap();
    drop(journal);
    assert_eq!(fs::read(wal(dir.path())).unwrap(), bytes, "the old file is left as it was");
    let newer = fs::read(dir.path().join("000002.wal")).unwrap();
    assert_eq!(newer[4], frame::VERSION);
    let (_, found) = reopen(dir.path()).unwrap();
    assert_eq!(found.frames.len(), 2);
}

#[test]
fn another_version_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut header = frame::header(Salt::default());
    header[4] = 9;
    fs::write(wal(dir.path()), header).unwrap();
    let error = reopen(dir.path()).unwrap_err();
    assert_eq!(error.code(), Some("B0223"));
    let said = format!("its format is 9, this version reads {}", frame::VERSION);
    assert!(error.to_string().contains(&said), "{error}");
}

#[test]
fn a_cut_begins_a_new_file_and_deletes_the_old() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopen(dir.path()).unwrap();
    journal.append(&[batch(0, 2)], at(1)).unwrap();
    journal.cut(at(2)).unwrap();
    journal.append(&[batch(2, 1)], at(3)).unwrap();
    drop(journal);
    assert!(!wal(dir.path()).exists());
    let (journal, found) = open(dir.path(), Seq(2), at(4), Box::new(Disk)).unwrap();
    assert_eq!((journal.next(), records(&found)), (Seq(4), batch(2, 1)));
}

/// A disk with room for so many bytes; what fits of a write is written before it fails.
#[derive(Clone, Debug)]
struct SmallDisk {
    room: Arc<AtomicU64>,
    syncs: Arc<AtomicU64>,
}

#[derive(Debug)]
struct SmallFile {
    disk: SmallDisk,
    file: fs::File,
}

impl Opener for SmallDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Medium>> {
        let file = fs::File::options().create(true).append(true).open(path)?;
        Ok(Box::new(SmallFile { disk: self.clone(), file }))
    }
}

impl Medium for SmallFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        use io::Write as _;
        let used = self.file.metadata()?.len();
        let room = self.disk.room.load(Ordering::SeqCst).saturating_sub(used);
        let fits = bytes.len().min(usize::try_from(room).unwrap());
        self.file.write_all(&bytes[..fits])?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.disk.syncs.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.disk.syncs.store(0, Ordering::SeqCst);
            return Err(io::Error::other("lost the disk"));
        }
        self.file.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
}

#[test]
fn a_full_disk_refuses_whole_appends_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SmallDisk { room: Arc::new(AtomicU64::new(2_000)), syncs: Arc::new(AtomicU64::new(u64::MAX)) };
    let (mut journal, _) = open(dir.path(), Seq(0), at(0), Box::new(disk.clone())).unwrap();
    journal.append(&[batch(0, 1)], at(1)).unwrap();
    let sound = journal.bytes();
    let error = journal.append(&[batch(1, 5)], at(2)).unwrap_err();
    assert!(error.is_disk_full() && error.is_retryable(), "{error:?}");
    assert_eq!(fs::metadata(wal(dir.path())).unwrap().len(), sound);
    assert!(matches!(journal.append(&[batch(1, 1)], at(3)), Err(Error::Refusing)));
    assert!(journal.retry().is_err(), "there is still no room");
    disk.room.store(1 << 20, Ordering::SeqCst);
    journal.retry().unwrap();
    assert_eq!(fs::metadata(wal(dir.path())).unwrap().len(), sound);
    journal.append(&[batch(1, 5)], at(4)).unwrap();
    drop(journal);
    assert_eq!(records(&reopen(dir.path()).unwrap().1), batch(0, 6));
}

#[test]
fn a_failed_sync_takes_the_append_back() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SmallDisk { room: Arc::new(AtomicU64::new(1 << 20)), syncs: Arc::new(AtomicU64::new(2)) };
    let (mut journal, _) = open(dir.path(), Seq(0), at(0), Box::new(disk.clone())).unwrap();
    journal.append(&[batch(0, 1)], at(1)).unwrap();
    assert!(matches!(journal.append(&[batch(1, 1)], at(2)), Err(Error::Append { .. })));
    disk.syncs.store(u64::MAX, Ordering::SeqCst);
    journal.retry().unwrap();
    journal.append(&[batch(2, 1)], at(3)).unwrap();
    drop(journal);
    let kept = records(&reopen(dir.path()).unwrap().1);
    assert_eq!(kept, [batch(0, 1), batch(2, 1)].concat());
}

#[test]
fn limit_append_bytes() {
    let mut record = call(0, 0);
    let Record::Inference(inference) = &mut record else { panic!() };
    let half = usize::try_from(crate::limits::APPEND_BYTES / 2).unwrap();
    std::sync::Arc::make_mut(inference).answer = bifocal_redact::redact_owned("a ".repeat(half / 2)).0;
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopen(dir.path()).unwrap();
    let error = journal.append(&[vec![record.clone()], vec![record]], at(1)).unwrap_err();
    assert!(matches!(error, Error::AppendTooLarge { .. }), "{error}");
    journal.append(&[batch(0, 1)], at(2)).unwrap();
    assert_eq!(journal.next(), Seq(2), "it refused nothing but that append");
}
