//! Notifications of S3 about objects, as they lie in a queue: in S3's own words, in EventBridge's, and either of them in
//! an envelope of SNS. The test event that S3 sends when notifications are set up is known too.

use bifocal_model::Timestamp;
use serde::Deserialize;

use crate::error::WireError;
use crate::limits::NOTICE_BYTES;
use crate::loose::Loose;

/// What a message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// Objects that were written.
    pub written: Vec<WrittenObject>,
    /// Events that tell of nothing written: deletions, tests.
    pub others: u64,
}

/// An object that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenObject {
    /// Its bucket.
    pub bucket: String,
    /// Its key, as listings have it.
    pub key: String,
    /// A fingerprint of the content, without quotes, where the event has one.
    pub etag: Option<String>,
    /// When.
    pub time: Timestamp,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<Vec<Event<'a>>>,
    #[serde(borrow, rename = "Event")]
    test: Loose<'a>,
    #[serde(borrow, rename = "Message")]
    message: Loose<'a>,
    #[serde(borrow, rename = "detail-type")]
    detail_type: Loose<'a>,
    #[serde(borrow)]
    time: Loose<'a>,
    #[serde(borrow)]
    detail: Place<'a>,
}

/// One of S3's own events.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event<'a> {
    #[serde(borrow)]
    event_name: Loose<'a>,
    #[serde(borrow)]
    event_time: Loose<'a>,
    #[serde(borrow)]
    s3: Place<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place<'a> {
    #[serde(borrow)]
    bucket: Bucket<'a>,
    #[serde(borrow)]
    object: Object<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bucket<'a> {
    #[serde(borrow)]
    name: Loose<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object<'a> {
    #[serde(borrow)]
    key: Loose<'a>,
    #[serde(borrow, alias = "eTag")]
    etag: Loose<'a>,
}

/// Whether a message may be an envelope.
#[derive(Clone, Copy)]
enum Envelope {
    Perhaps,
    Opened,
}

/// Reads one message; an error where it is no notification of S3.
pub fn parse(message: &[u8]) -> Result<Notice, WireError> {
    if message.len() > NOTICE_BYTES {
        return Err(WireError::TooLong { what: "a notification", name: "notice_bytes", limit: NOTICE_BYTES });
    }
    read(std::str::from_utf8(message)?, Envelope::Perhaps)
}

fn read(text: &str, envelope: Envelope) -> Result<Notice, WireError> {
    let said: Said<'_> = serde_json::from_str(text).map_err(|err| WireError::json(&err))?;
    let mut notice = Notice::default();
    if let Some(records) = said.records {
        for event in records {
            // In events through SNS and Lambda the name has a prefix: `s3:ObjectCreated:Put`.
            let name = event.event_name.text_or_empty();
            if !name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
                notice.others += 1;
                continue;
            }
            let decoded = event.s3.object.key.text_or_empty();
            let key = decode(&decoded)?;
            notice.written.push(written(event.s3.bucket, key, event.s3.object.etag, event.event_time)?);
        }
        return Ok(notice);
    }
    match said.detail_type.text().as_deref() {
        Some("Object Created") => {
            // EventBridge has keys as they are.
            let Place { bucket, object } = said.detail;
            let key = object.key.text_or_empty().into_owned();
            notice.written.push(written(bucket, key, object.etag, said.time)?);
            return Ok(notice);
        }
        Some(_) => {
            notice.others += 1;
            return Ok(notice);
        }
        None => {}
    }
    if said.test.text().is_some_and(|event| event == "s3:TestEvent") {
        notice.others += 1;
        return Ok(notice);
    }
    match (said.message.text(), envelope) {
        (Some(inner), Envelope::Perhaps) => read(&inner, Envelope::Opened),
        _ => Err(WireError::UnknownNotice),
    }
}

fn written(
    bucket: Bucket<'_>,
    key: String,
    etag: Loose<'_>,
    time: Loose<'_>,
) -> Result<WrittenObject, WireError> {
    let bucket = bucket.name.text_or_empty().into_owned();
    let time = time.text().and_then(|time| time.parse().ok());
    let Some(time) = time.filter(|_| !bucket.is_empty() && !key.is_empty()) else {
        return Err(WireError::UnknownNotice);
    };
    let etag = etag.text().map(|etag| etag.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty());
    Ok(WrittenObject { bucket, key, etag, time })
}

/// S3 writes keys as forms do: `+` for a space, `%` and two digits for what is no letter.
fn decode(key: &str) -> Result<String, WireError> {
    let bytes = key.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let hex = digits.filter(|digits| *byte == b'%' && digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match (byte, hex.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (_, Some(decoded)) => {
                plain.push(decoded);
                at += 3;
                continue;
            }
            (b'+', None) => plain.push(b' '),
            (other, None) => plain.push(*other),
        }
        at += 1;
    }
    String::from_utf8(plain).map_err(|err| err.utf8_error().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: &str = r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-11-24T12:00:01.234Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:X"},"s3":{"s3SchemaVersion":"1.0","configurationId":"capture","bucket":{"name":"llm-capture","ownerIdentity":{"principalId":"Y"},"arn":"arn:aws:s3:::llm-capture"},"object":{"key":"prod/llm+1/All%2BTraffic/2026/11/24/12/34-30-683-%C3%A9.jsonl","size":1024,"eTag":"d41d8cd98f00b204e9800998ecf8427e","sequencer":"0A1B"}}},{"eventName":"ObjectRemoved:Delete","s3":{}}]}"#;
    const BRIDGE: &str = r#"{"version":"0","id":"17793124","detail-type":"Object Created","source":"aws.s3","account":"111122223333","time":"2026-11-24T12:00:01Z","region":"ca-central-1","resources":["arn:aws:s3:::llm-capture"],"detail":{"version":"0","bucket":{"name":"llm-capture"},"object":{"key":"prod/llm+1/x.jsonl","size":5,"etag":"b1946ac92492d2347c6235b4d2611184","sequencer":"00617F"},"request-id":"N4","reason":"PutObject"}}"#;
    const TEST: &str = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-24T12:00:00.000Z","Bucket":"llm-capture","RequestId":"5582","HostId":"8cLe"}"#;

    /// As S3 writes an event about one object.
    fn example(bucket: &str, key: &str, etag: &str, time: Timestamp) -> String {
        let encoded: String = key
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                    char::from(byte).to_string()
                }
                b' ' => "+".to_owned(),
                other => format!("%{other:02X}"),
            })
            .collect();
        let record = serde_json::json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": time.to_string(),
            "eventName": "ObjectCreated:Put",
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket}, "object": {"key": encoded, "eTag": etag}},
        });
        serde_json::json!({ "Records": [record] }).to_string()
    }

    fn of_sns(inner: &str) -> String {
        serde_json::json!({"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": inner})
            .to_string()
    }

    #[test]
    fn every_form_says_which_objects_were_written() {
        let own = parse(OWN.as_bytes()).unwrap();
        let [object] = own.written.as_slice() else { panic!("{own:?}") };
        assert_eq!(object.bucket, "llm-capture");
        assert_eq!(object.key, "prod/llm 1/All+Traffic/2026/11/24/12/34-30-683-é.jsonl");
        assert_eq!(object.etag.as_deref(), Some("d41d8cd98f00b204e9800998ecf8427e"));
        assert_eq!(object.time.to_string(), "2026-11-24T12:00:01.234Z");
        assert_eq!(own.others, 1, "what was deleted is passed over");

        let bridge = parse(BRIDGE.as_bytes()).unwrap();
        assert_eq!(bridge.written[0].key, "prod/llm+1/x.jsonl", "as it is");
        assert_eq!(bridge.written[0].etag.as_deref(), Some("b1946ac92492d2347c6235b4d2611184"));
        assert_eq!(parse(TEST.as_bytes()), Ok(Notice { written: Vec::new(), others: 1 }));
        for inner in [OWN, BRIDGE, TEST] {
            assert_eq!(parse(of_sns(inner).as_bytes()), parse(inner.as_bytes()));
        }
        let deleted = BRIDGE.replace("Object Created", "Object Deleted");
        assert_eq!(parse(deleted.as_bytes()), Ok(Notice { written: Vec::new(), others: 1 }));
    }

    #[test]
    fn what_is_no_notification_is_an_error_without_its_text() {
        let twice = of_sns(&of_sns(OWN));
        for wrong in ["", "{}", "[]", "secret", r#"{"Message":"secret"}"#, r#"{"Message":7}"#, &twice] {
            let err = parse(wrong.as_bytes()).unwrap_err();
            assert!(!err.to_string().contains("secret"), "{err}");
        }
        for missing in ["llm-capture", "2026-11-24T12:00:01Z", "prod/llm+1/x.jsonl"] {
            let err = parse(BRIDGE.replace(missing, "").as_bytes());
            assert_eq!(err, Err(WireError::UnknownNotice), "{missing}");
        }
        let no_text = OWN.replace("%C3%A9", "%C3");
        assert!(matches!(parse(no_text.as_bytes()), Err(WireError::NotUtf8 { .. })));
    }

    #[test]
    fn a_message_is_as_long_as_the_queue_takes_them_and_no_longer() {
        let mut long = TEST.to_owned();
        long.push_str(&" ".repeat(NOTICE_BYTES - TEST.len()));
        assert!(parse(long.as_bytes()).is_ok());
        long.push(' ');
        assert!(matches!(parse(long.as_bytes()), Err(WireError::TooLong { name: "notice_bytes", .. })));
    }

    proptest! {
        #[test]
        fn any_key_comes_through(key in "[ -~éü+%]{1,60}") {
            let time = Timestamp::from_secs(1_795_521_600);
            let notice = parse(example("b", &key, "e", time).as_bytes()).unwrap();
            prop_assert_eq!(&notice.written[0].key, &key);
            prop_assert_eq!(notice.written[0].time, time);
        }

        #[test]
        fn percent_signs_that_mean_nothing_stay(text in "[a-z%]{0,20}") {
            let decoded = decode(&text);
            prop_assert!(decoded.is_err() || decoded.unwrap().len() <= text.len());
        }
    }
}
