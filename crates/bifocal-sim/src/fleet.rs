//! The scripted fleet: what is asked of each component and what it answers, as functions of seed, component, number
//! and time. There is no state, so a test, the history and the live servers see the same world.

use std::sync::Arc;

use bifocal_model::{Timestamp, fnv1a};
use bytes::Bytes;

use crate::component::{COMPONENTS, Component, TTFT_SIGMA};
use crate::corpus::{self, Entry, Format, Language, Quality, REFUSALS, Slots};
use crate::exchange::{Exchange, Request, Response};
use crate::incident::{Incident, Incidents};
use crate::openai::{self, Dialect, Generated, head, quoted, tokens};
use crate::random::Random;
use crate::script::Ask;
use crate::words::{TextIndex, word_hashes};

/// A simulated endpoint with two components.
#[derive(Clone, Debug)]
pub struct Fleet {
    seed: u64,
    entries: Arc<Vec<Entry>>,
    prompts: Arc<TextIndex>,
}

/// What random numbers are for: a part of their key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Arrivals = 1,
    Waste,
    Request,
    Response,
    Thinning,
    Gauges,
    Improvised,
    Mix,
}

const STREAMED: f64 = 0.7;
const REFUSED: f64 = 0.003;
const FAILED: f64 = 0.0005;
/// Share of the requests that allow too few tokens for the answer.
const CUT_SHORT: f64 = 0.004;
const FEW_TOKENS: usize = 48;
const MANY_TOKENS: usize = 512;
/// Share of the answers that are worse in a silent degradation.
const WORSE_SHARE: f64 = 0.6;
/// Share of the requests that become German ones in a shift of the mix.
const SHIFTED_SHARE: f64 = 0.7;
/// What a harmless deployment puts behind the model's name.
const NEW_REVISION: &str = "-r2";
/// Share of the requests that fail in an outage and in a full overload.
pub(crate) const OUTAGE_FAILS: f64 = 0.93;
const OVERLOAD_FAILS: f64 = 0.002;
/// The queue of a full overload, in seconds of waiting: median, least, most.
pub(crate) const QUEUE_SECONDS: (f64, f64, f64) = (9.0, 5.0, 15.0);
/// How much slower tokens come when the batch is full.
const OVERLOAD_PACE: f64 = 0.25;

const SYSTEM_EN: &str =
    "You are the assistant of an online shop for devices. Answer politely, precisely and briefly.";
const SYSTEM_DE: &str =
    "Du bist der Assistent eines Onlineshops für Geräte. Antworte höflich, genau und kurz.";
const OPENERS_EN: [&str; 4] = ["", "", "Thank you for your message. ", "Good question. "];
const OPENERS_DE: [&str; 3] = ["", "", "Vielen Dank für Ihre Anfrage. "];
const CLOSERS_EN: [&str; 4] =
    ["", "", " Please let me know if you need anything else.", " I hope this helps."];
const CLOSERS_DE: [&str; 3] = ["", "", " Bei weiteren Fragen helfe ich gern."];
/// What people put around a question; the same question is seldom asked with the same words.
const HELLOS_EN: [&str; 5] = ["", "", "Hello! ", "Hi, I have a question. ", "Quick question: "];
const HELLOS_DE: [&str; 4] = ["", "", "Guten Tag! ", "Hallo, eine Frage: "];
const THANKS_EN: [&str; 4] = ["", "", " Thanks!", " Kind regards, {name}"];
const THANKS_DE: [&str; 3] = ["", "", " Vielen Dank!"];
const TENANTS: [&str; 4] = ["retail", "support-desk", "field-service", "intranet"];

/// What a request is about.
#[derive(Debug)]
struct Topic<'a> {
    entry: &'a Entry,
    question: String,
    slots: Slots,
    dialect: Dialect,
    streamed: bool,
    few_tokens: bool,
    tenant: &'static str,
}

impl Fleet {
    /// The fleet of a seed.
    pub fn new(seed: u64) -> Self {
        let entries = corpus::entries();
        let prompts = TextIndex::new(entries.iter().map(|entry| entry.prompt.as_str()));
        Self { seed, entries: Arc::new(entries), prompts: Arc::new(prompts) }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Its components.
    pub fn components() -> &'static [Component] {
        &COMPONENTS
    }

    /// The component of a name.
    pub fn component(name: &str) -> Option<&'static Component> {
        COMPONENTS.iter().find(|component| component.name == name)
    }

    pub(crate) fn random(&self, component: &Component, purpose: Purpose, number: u64) -> Random {
        Random::keyed(self.seed, &[component.number, purpose as u64, number])
    }

    fn topic(&self, component: &Component, index: u64, time: Timestamp, incidents: &Incidents) -> Topic<'_> {
        let mut random = self.random(component, Purpose::Request, index);
        let mut entry = random.of(&self.entries);
        if incidents.is_active(Incident::MixShift, component.name, time) {
            entry = self.shifted(component, index).unwrap_or(entry);
        }
        let slots = Slots::draw(&mut random);
        let (hello, thanks) = match entry.language {
            Language::En => (*random.of(&HELLOS_EN), *random.of(&THANKS_EN)),
            Language::De => (*random.of(&HELLOS_DE), *random.of(&THANKS_DE)),
        };
        Topic {
            entry,
            question: slots.fill(&format!("{hello}{}{thanks}", entry.prompt)),
            slots,
            dialect: Dialect::Chat,
            streamed: random.chance(STREAMED),
            few_tokens: random.chance(CUT_SHORT),
            tenant: random.of::<&'static str>(&TENANTS),
        }
    }

    /// The German question that a shift of the mix puts in the place of an arrival's own.
    fn shifted(&self, component: &Component, index: u64) -> Option<&Entry> {
        let mut random = self.random(component, Purpose::Mix, index);
        if !random.chance(SHIFTED_SHARE) {
            return None;
        }
        let german: Vec<&Entry> =
            self.entries.iter().filter(|entry| entry.language == Language::De).collect();
        Some(*random.of(&german))
    }

    /// What the client of an arrival sends. Only a shift of the mix changes it.
    pub fn request(
        &self,
        component: &Component,
        index: u64,
        time: Timestamp,
        incidents: &Incidents,
    ) -> Request {
        self.topic(component, index, time, incidents).request(component)
    }

    /// An arrival of a component with its answer at a time.
    pub fn exchange(
        &self,
        component: &Component,
        index: u64,
        time: Timestamp,
        incidents: &Incidents,
    ) -> Exchange {
        let topic = self.topic(component, index, time, incidents);
        let request = topic.request(component);
        let random = self.random(component, Purpose::Response, index);
        let response = self.respond(component, &topic, random, time, incidents);
        Exchange { component: component.name.to_owned(), index, time, request, response }
    }

    /// The answer to a request that is no scripted arrival: that of the entry nearest to what is asked.
    pub(crate) fn improvise(
        &self,
        component: &Component,
        ask: &Ask,
        time: Timestamp,
        incidents: &Incidents,
    ) -> Response {
        let key = fnv1a(ask.question.bytes()) ^ time.as_nanos().unsigned_abs();
        let mut random = self.random(component, Purpose::Improvised, key);
        let nearest = self.prompts.find(&word_hashes(&ask.question)).map_or(0, |found| found.text);
        let topic = Topic {
            entry: &self.entries[nearest],
            question: ask.question.clone(),
            slots: Slots::draw(&mut random),
            dialect: ask.dialect,
            streamed: ask.streamed,
            few_tokens: false,
            tenant: TENANTS[0],
        };
        self.respond(component, &topic, random, time, incidents)
    }

    /// The answer alone to an arrival.
    pub(crate) fn response(
        &self,
        component: &Component,
        index: u64,
        time: Timestamp,
        incidents: &Incidents,
    ) -> Response {
        let random = self.random(component, Purpose::Response, index);
        self.respond(component, &self.topic(component, index, time, incidents), random, time, incidents)
    }

    fn respond(
        &self,
        component: &Component,
        topic: &Topic<'_>,
        mut random: Random,
        time: Timestamp,
        incidents: &Incidents,
    ) -> Response {
        // Every number is drawn whatever the incidents, so that one changes only what it is about.
        let fate = random.unit();
        let worse = random.chance(WORSE_SHARE);
        let refused = random.chance(REFUSED);
        let ttft = random.log_normal(component.ttft_seconds, TTFT_SIGMA);
        let (fastest, slowest) = component.itl_seconds;
        let itl = random.between(fastest, slowest);
        let (median, least, most) = QUEUE_SECONDS;
        let full_wait = random.log_normal(median, 0.25).clamp(least, most);
        let id = random.next();

        let queue = incidents.queue_level(component.name, time);
        let outage = incidents.is_active(Incident::Outage, component.name, time);
        let silent = incidents.is_active(Incident::SilentDegradation, component.name, time);
        if outage && fate < OUTAGE_FAILS {
            let message = "no healthy replica of the model is available";
            return openai::error(503, 0.02, "ServiceUnavailableError", message);
        }
        if fate < FAILED {
            return openai::error(500, ttft, "InternalServerError", "the engine core stopped unexpectedly");
        }
        if queue > 0.5 && fate < FAILED + OVERLOAD_FAILS {
            return openai::error(
                503,
                most,
                "ServiceUnavailableError",
                "the request waited too long in the queue",
            );
        }
        let quality = if silent && worse { Quality::Worse } else { Quality::Good };
        let text = if refused { topic.refusal(&mut random) } else { topic.answer(quality, &mut random) };
        let allowed = if topic.few_tokens { FEW_TOKENS } else { MANY_TOKENS };
        let cut = head(&text, allowed);
        let renewed = incidents.is_active(Incident::HarmlessDeployment, component.name, time);
        let served = format!("{}{}", component.name, if renewed { NEW_REVISION } else { "" });
        let generated = Generated {
            dialect: topic.dialect,
            id,
            model: &served,
            created: time,
            text: cut,
            prompt_tokens: tokens(&topic.question) + tokens(topic.system()) + 12,
            finish_reason: if cut.len() < text.len() { "length" } else { "stop" },
            ttft_seconds: ttft + queue * full_wait,
            itl_seconds: itl * (1.0 + OVERLOAD_PACE * queue),
        };
        if topic.streamed { generated.streamed() } else { generated.whole() }
    }
}

impl Topic<'_> {
    fn system(&self) -> &'static str {
        match self.entry.language {
            Language::En => SYSTEM_EN,
            Language::De => SYSTEM_DE,
        }
    }

    fn request(&self, component: &Component) -> Request {
        let stream =
            if self.streamed { ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" } else { "" };
        let format = match self.entry.format {
            Format::Text => "",
            Format::Json => ",\"response_format\":{\"type\":\"json_object\"}",
        };
        let max_tokens = if self.few_tokens { FEW_TOKENS } else { MANY_TOKENS };
        let body = format!(
            "{{\"model\":{},\"messages\":[{{\"role\":\"system\",\"content\":{}}},{{\"role\":\"user\",\"content\":{}}}],\
             \"max_tokens\":{max_tokens},\"temperature\":0.2{format}{stream}}}",
            quoted(component.name),
            quoted(self.system()),
            quoted(&self.question)
        );
        let headers =
            vec![("content-type", "application/json".to_owned()), ("x-tenant", self.tenant.to_owned())];
        Request { path: "/v1/chat/completions", headers, body: Bytes::from(body) }
    }

    fn answer(&self, quality: Quality, random: &mut Random) -> String {
        let text = self.slots.fill(self.entry.answer(quality));
        match (self.entry.format, self.entry.language) {
            (Format::Json, _) => text,
            (Format::Text, Language::En) => {
                format!("{}{text}{}", random.of(&OPENERS_EN), random.of(&CLOSERS_EN))
            }
            (Format::Text, Language::De) => {
                format!("{}{text}{}", random.of(&OPENERS_DE), random.of(&CLOSERS_DE))
            }
        }
    }

    fn refusal(&self, random: &mut Random) -> String {
        let fitting: Vec<&str> = REFUSALS
            .iter()
            .filter(|(language, _)| *language == self.entry.language)
            .map(|(_, text)| *text)
            .collect();
        (*random.of(&fitting)).to_owned()
    }
}
