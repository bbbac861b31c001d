//! `bifocal serve` as a user starts it, on free ports with a data folder of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How often a condition is looked at, and how often before the test gives up: three minutes of waiting, since a judge
/// on a busy CPU needs one for a few calls, and longer where calls time out and are tried again.
const LOOK: Duration = Duration::from_millis(250);
const LOOKS: u32 = 720;

/// A running server; dropped, it is killed.
#[derive(Debug)]
pub(super) struct Bifocal {
    /// Where page and API are: `http://HOST:PORT`.
    pub(super) page: String,
    /// What clients use in place of the upstream.
    pub(super) proxy: String,
    pub(super) data: TempDir,
    child: Child,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl Bifocal {
    /// Serves an upstream that is scraped each second.
    pub(super) fn serve(upstream: &str, args: &[&str]) -> Self {
        Self::serve_scraping(upstream, &format!("{upstream}/metrics"), args)
    }

    /// Serves an upstream of which another page is scraped each second.
    pub(super) fn serve_scraping(upstream: &str, scrape: &str, args: &[&str]) -> Self {
        let data = TempDir::new().unwrap();
        let config = data.path().join("bifocal.toml");
        std::fs::write(
            &config,
            format!(
                "[[target]]\nupstream = \"{upstream}\"\nscrape = '{scrape}'\nscrape_every_seconds = 1.0\n"
            ),
        )
        .unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bifocal"))
            .args(["serve", "--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0", "--config"])
            .arg(&config)
            .arg("--data")
            .arg(data.path().join("data"))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The greeting names the addresses; its last line says that Ctrl-C ends.
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let greeting: Vec<String> = lines.take_while(|line| !line.contains("Ctrl-C")).collect();
        let address = |label: &str| {
            let line = greeting.iter().find_map(|line| line.strip_prefix(label));
            line.and_then(|line| line.split_whitespace().next()).unwrap().to_owned()
        };
        let (page, proxy) = (address("page and API"), address("proxy"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { page, proxy, data, child, runtime, http: reqwest::Client::new() }
    }

    /// The body of a GET.
    pub(super) fn text(&self, url: &str) -> String {
        self.runtime.block_on(async {
            self.http.get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
        })
    }

    /// `GET /api/v1/…`.
    pub(super) fn api(&self, place: &str) -> Value {
        serde_json::from_str(&self.text(&format!("{}/api/v1/{place}", self.page))).unwrap()
    }

    /// The status, content type and body of a JSON call.
    pub(super) fn post(&self, url: &str, body: &Value) -> (u16, String, Value) {
        self.runtime.block_on(async {
            let answer = self.http.post(url).json(body).send().await.unwrap();
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            (answer.status().as_u16(), kind, answer.json().await.unwrap())
        })
    }

    /// The samples of one metric of our own `/metrics`.
    pub(super) fn metric(&self, name: &str) -> Vec<f64> {
        let text = self.text(&format!("{}/metrics", self.page));
        let samples = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        samples.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
    }

    /// Waits until the API says so.
    pub(super) fn until<T>(&self, what: &str, mut test: impl FnMut(&Self) -> Option<T>) -> T {
        for _ in 0..LOOKS {
            if let Some(found) = test(self) {
                return found;
            }
            std::thread::sleep(LOOK);
        }
        panic!("{what}: not in {LOOKS} looks");
    }

    /// Waits for so many inferences, and gives them whole.
    pub(super) fn inferences(&self, count: usize) -> Vec<Value> {
        let list = self.until("inferences of the API", |bifocal| {
            let items = bifocal.api("inferences?limit=100")["items"].as_array().unwrap().clone();
            (items.len() >= count).then_some(items)
        });
        assert_eq!(list.len(), count, "each call once");
        list.iter().map(|item| self.api(&format!("inferences/{}", item["id"].as_str().unwrap()))).collect()
    }

    /// Whether the server still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Bifocal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
